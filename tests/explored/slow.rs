//! A store in which others may run before and after every step.

use mementos::store::{Store, StoreError};
use shuttle::thread;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// A clone is the same store.
pub(crate) struct Slow<K, V>(Arc<Mutex<BTreeMap<K, V>>>);

impl<K, V> Slow<K, V> {
    /// What is in there, without a step.
    pub(crate) fn map(&self) -> std::sync::MutexGuard<'_, BTreeMap<K, V>> {
        self.0.lock().unwrap()
    }

    fn step<R>(&self, step: impl FnOnce(&mut BTreeMap<K, V>) -> R) -> Result<R, StoreError> {
        thread::yield_now();
        let done = step(&mut self.map());
        thread::yield_now();
        Ok(done)
    }
}

impl<K, V> Clone for Slow<K, V> {
    fn clone(&self) -> Self {
        Slow(Arc::clone(&self.0))
    }
}

impl<K, V> Default for Slow<K, V> {
    fn default() -> Self {
        Slow(Arc::default())
    }
}

impl<K, V> Store<K, V> for Slow<K, V>
where
    K: Ord + Clone + Send + Sync,
    V: Clone + Send + Sync,
{
    fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
        self.step(|map| map.get(key).cloned())
    }

    fn put(&self, key: K, value: V, _: Option<SystemTime>) -> Result<Option<V>, StoreError> {
        self.step(|map| map.insert(key, value))
    }

    fn delete(&self, key: &K) -> Result<Option<V>, StoreError> {
        self.step(|map| map.remove(key))
    }

    fn clear(&self) -> Result<(), StoreError> {
        self.step(BTreeMap::clear)
    }

    fn entries(&self) -> Result<Vec<(K, V)>, StoreError> {
        self.step(|map| map.clone().into_iter().collect())
    }
}
