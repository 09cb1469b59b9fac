use super::{Store, StoreError};
use crate::key::{Key, Lookup, hash_of};
use crate::table::Sharded;
use std::fmt;
use std::time::SystemTime;

/// Keeps instances until they are removed: a [`MemoryStore`](super::MemoryStore)
/// whose rows have no expiry, and are so much smaller.
pub(crate) struct StrongStore<K, V> {
    table: Sharded<K, V>,
}

impl<K: Key, V: Clone> StrongStore<K, V> {
    pub(crate) fn new() -> Self {
        StrongStore {
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

impl<K: Key, V: Clone> Default for StrongStore<K, V> {
    fn default() -> Self {
        StrongStore::new()
    }
}

impl<K: Key, V: Clone + Send + Sync> Store<K, V> for StrongStore<K, V> {
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

impl<K, V> fmt::Debug for StrongStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StrongStore({} kept)", self.table.len())
    }
}
