use super::{AsyncByteStore, AsyncLease, AsyncLeases, Awaited, ByteStore, Lease};
use crate::store::StoreError;
use crate::store::apart::{Apart, Tries, moved, sent};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A store of bytes that may block, for callers that await: what they ask is moved to
/// threads that may block, of which there are as many as are needed, up to 500.
///
/// [`Encoded`](super::Encoded) does so by itself with a store that has no face of its
/// [own](ByteStore::awaited) for them. Each question costs a hop to another thread and
/// back. A lease that is held takes no thread. Who waits for one takes a thread for a moment,
/// again and again, with pauses of at most a tenth of a second.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// # mementos::private::block_on(async {
/// use mementos::store::bytes::{AsyncByteStore, Unblocked};
/// use mementos::testing::HeapBytes;
///
/// let store = Unblocked::new(HeapBytes::new());
/// store.put("key", b"bytes", None).await.unwrap();
/// assert_eq!(store.get("key").await.unwrap().as_deref(), Some(&b"bytes"[..]));
/// # });
/// # }
/// ```
#[derive(Clone)]
pub struct Unblocked(Apart<dyn ByteStore>);

impl Unblocked {
    /// This store, for callers that await.
    pub fn new(store: impl ByteStore + 'static) -> Self {
        Unblocked::of(Arc::new(store))
    }

    pub(super) fn of(store: Arc<dyn ByteStore>) -> Self {
        Unblocked(Apart::new(store))
    }

    /// Waits, in this thread, for what has begun and has lost its caller.
    pub(super) fn settle(&self) {
        self.0.settle();
    }
}

impl AsyncByteStore for Unblocked {
    fn get<'a>(&'a self, key: &'a str) -> Awaited<'a, Option<Vec<u8>>> {
        let key = key.to_owned();
        Box::pin(self.0.ask(move |store| store.get(&key)))
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: &'a [u8],
        expires: Option<SystemTime>,
    ) -> Awaited<'a, ()> {
        let (key, bytes) = (key.to_owned(), bytes.to_vec());
        Box::pin(self.0.change(move |store| store.put(&key, &bytes, expires)))
    }

    fn put_if_absent<'a>(
        &'a self,
        key: &'a str,
        bytes: &'a [u8],
        expires: Option<SystemTime>,
    ) -> Awaited<'a, Option<bool>> {
        let (key, bytes) = (key.to_owned(), bytes.to_vec());
        Box::pin(
            self.0
                .change(move |store| store.put_if_absent(&key, &bytes, expires)),
        )
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        old: &'a [u8],
        new: &'a [u8],
        expires: Option<SystemTime>,
    ) -> Awaited<'a, bool> {
        let (key, old, new) = (key.to_owned(), old.to_vec(), new.to_vec());
        Box::pin(
            self.0
                .change(move |store| store.replace(&key, &old, &new, expires)),
        )
    }

    fn delete<'a>(&'a self, key: &'a str) -> Awaited<'a, bool> {
        let key = key.to_owned();
        Box::pin(self.0.change(move |store| store.delete(&key)))
    }

    fn get_many<'a>(&'a self, keys: &'a [&'a str]) -> Awaited<'a, Vec<Option<Vec<u8>>>> {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        Box::pin(self.0.ask(move |store| {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            store.get_many(&keys)
        }))
    }

    fn delete_prefix<'a>(&'a self, prefix: &'a str) -> Awaited<'a, ()> {
        let prefix = prefix.to_owned();
        Box::pin(self.0.change(move |store| store.delete_prefix(&prefix)))
    }

    fn clear(&self) -> Awaited<'_, ()> {
        Box::pin(self.0.change(|store| store.clear()))
    }

    fn tidy(&self, now: SystemTime) -> Awaited<'_, usize> {
        Box::pin(self.0.change(move |store| Ok(store.tidy(now))))
    }

    fn leases(&self) -> Option<&dyn AsyncLeases> {
        self.0.store().leases().map(|_| self as &dyn AsyncLeases)
    }

    fn native_ttl<'a>(&'a self, key: &'a str) -> Awaited<'a, Option<Duration>> {
        let key = key.to_owned();
        Box::pin(self.0.ask(move |store| store.native_ttl(&key)))
    }
}

type Leased<'l> = Box<dyn Lease + 'l>;

self_cell::self_cell!(
    /// A lease, and the store that it is of.
    struct Held {
        owner: Arc<dyn ByteStore>,
        #[not_covariant]
        dependent: Leased,
    }
);

impl Held {
    /// Acquires it, in this thread.
    fn acquire(
        store: Arc<dyn ByteStore>,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let held = Held::try_new(store, |store| {
            let leases = store.leases().ok_or(None)?;
            match leases.acquire(key, timeout) {
                Ok(Some(lease)) => Ok(lease),
                Ok(None) => Err(None),
                Err(fault) => Err(Some(fault)),
            }
        });
        match held {
            Ok(held) => Ok(Some(held)),
            Err(None) => Ok(None),
            Err(Some(fault)) => Err(fault),
        }
    }

    fn publish(&self, bytes: &[u8], expires: Option<SystemTime>) -> Result<bool, StoreError> {
        self.with_dependent(|_, lease| lease.publish(bytes, expires))
    }
}

impl AsyncLeases for Unblocked {
    fn acquire<'a>(
        &'a self,
        key: &'a str,
        timeout: Duration,
    ) -> Awaited<'a, Option<Box<dyn AsyncLease + 'a>>> {
        Box::pin(async move {
            let mut tries = Tries::new(timeout);
            loop {
                let (store, key, wait) = (Arc::clone(self.0.store()), key.to_owned(), tries.wait());
                // If the caller is gone when this has acquired it, it is dropped there.
                let acquired = moved(move || {
                    let held = Held::acquire(store, &key, wait)?;
                    Ok(held.map(|held| UnblockedLease(Mutex::new(Some(held)))))
                });
                if let Some(lease) = acquired.await? {
                    return Ok(Some(Box::new(lease) as Box<dyn AsyncLease>));
                }
                if !tries.pause().await {
                    return Ok(None);
                }
            }
        })
    }
}

/// A lease that is held; none, once it has published.
struct UnblockedLease(Mutex<Option<Held>>);

impl AsyncLease for UnblockedLease {
    fn publish<'a>(&'a self, bytes: &'a [u8], expires: Option<SystemTime>) -> Awaited<'a, bool> {
        let bytes = bytes.to_vec();
        Box::pin(async move {
            let Some(held) = self.0.lock().take() else {
                return Ok(false);
            };
            // Whether its caller is still there or not: the lease is given back there, and
            // one that was voided publishes nothing.
            moved(move || held.publish(&bytes, expires)).await
        })
    }
}

impl Drop for UnblockedLease {
    fn drop(&mut self) {
        if let Some(held) = self.0.get_mut().take() {
            sent(move || drop(held));
        }
    }
}

impl fmt::Debug for Unblocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unblocked")
    }
}
