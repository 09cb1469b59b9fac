//! Results in any storage that [OpenDAL](https://opendal.apache.org) reaches: file
//! systems, object stores, databases.
//!
//! | part | does one thing |
//! |---|---|
//! | `path` | keys as paths that every service takes |
//! | `blob` | bytes, and when they expire |
//! | `remote` | an operator, for callers that wait |
//! | `lease` | locks among those who share the storage, as far as it can |

mod blob;
mod lease;
mod path;
mod remote;

use super::StoreError;
use super::bytes::{ByteStore, Leases};
use crate::clock::Stamp;
use blob::{blob, bytes_of, expiry_of};
use path::{ENTRIES, LEASES, key_of, path_of};
use remote::{Over, Remote};
use std::fmt;
use std::time::{Duration, SystemTime};

/// Any OpenDAL operator, as a store of bytes.
///
/// It keeps to three directories below the operator's root (`entries`, `leases` and
/// `beats`) and touches nothing else there, so several stores want several roots.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use mementos::Memoizer;
/// use mementos::store::{bytes::Encoded, opendal::OpendalStore};
/// use opendal::{Operator, services::Memory};
///
/// let operator = Operator::new(Memory::default()).unwrap();
/// let memo = Memoizer::new(Encoded::new(OpendalStore::new(operator)));
/// assert_eq!(memo.get("key", || 1_u32).unwrap(), 1);
/// # }
/// ```
///
/// # What it costs
///
/// What the service takes, on two threads that all such stores share. A caller waits
/// for them, which it may do in a plain thread and in a runtime's; there it blocks
/// that thread.
///
/// | | asks the service |
/// |---|---|
/// | `get`, `put` | once |
/// | `get_many` | once for each key, for 16 of them at a time |
/// | `delete` | whether it is there, and to delete it; and its lease |
/// | `keys`, `delete_prefix`, `clear` | for a list of what begins so |
/// | a lease | once to acquire it; four times to publish; once each third of its life |
/// | `sweep` | for a list, and for the first bytes of *every* entry |
///
/// Services do not expire what they keep. `sweep` does, when it is called: nothing
/// else gives up what has expired, and [`tidy`](ByteStore::tidy) does nothing. It
/// may give up an entry that replaces an expired one at that moment.
///
/// # Leases are advisory
///
/// They are there where the service writes an object only if there is none; the
/// others have none, and each process builds for itself. No service compares and
/// writes in one step by this interface, so in some interleavings two processes hold
/// the same lease: both build, and one result is kept. That is work done twice. What
/// a `delete` overtook is not kept, but may be found for as long as it takes its
/// holder to see that the lease is gone.
///
/// A holder that dies has its lease taken over after [`lease`](Self::lease), by the
/// clocks of both machines.
///
/// # File systems
///
/// Without `atomic_write_dir` the `fs` service writes in place: who reads meanwhile
/// gets half of it, which the envelope's checksum finds out, and builds. With it, the
/// service looks first and writes then, so that leases exclude others less strictly.
pub struct OpendalStore {
    remote: Remote,
    lasts: Duration,
}

impl OpendalStore {
    /// What this operator reaches. A blocking operator will do as well, and is used
    /// as the one it was made of.
    pub fn new(operator: impl Into<::opendal::Operator>) -> Self {
        const LASTS: Duration = Duration::from_secs(10);
        OpendalStore {
            remote: Remote::new(operator.into()),
            lasts: LASTS,
        }
    }

    /// How long the service may take to answer once, 10 seconds if it is not said.
    /// Whether what took longer was done is not known.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.remote.limit = limit;
        self
    }

    /// How long a lease outlives its holder, 10 seconds if it is not said. A holder
    /// that lives renews it each third of that.
    #[must_use]
    pub fn lease(mut self, lasts: Duration) -> Self {
        self.lasts = lasts;
        self
    }

    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
        over: Over,
    ) -> Result<bool, StoreError> {
        let path = path_of(ENTRIES, key);
        self.remote.write(&path, blob(bytes, expires), over)
    }

    /// The keys in a place that begin so, and their paths.
    fn listed(&self, place: &str, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        let paths = self.remote.list(&path_of(place, prefix))?;
        let keys = paths
            .into_iter()
            .filter_map(|path| Some((key_of(place, &path)?, path)));
        // A service's prefix may be wider, where it knows directories alone.
        Ok(keys.filter(|(key, _)| key.starts_with(prefix)).collect())
    }

    fn has_expired(&self, path: &str, now: Stamp) -> Result<bool, StoreError> {
        let head = self.remote.read_first(path, blob::HEAD as u64)?;
        let expires = head.as_deref().and_then(expiry_of);
        Ok(expires.is_some_and(|at| at <= now))
    }
}

fn whole(blob: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    bytes_of(blob).ok_or_else(|| StoreError::new("reading", "the object is cut short"))
}

impl ByteStore for OpendalStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let blob = self.remote.read(&path_of(ENTRIES, key))?;
        blob.map(whole).transpose()
    }

    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError> {
        self.write(key, bytes, expires, Over::Anything).map(drop)
    }

    fn put_if_absent(
        &self,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<Option<bool>, StoreError> {
        if !self.remote.writes_if_absent() {
            return Ok(None);
        }
        self.write(key, bytes, expires, Over::Nothing).map(Some)
    }

    /// The lease goes first: who publishes looks for it once more after writing, and
    /// so either sees that it is gone, or has written before the entry is deleted.
    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        if self.remote.writes_if_absent() {
            self.remote.delete(&path_of(LEASES, key))?;
        }
        let path = path_of(ENTRIES, key);
        let was_there = self.remote.exists(&path)?;
        self.remote.delete(&path)?;
        Ok(was_there)
    }

    fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let paths = keys.iter().map(|key| path_of(ENTRIES, key)).collect();
        let blobs = self.remote.read_many(paths)?.into_iter();
        blobs.map(|blob| blob.map(whole).transpose()).collect()
    }

    fn keys(&self, prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
        if !self.remote.lists() {
            return Ok(None);
        }
        let listed = self.listed(ENTRIES, prefix)?.into_iter();
        Ok(Some(listed.map(|(key, _)| key).collect()))
    }

    fn delete_prefix(&self, prefix: &str) -> Result<(), StoreError> {
        if !self.remote.lists() {
            let cause = "this service cannot list what it keeps";
            return Err(StoreError::new("deleting by prefix", cause));
        }
        // In the order of `delete`, for the same reason.
        for place in [LEASES, ENTRIES] {
            for (_, path) in self.listed(place, prefix)? {
                self.remote.delete(&path)?;
            }
        }
        Ok(())
    }

    fn sweep(&self, now: SystemTime) -> Result<usize, StoreError> {
        if !self.remote.lists() {
            return Ok(0);
        }
        let mut swept = 0;
        for (_, path) in self.listed(ENTRIES, "")? {
            if self.has_expired(&path, now.into())? {
                self.remote.delete(&path)?;
                swept += 1;
            }
        }
        self.sweep_leases()?;
        Ok(swept)
    }

    fn leases(&self) -> Option<&dyn Leases> {
        self.remote.writes_if_absent().then_some(self)
    }
}

impl fmt::Debug for OpendalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.remote.operator().info();
        write!(f, "OpendalStore({}, {})", info.scheme(), info.root())
    }
}
