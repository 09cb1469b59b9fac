use super::{Store, StoreError};
use crate::key::{Key, Lookup, hash_of};
use crate::table::Sharded;
use std::fmt;
use std::time::SystemTime;

/// Keeps values in memory until they are removed.
///
/// A sharded map: a read takes one shard's read lock. `V` is cloned under that
/// lock, so keep it behind an `Arc`, or make it a plain copy.
pub struct MemoryStore<K, V> {
    table: Sharded<K, V>,
}

impl<K: Key, V: Clone> MemoryStore<K, V> {
    /// An empty store.
    pub fn new() -> Self {
        MemoryStore {
            table: Sharded::new(hash_of),
        }
    }

    #[inline]
    pub(crate) fn find<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<V> {
        self.table.read(hash, |key| asked.is(key), V::clone)
    }

    pub(crate) fn keep(&self, hash: u64, key: K, value: V) -> Option<(K, V)> {
        self.table.replace(hash, key, value)
    }

    pub(crate) fn take<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<V> {
        self.table
            .remove(hash, |key| asked.is(key))
            .map(|(_, value)| value)
    }
}

impl<K: Key, V: Clone> Default for MemoryStore<K, V> {
    fn default() -> Self {
        MemoryStore::new()
    }
}

impl<K: Key, V: Clone + Send + Sync> Store<K, V> for MemoryStore<K, V> {
    fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
        Ok(self.find(hash_of(key), &key))
    }

    fn put(&self, key: K, value: V, _: Option<SystemTime>) -> Result<Option<V>, StoreError> {
        let replaced = self.keep(hash_of(&key), key, value);
        Ok(replaced.map(|(_, value)| value))
    }

    fn delete(&self, key: &K) -> Result<Option<V>, StoreError> {
        Ok(self.take(hash_of(key), &key))
    }

    fn clear(&self) -> Result<(), StoreError> {
        drop(self.table.take_all());
        Ok(())
    }

    fn entries(&self) -> Result<Vec<(K, V)>, StoreError> {
        Ok(self
            .table
            .collect(|key, value| Some((key.clone(), value.clone()))))
    }

    fn len(&self) -> Result<usize, StoreError> {
        Ok(self.table.len())
    }
}

impl<K, V> fmt::Debug for MemoryStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} kept)", self.table.len())
    }
}
