use super::core::Core;
use super::renewal::Renewal;
use super::tables::{self, ENTRIES, Tables};
use super::time::{expiry, nanos, now};
use super::{DiskError, DiskFault, DiskOptions};
use crate::store::StoreError;
use crate::store::bytes::{ByteStore, Leases};
use redb::{Error, ReadableTableMetadata};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

/// How many rows one transaction removes at most: in between, others have a turn.
const BATCH: usize = 1000;
/// Every so many puts some of what has expired is swept, and twice as much, so that
/// sweeping keeps up with whatever is put.
const PUTS_PER_SWEEP: usize = 64;

/// Keeps bytes in one file, which several processes may have open at once.
///
/// # What holds
///
/// - What a `put` has returned for survives: the process being killed, and the
///   machine losing power too where the disk does as it is told.
/// - A new file is begun beside its place, as `<name>.begun`, and renamed once it is whole:
///   whoever is killed meanwhile leaves nothing that cannot be opened.
/// - Every call changes all or nothing, except `delete_prefix` and `sweep`, which go
///   by a thousand keys at a time so that others have a turn.
/// - A lease of a process that died ends by itself, by the system's clock.
/// - A damaged file is an error. Where the library beneath panics on it, the panic is
///   caught, though the process's panic hook is told of it. After an error of the
///   system or by damage the next call opens the file again.
///
/// # What it costs
///
/// A read costs a few system calls and the way through two trees. A write waits for
/// the disk twice, and writes of all processes go one after another; but those of
/// several threads of one process share the wait.
///
/// A write waits for those of other processes, up to a limit. What the library beneath
/// does not limit is how long opening waits for such a write, and how long anything
/// waits for a process that compacts the file.
///
/// # Limits
///
/// - The feature `disk` needs Rust 1.90.
/// - The file must be on a local disk: its locks are not for network file systems. It
///   is for Linux, the Apple systems and Windows.
/// - A value has at most 1 GiB, its key included.
///
/// ```
/// use mementos::store::bytes::ByteStore;
/// use mementos::store::disk::DiskStore;
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("cache.redb");
/// let store = DiskStore::open(&path)?;
/// store.put("key", b"bytes", None)?;
/// drop(store);
///
/// let store = DiskStore::open(&path)?;
/// assert_eq!(store.get("key")?.as_deref(), Some(&b"bytes"[..]));
/// # Ok::<_, mementos::store::StoreError>(())
/// ```
pub struct DiskStore {
    /// Ends before the file is closed.
    pub(super) renewal: Renewal,
    pub(super) core: Arc<Core>,
    puts: AtomicUsize,
}

impl DiskStore {
    /// Opens the file at `path`, or begins it where there is none, with a page cache
    /// of 16 MiB and leases of 10 seconds.
    ///
    /// # Errors
    ///
    /// As [`DiskOptions::open`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::at(path).open()
    }

    /// The store in the file at `path`, to be opened as its options say.
    pub fn at(path: impl Into<PathBuf>) -> DiskOptions {
        DiskOptions::new(path.into())
    }

    pub(super) fn with(options: DiskOptions) -> Result<Self, StoreError> {
        let core = Core::open(options).map_err(|error| error.while_doing("opening"))?;
        Ok(DiskStore {
            renewal: Renewal::new(),
            core: Arc::new(core),
            puts: AtomicUsize::new(0),
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.core.file.options().path
    }

    /// How many keys are kept, expired ones that are not swept yet among them. It
    /// costs what a `get` does.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn len(&self) -> Result<usize, StoreError> {
        let len = self
            .core
            .file
            .read(|read| Ok(read.open_table(ENTRIES)?.len()?));
        len.map(|len| usize::try_from(len).unwrap_or(usize::MAX))
            .map_err(|error| error.while_doing("counting"))
    }

    /// Whether no key is kept.
    ///
    /// # Errors
    ///
    /// As [`len`](Self::len).
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        self.len().map(|len| len == 0)
    }

    /// Gives file space that is not needed any more back to the system; answers how
    /// many bytes that were. It checks the whole file, then moves what is kept to its
    /// beginning: that takes about as long as reading and rewriting it, and all other
    /// calls in all processes wait meanwhile. What has expired takes space until it is
    /// swept.
    ///
    /// # Errors
    ///
    /// When the file is damaged, or another process is reading or writing just then,
    /// which is over when it is tried again. That others have the file open is no
    /// hindrance.
    pub fn compact(&self) -> Result<u64, StoreError> {
        let before = self.file_size();
        self.core
            .file
            .compact()
            .map_err(|error| error.while_doing("compacting"))?;
        Ok(before.saturating_sub(self.file_size()))
    }

    fn file_size(&self) -> u64 {
        std::fs::metadata(self.path()).map_or(0, |about| about.len())
    }

    /// Makes `change` until there is less to do than one transaction may: answers how
    /// many keys that were in all.
    fn in_batches<C>(&self, did: &'static str, change: C) -> Result<usize, StoreError>
    where
        C: Fn(&mut Tables<'_>) -> Result<usize, Error> + Clone + Send + 'static,
    {
        let mut all = 0;
        loop {
            let some = self.core.change(change.clone());
            let some = some.map_err(|error| error.while_doing(did))?;
            all += some;
            if some < BATCH {
                return Ok(all);
            }
        }
    }

    fn text(&self, key: Vec<u8>) -> Result<String, DiskError> {
        String::from_utf8(key)
            .map_err(|error| DiskError::new(self.path(), DiskFault::Damaged, error))
    }
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DiskStore").field(&self.path()).finish()
    }
}

