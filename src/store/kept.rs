use super::{Keep, MemoryStore, PinnedStore, StaticStore, Store, StoreError, WeakStore};
use crate::clock::Stamp;
use crate::key::{Key, Lookup};
use std::sync::Arc;

/// The store that holds a type's instances.
///
/// The crate's own are named, so that a hit is a direct call with a borrowed key
/// and a hash that is computed once. Any other store is asked by the owned key.
pub(crate) enum Kept<K: 'static, T: 'static> {
    Strong(MemoryStore<K, Arc<T>>),
    Weak(WeakStore<K, T>),
    Pinned(PinnedStore<K, T>),
    Static(StaticStore<K, Arc<T>>),
    Own(Box<dyn Store<K, Arc<T>>>),
}

impl<K: Key, T: Send + Sync> Kept<K, T> {
    /// The store that a lifetime policy stands for, empty.
    pub(crate) fn new(keep: Keep) -> Self {
        match keep {
            Keep::Strong => Kept::Strong(MemoryStore::new()),
            Keep::Weak => Kept::Weak(WeakStore::new()),
            Keep::Pinned { capacity } => Kept::Pinned(PinnedStore::new(capacity)),
            Keep::Static => Kept::Static(StaticStore::new()),
        }
    }

    /// The instance kept for a key. The strong store is asked first and in line,
    /// so that the common hit is one straight piece of code. Only a store of the
    /// user's own fails; that is a miss, told to `fault`.
    #[inline]
    pub(crate) fn find<Q: Lookup<K>>(
        &self,
        hash: u64,
        asked: &Q,
        fault: impl FnOnce(),
    ) -> Option<Arc<T>> {
        match self {
            Kept::Strong(store) => store.find(hash, asked),
            other => other.find_elsewhere(hash, asked, fault),
        }
    }

    #[inline(never)]
    fn find_elsewhere<Q: Lookup<K>>(
        &self,
        hash: u64,
        asked: &Q,
        fault: impl FnOnce(),
    ) -> Option<Arc<T>> {
        match self {
            Kept::Strong(store) => store.find(hash, asked),
            Kept::Weak(store) => store.find(hash, asked),
            Kept::Pinned(store) => store.find(hash, asked),
            Kept::Static(store) => store.find(hash, asked).cloned(),
            Kept::Own(store) => store.get(&asked.to_key()).unwrap_or_else(|_| {
                fault();
                None
            }),
        }
    }

    /// Keeps an instance. The caller owes a call of [`tidy`](Self::tidy).
    pub(crate) fn put(
        &self,
        hash: u64,
        key: K,
        instance: &Arc<T>,
    ) -> Result<Displaced<K, T>, StoreError> {
        let mut displaced = Displaced::default();
        match self {
            Kept::Strong(store) => {
                let replaced = store.keep(hash, key, Arc::clone(instance), Stamp::NEVER);
                if let Some((key, replaced)) = replaced {
                    displaced.key = Some(key);
                    displaced.instances[0] = Some(replaced);
                }
            }
            Kept::Weak(store) => store.keep(hash, key, instance, &mut displaced),
            Kept::Pinned(store) => store.keep(hash, key, instance, &mut displaced),
            Kept::Static(store) => _ = store.keep(hash, key, Arc::clone(instance)),
            Kept::Own(store) => {
                displaced.instances[0] = store.put(key, Arc::clone(instance), None)?;
            }
        }
        Ok(displaced)
    }

    /// What a put leaves to be done when nothing is locked any more.
    pub(crate) fn tidy(&self) {
        match self {
            Kept::Weak(store) => store.tidy(),
            Kept::Pinned(store) => store.tidy(),
            Kept::Strong(_) | Kept::Static(_) | Kept::Own(_) => {}
        }
    }

    pub(crate) fn delete<Q: Lookup<K>>(
        &self,
        hash: u64,
        asked: &Q,
    ) -> Result<Option<Arc<T>>, StoreError> {
        Ok(match self {
            Kept::Strong(store) => store.take(hash, asked),
            Kept::Weak(store) => store.take(hash, asked),
            Kept::Pinned(store) => store.take(hash, asked),
            Kept::Static(_) | Kept::Own(_) => return self.plain().delete(&asked.to_key()),
        })
    }

    /// The store by its plain face, for what need not be fast.
    pub(crate) fn plain(&self) -> &dyn Store<K, Arc<T>> {
        match self {
            Kept::Strong(store) => store,
            Kept::Weak(store) => store,
            Kept::Pinned(store) => store,
            Kept::Static(store) => store,
            Kept::Own(store) => &**store,
        }
    }

    /// Whether nothing that is kept ever goes.
    pub(crate) fn is_permanent(&self) -> bool {
        matches!(self, Kept::Static(_))
    }

    /// Whether it is the user's own: it may be slow, and may call back.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Kept::Own(_))
    }

    /// What it is called, in a snapshot.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Kept::Strong(_) => "strong",
            Kept::Weak(_) => "weak",
            Kept::Pinned(_) => "pinned",
            Kept::Static(_) => "static",
            Kept::Own(_) => "own",
        }
    }
}

/// What a put has pushed out of a store. Dropping it may run user code, so it is
/// handed up to where nothing waits.
pub(crate) struct Displaced<K, T> {
    /// The instance that was replaced, and the one that lost its pin.
    pub(super) instances: [Option<Arc<T>>; 2],
    /// The key that was there already.
    pub(super) key: Option<K>,
}

impl<K, T> Default for Displaced<K, T> {
    fn default() -> Self {
        Displaced {
            instances: [None, None],
            key: None,
        }
    }
}
