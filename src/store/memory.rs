use super::{Store, StoreError};
use crate::clock::Stamp;
use crate::key::{Key, Lookup, hash_of};
use crate::table::{Dates, Expiring};
use std::fmt;
use std::time::SystemTime;

/// Keeps values in memory until they are removed or expire.
///
/// A sharded map: reads disturb no other reads. `V` is cloned under a shard's
/// lock, so keep it behind an `Arc`, or make it a plain copy.
///
/// Expired values are given up as new ones are put, a shard at a time: see
/// [`tidy`](Store::tidy), which is called by whoever puts and knows the time.
pub struct MemoryStore<K, V> {
    table: Expiring<K, V, ()>,
}

impl<K: Key, V: Clone> MemoryStore<K, V> {
    /// An empty store.
    pub fn new() -> Self {
        MemoryStore {
            table: Expiring::new(hash_of),
        }
    }
}

/// By a hash that is known, and by whatever stands for the key.
impl<K: Key, V: Clone> MemoryStore<K, V> {
    #[inline]
    pub(crate) fn find<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<V> {
        let table = self.table.table();
        table.read(hash, |kept| asked.is(kept), |value, _| value.clone())
    }

    /// Answers with what is replaced, and the key that was not needed.
    pub(crate) fn keep(&self, hash: u64, key: K, value: V, expires: Stamp) -> Option<(K, V)> {
        let dates = Dates {
            // The entry knows, and a store is not asked.
            created: Stamp::from_nanos(0),
            expires,
        };
        let replaced = self.table.replace(hash, key, value, (), dates)?;
        Some((replaced.key, replaced.value))
    }

    pub(crate) fn take<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<V> {
        let removed = self.table.table().remove(hash, |kept| asked.is(kept))?;
        Some(removed.value)
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

    fn put(&self, key: K, value: V, expires: Option<SystemTime>) -> Result<Option<V>, StoreError> {
        let expires = expires.map_or(Stamp::NEVER, Stamp::from);
        let replaced = self.keep(hash_of(&key), key, value, expires);
        Ok(replaced.map(|(_, value)| value))
    }

    fn delete(&self, key: &K) -> Result<Option<V>, StoreError> {
        Ok(self.take(hash_of(key), &key))
    }

    fn clear(&self) -> Result<(), StoreError> {
        drop(self.table.table().take_all());
        Ok(())
    }

    fn entries(&self) -> Result<Vec<(K, V)>, StoreError> {
        let pair = |key: &K, value: &V| (key.clone(), value.clone());
        Ok(self.table.table().collect(pair))
    }

    fn len(&self) -> Result<usize, StoreError> {
        Ok(self.table.table().len())
    }

    fn tidy(&self, now: SystemTime) -> usize {
        self.table.tidy(now.into()).len()
    }

    fn sweep_expired(&self, now: SystemTime) -> usize {
        self.table.sweep(now.into()).len()
    }
}

impl<K, V> fmt::Debug for MemoryStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore")
    }
}
