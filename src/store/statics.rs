use super::{Store, StoreError};
use crate::key::{Key, Lookup, hash_of};
use crate::table::Lasting;
use std::fmt;
use std::time::SystemTime;

/// Keeps values for ever. What it keeps is never freed, and nothing frees it: a
/// `&'static` to it may be anywhere.
///
/// Reads take no lock and write nothing, so threads that read the same value do
/// not slow each other down.
///
/// The first value put for a key stays. Deleting and clearing are errors.
pub struct StaticStore<K: 'static, V: 'static> {
    kept: &'static Lasting<K, V>,
}

impl<K: Key, V: Clone> StaticStore<K, V> {
    /// An empty store. Its memory is never given back.
    pub fn new() -> Self {
        StaticStore {
            kept: Box::leak(Box::new(Lasting::new())),
        }
    }

    #[inline]
    pub(crate) fn find<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<&'static V> {
        self.kept.get(hash, |key| asked.is(key))
    }

    pub(crate) fn keep(&self, hash: u64, key: K, value: V) -> &'static V {
        self.kept.get_or_insert(hash, key, value)
    }

    /// The value for `key`, for ever.
    pub fn get_ref(&self, key: &K) -> Option<&'static V> {
        self.find(hash_of(key), &key)
    }
}

impl<K: Key, V: Clone> Default for StaticStore<K, V> {
    fn default() -> Self {
        StaticStore::new()
    }
}

fn permanent(did: &'static str) -> StoreError {
    StoreError::new(
        did,
        "static instances are kept for ever; choose keep = \"strong\" to remove them",
    )
}

impl<K: Key, V: Clone + Send + Sync> Store<K, V> for StaticStore<K, V> {
    fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
        Ok(self.get_ref(key).cloned())
    }

    fn put(&self, key: K, value: V, _: Option<SystemTime>) -> Result<Option<V>, StoreError> {
        self.keep(hash_of(&key), key, value);
        Ok(None)
    }

    fn delete(&self, _: &K) -> Result<Option<V>, StoreError> {
        Err(permanent("removing an instance"))
    }

    fn clear(&self) -> Result<(), StoreError> {
        Err(permanent("clearing"))
    }

    fn entries(&self) -> Result<Vec<(K, V)>, StoreError> {
        Ok(self
            .kept
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn len(&self) -> Result<usize, StoreError> {
        Ok(self.kept.len())
    }
}

impl<K: 'static, V: 'static> fmt::Debug for StaticStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaticStore({} kept)", self.kept.len())
    }
}