impl ByteStore for DiskStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = self.get_many(&[key])?;
        Ok(found.pop().flatten())
    }

    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError> {
        let expires = expiry(expires);
        let put = self.core.put("putting", (key, bytes), {
            move |tables, key, bytes| tables.put(key, bytes, expires)
        });
        put.map(drop)
    }

    fn put_if_absent(
        &self,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<Option<bool>, StoreError> {
        let expires = expiry(expires);
        let put = self.core.put("putting", (key, bytes), {
            move |tables, key, bytes| tables.put_if_absent(key, bytes, expires)
        })?;
        Ok(Some(put == 1))
    }

    fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<bool, StoreError> {
        let (old, expires) = (old.to_vec(), expiry(expires));
        let replaced = self.core.put("replacing", (key, new), {
            move |tables, key, new| tables.replace(key, &old, new, expires)
        })?;
        Ok(replaced == 1)
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        let row = key.as_bytes().to_vec();
        let deleted = self.core.change(move |tables| tables.delete(&row));
        let deleted = deleted.map_err(|error| error.while_doing("deleting"))?;
        Ok(deleted == 1)
    }

    fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let found = self.core.file.read(|read| {
            let entries = read.open_table(ENTRIES)?;
            keys.iter()
                .map(|key| {
                    let row = entries.get(key.as_bytes())?;
                    Ok(row.map(|row| row.value().1.to_vec()))
                })
                .collect()
        });
        found.map_err(|error| error.while_doing("getting"))
    }

    fn keys(&self, prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
        let keys = self
            .core
            .file
            .read(|read| tables::keys(read, prefix.as_bytes()));
        keys.and_then(|keys| keys.into_iter().map(|key| self.text(key)).collect())
            .map(Some)
            .map_err(|error| error.while_doing("listing keys"))
    }

    /// Leases go first. So what their holders publish meanwhile is either refused, or
    /// there before the bytes are deleted.
    fn delete_prefix(&self, prefix: &str) -> Result<(), StoreError> {
        const DELETING: &str = "deleting by prefix";
        let prefix: Arc<[u8]> = prefix.as_bytes().into();
        let of = Arc::clone(&prefix);
        self.in_batches(DELETING, move |tables| tables.void_some(&of, BATCH))?;
        self.in_batches(DELETING, move |tables| tables.delete_some(&prefix, BATCH))?;
        Ok(())
    }

    fn clear(&self) -> Result<(), StoreError> {
        let cleared = self.core.file.write(tables::empty);
        cleared.map_err(|error| error.while_doing("clearing"))
    }

    fn sweep(&self, now: SystemTime) -> Result<usize, StoreError> {
        let now = nanos(now);
        self.in_batches("sweeping", move |tables| sweep_some(tables, now, BATCH))
    }

    fn tidy(&self, now: SystemTime) -> usize {
        let puts = self.puts.fetch_add(1, Ordering::Relaxed) + 1;
        if !puts.is_multiple_of(PUTS_PER_SWEEP) {
            return 0;
        }
        let now = nanos(now);
        self.core
            .change(move |tables| sweep_some(tables, now, 2 * PUTS_PER_SWEEP))
            .unwrap_or(0)
    }

    fn leases(&self) -> Option<&dyn Leases> {
        Some(self)
    }
}

/// Leases end by the system's clock, whatever clock entries are kept by.
fn sweep_some(tables: &mut Tables<'_>, until: u64, most: usize) -> Result<usize, Error> {
    tables.sweep_leases(now())?;
    tables.sweep_some(until, most)
}
