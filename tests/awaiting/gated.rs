//! A store whose operations wait at a gate, for as long as a test says.

use mementos::store::bytes::{ByteStore, Lease, Leases};
use mementos::store::{Lock, Store, StoreError};
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;

/// Whether operations of a name go on, and how many have come so far.
#[derive(Clone, Default)]
pub(crate) struct Gates(Arc<Inner>);

#[derive(Default)]
struct Inner {
    closed: Mutex<BTreeMap<&'static str, bool>>,
    changed: Condvar,
    came: Mutex<BTreeMap<&'static str, Arc<Semaphore>>>,
    log: Mutex<Vec<&'static str>>,
}

impl Gates {
    /// Closes a gate. Who comes from now on is counted.
    pub(crate) fn close(&self, name: &'static str) {
        self.0.came.lock().remove(name);
        self.0.closed.lock().insert(name, true);
    }

    pub(crate) fn open(&self, name: &'static str) {
        self.0.closed.lock().insert(name, false);
        self.0.changed.notify_all();
    }

    /// Waits until one more has come to the gate, since it was closed.
    pub(crate) async fn came(&self, name: &'static str) {
        self.count(name).acquire().await.unwrap().forget();
    }

    /// What has gone through, in its order.
    pub(crate) fn log(&self) -> Vec<&'static str> {
        self.0.log.lock().clone()
    }

    fn count(&self, name: &'static str) -> Arc<Semaphore> {
        let mut came = self.0.came.lock();
        let count = came.entry(name);
        Arc::clone(count.or_insert_with(|| Arc::new(Semaphore::new(0))))
    }

    fn pass(&self, name: &'static str) {
        self.count(name).add_permits(1);
        let mut closed = self.0.closed.lock();
        let is_closed = |closed: &mut BTreeMap<_, _>| closed.get(name).copied().unwrap_or(false);
        self.0.changed.wait_while(&mut closed, is_closed);
        self.0.log.lock().push(name);
    }
}

/// A store behind gates: `get`, `put`, `delete`, `acquire`, `publish`, `release`.
pub(crate) struct Gated<S> {
    pub(crate) store: S,
    pub(crate) gates: Gates,
}

impl<S> Gated<S> {
    pub(crate) fn new(store: S, gates: &Gates) -> Self {
        let gates = gates.clone();
        Gated { store, gates }
    }
}

impl<S: ByteStore> ByteStore for Gated<S> {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.gates.pass("get");
        self.store.get(key)
    }

    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError> {
        self.gates.pass("put");
        self.store.put(key, bytes, expires)
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.gates.pass("delete");
        self.store.delete(key)
    }

    fn keys(&self, prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
        self.store.keys(prefix)
    }

    fn leases(&self) -> Option<&dyn Leases> {
        self.store.leases().map(|_| self as &dyn Leases)
    }
}

impl<S: ByteStore> Leases for Gated<S> {
    fn acquire<'l>(
        &'l self,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Lease + 'l>>, StoreError> {
        let leases = self.store.leases().expect("it has leases");
        let acquired = leases.acquire(key, timeout);
        // What is held while its caller goes.
        self.gates.pass("acquire");
        acquired
    }
}

/// The same of values, that says whether it may block.
pub(crate) struct GatedValues<S> {
    pub(crate) store: S,
    pub(crate) gates: Gates,
    pub(crate) may_block: bool,
}

impl<K, V, S: Store<K, V>> Store<K, V> for GatedValues<S> {
    fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
        self.gates.pass("get");
        self.store.get(key)
    }

    fn put(&self, key: K, value: V, expires: Option<SystemTime>) -> Result<Option<V>, StoreError> {
        self.gates.pass("put");
        self.store.put(key, value, expires)
    }

    fn delete(&self, key: &K) -> Result<Option<V>, StoreError> {
        self.gates.pass("delete");
        self.store.delete(key)
    }

    fn clear(&self) -> Result<(), StoreError> {
        self.store.clear()
    }

    fn entries(&self) -> Result<Vec<(K, V)>, StoreError> {
        self.store.entries()
    }

    fn may_block(&self) -> bool {
        self.may_block
    }
}

/// A lock that says where it is asked, and by how many it is held.
#[derive(Clone, Default)]
pub(crate) struct GatedLock {
    pub(crate) gates: Gates,
    pub(crate) held: Arc<Mutex<Vec<String>>>,
}

impl Lock for GatedLock {
    fn acquire(&self, key: &str, _: Duration) -> Result<bool, StoreError> {
        let mut held = self.held.lock();
        let is_free = !held.iter().any(|known| known == key);
        if is_free {
            held.push(key.to_owned());
        }
        drop(held);
        self.gates.pass("acquire");
        Ok(is_free)
    }

    fn release(&self, key: &str) {
        self.gates.pass("release");
        self.held.lock().retain(|held| held != key);
    }
}
