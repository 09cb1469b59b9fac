//! Maps of the standard library behind a lock, and a bare `DashMap`, as stores.
//!
//! They are asked by the owned key, and clone `V` while they are locked.

use super::{Store, StoreError};
use dashmap::DashMap;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};
use std::sync::PoisonError;
use std::time::SystemTime;

/// A map that knows nothing of threads.
pub trait PlainMap<K, V>: Default + Send + Sync {
    fn find(&self, key: &K) -> Option<V>;
    // The keys come along, so that they are dropped where nothing is locked.
    fn keep(&mut self, key: K, value: V) -> Option<(K, V)>;
    fn take(&mut self, key: &K) -> Option<(K, V)>;
    fn pairs(&self) -> Vec<(K, V)>;
    fn count(&self) -> usize;
}

macro_rules! plain_map {
    ([$($params:tt)*] $map:ty where $($bounds:tt)*) => {
        impl<K, V, $($params)*> PlainMap<K, V> for $map
        where
            K: Clone + Send + Sync + $($bounds)*,
            V: Clone + Send + Sync,
        {
            fn find(&self, key: &K) -> Option<V> {
                self.get(key).cloned()
            }

            fn keep(&mut self, key: K, value: V) -> Option<(K, V)> {
                if let Some(kept) = self.get_mut(&key) {
                    return Some((key, std::mem::replace(kept, value)));
                }
                self.insert(key, value);
                None
            }

            fn take(&mut self, key: &K) -> Option<(K, V)> {
                self.remove_entry(key)
            }

            fn pairs(&self) -> Vec<(K, V)> {
                self.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
            }

            fn count(&self) -> usize {
                self.len()
            }
        }
    };
}

plain_map!([S: BuildHasher + Default + Send + Sync] HashMap<K, V, S> where Hash + Eq);
plain_map!([] BTreeMap<K, V> where Ord);

macro_rules! store_behind {
    ($lock:ident :: $kind:ident, $read:ident, $write:ident $($open:tt)*) => {
        impl<K, V, M: PlainMap<K, V>> Store<K, V> for $lock::$kind<M> {
            fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
                Ok(self.$read()$($open)*.find(key))
            }

            fn put(&self, key: K, value: V, _: Option<SystemTime>)
            -> Result<Option<V>, StoreError> {
                let replaced = self.$write()$($open)*.keep(key, value);
                Ok(replaced.map(|(_, value)| value))
            }

            fn delete(&self, key: &K) -> Result<Option<V>, StoreError> {
                let removed = self.$write()$($open)*.take(key);
                Ok(removed.map(|(_, value)| value))
            }

            fn clear(&self) -> Result<(), StoreError> {
                let all = std::mem::take(&mut *self.$write()$($open)*);
                drop(all);
                Ok(())
            }

            fn entries(&self) -> Result<Vec<(K, V)>, StoreError> {
                Ok(self.$read()$($open)*.pairs())
            }

            fn len(&self) -> Result<usize, StoreError> {
                Ok(self.$read()$($open)*.count())
            }
        }
    };
}

mod std_lock {
    pub(super) use std::sync::{Mutex, RwLock};
}

store_behind!(parking_lot::Mutex, lock, lock);
store_behind!(parking_lot::RwLock, read, write);
// A poisoned lock is taken all the same: between its calls a map is whole,
// whatever a key's `Eq` did.
store_behind!(
    std_lock::Mutex,
    lock,
    lock.unwrap_or_else(PoisonError::into_inner)
);
store_behind!(
    std_lock::RwLock,
    read,
    write.unwrap_or_else(PoisonError::into_inner)
);

impl<K, V, S> Store<K, V> for DashMap<K, V, S>
where
    K: Hash + Eq + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Clone + Send + Sync,
{
    fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
        Ok(DashMap::get(self, key).map(|kept| kept.value().clone()))
    }

    fn put(&self, key: K, value: V, _: Option<SystemTime>) -> Result<Option<V>, StoreError> {
        Ok(self.insert(key, value))
    }

    fn delete(&self, key: &K) -> Result<Option<V>, StoreError> {
        Ok(self.remove(key).map(|(_, value)| value))
    }

    fn clear(&self) -> Result<(), StoreError> {
        // `DashMap::clear` would drop the values while their shard is locked.
        for shard in self.shards() {
            let all = std::mem::take(&mut *shard.write());
            drop(all);
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<(K, V)>, StoreError> {
        Ok(self
            .iter()
            .map(|row| (row.key().clone(), row.value().clone()))
            .collect())
    }

    fn len(&self) -> Result<usize, StoreError> {
        Ok(DashMap::len(self))
    }
}
