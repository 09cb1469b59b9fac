use super::{Displaced, Store, StoreError};
use crate::key::{Key, Lookup, hash_of};
use crate::table::Sharded;
use parking_lot::Mutex;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

/// Keeps instances as long as somebody holds them.
///
/// The entry of an instance that has died stays behind until it is swept. That
/// is paid for by puts: each new entry pays for looking at three old ones, and as
/// soon as a shard is paid for, a put sweeps it, one shard after another. So where
/// instances come and go, about half as many entries are dead as are alive, and a
/// few per shard; and when many die at once, their entries are gone after a third
/// as many puts.
pub struct WeakStore<K, T> {
    table: WeakTable<K, T, ()>,
}

impl<K: Key, T> WeakStore<K, T> {
    /// An empty store.
    pub fn new() -> Self {
        WeakStore {
            table: WeakTable::new(),
        }
    }

    #[inline]
    pub(crate) fn find<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<Arc<T>> {
        self.table
            .find(hash, asked, |()| ())
            .map(|(instance, ())| instance)
    }

    pub(crate) fn keep(
        &self,
        hash: u64,
        key: K,
        instance: &Arc<T>,
        displaced: &mut Displaced<K, T>,
    ) {
        let replaced = self.table.keep(hash, key, instance, (), &mut displaced.key);
        displaced.instances[0] = replaced.and_then(|(weak, ())| weak.upgrade());
    }

    pub(crate) fn tidy(&self) {
        self.table.tidy();
    }

    pub(crate) fn take<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<Arc<T>> {
        let (weak, ()) = self.table.take(hash, asked)?;
        weak.upgrade()
    }

    /// The number of entries, the dead ones among them.
    pub fn len_with_dead(&self) -> usize {
        self.table.len_with_dead()
    }
}

impl<K: Key, T> Default for WeakStore<K, T> {
    fn default() -> Self {
        WeakStore::new()
    }
}

impl<K: Key, T: Send + Sync> Store<K, Arc<T>> for WeakStore<K, T> {
    fn get(&self, key: &K) -> Result<Option<Arc<T>>, StoreError> {
        Ok(self.find(hash_of(key), &key))
    }

    fn put(
        &self,
        key: K,
        instance: Arc<T>,
        _: Option<SystemTime>,
    ) -> Result<Option<Arc<T>>, StoreError> {
        let mut displaced = Displaced::default();
        self.keep(hash_of(&key), key, &instance, &mut displaced);
        self.tidy();
        Ok(displaced.instances[0].take())
    }

    fn delete(&self, key: &K) -> Result<Option<Arc<T>>, StoreError> {
        Ok(self.take(hash_of(key), &key))
    }

    fn clear(&self) -> Result<(), StoreError> {
        drop(self.table.take_all());
        Ok(())
    }

    fn entries(&self) -> Result<Vec<(K, Arc<T>)>, StoreError> {
        Ok(self.table.entries())
    }

    /// The number that are alive. Reads every entry.
    fn len(&self) -> Result<usize, StoreError> {
        Ok(self.table.len_alive())
    }

    fn sweep(&self) -> usize {
        self.table.sweep()
    }
}

impl<K, T> fmt::Debug for WeakStore<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeakStore({} entries)", self.table.len_with_dead())
    }
}

/// Rows that do not keep their instance alive, each with a mark beside it.
pub(super) struct WeakTable<K, T, M> {
    table: Sharded<K, (Weak<T>, M)>,
    /// How many rows may be looked at for what has been paid.
    paid: AtomicUsize,
    /// The shard to sweep next. Held by who decides on that.
    next: Mutex<usize>,
}

/// How many old rows each new one pays for.
const PAYS: usize = 3;
/// What the visit to a shard costs beside its rows.
const VISIT: usize = 8;

impl<K, T, M> WeakTable<K, T, M> {
    /// The number of rows, the dead ones among them.
    pub(super) fn len_with_dead(&self) -> usize {
        self.table.len()
    }
}

impl<K: Key, T, M> WeakTable<K, T, M> {
    pub(super) fn new() -> Self {
        WeakTable {
            table: Sharded::new(hash_of),
            paid: AtomicUsize::new(0),
            next: Mutex::new(0),
        }
    }

    /// The instance, if it is alive, and what `read` makes of its mark.
    ///
    /// An instance that has died is a miss: `upgrade` never brings one back. One
    /// that dies after the upgrade dies outside, where nothing is locked.
    #[inline]
    pub(super) fn find<R>(
        &self,
        hash: u64,
        asked: &impl Lookup<K>,
        read: impl FnOnce(&M) -> R,
    ) -> Option<(Arc<T>, R)> {
        let found = self.table.read(
            hash,
            |key| asked.is(key),
            |(weak, mark)| weak.upgrade().map(|instance| (instance, read(mark))),
        );
        found.flatten()
    }

    /// Answers with the row that this one replaces, and leaves the key that was not
    /// needed in `unneeded`. The caller owes a call of [`tidy`](Self::tidy).
    pub(super) fn keep(
        &self,
        hash: u64,
        key: K,
        instance: &Arc<T>,
        mark: M,
        unneeded: &mut Option<K>,
    ) -> Option<(Weak<T>, M)> {
        let row = (Arc::downgrade(instance), mark);
        if let Some((key, replaced)) = self.table.replace(hash, key, row) {
            *unneeded = Some(key);
            return Some(replaced);
        }
        self.paid.fetch_add(PAYS, Ordering::Relaxed);
        None
    }

    pub(super) fn take(&self, hash: u64, asked: &impl Lookup<K>) -> Option<(Weak<T>, M)> {
        self.table
            .remove(hash, |key| asked.is(key))
            .map(|(_, row)| row)
    }

    pub(super) fn take_all(&self) -> Vec<(K, (Weak<T>, M))> {
        self.table.take_all()
    }

    pub(super) fn entries(&self) -> Vec<(K, Arc<T>)> {
        self.table.collect(|key, (weak, _)| {
            let instance = weak.upgrade()?;
            Some((key.clone(), instance))
        })
    }

    pub(super) fn len_alive(&self) -> usize {
        self.table
            .collect(|_, (weak, _)| (weak.strong_count() > 0).then_some(()))
            .len()
    }

    /// Takes out the rows whose instance has died; answers with their number.
    pub(super) fn sweep(&self) -> usize {
        let shards = 0..self.table.shards();
        shards.map(|shard| self.sweep_shard(shard).len()).sum()
    }

    fn sweep_shard(&self, shard: usize) -> Vec<(K, (Weak<T>, M))> {
        self.table
            .take_where(shard, |(weak, _)| weak.strong_count() == 0)
    }

    /// Sweeps the next shard if that is paid for, unless another thread does. It
    /// takes time and drops keys, so nothing else may be locked.
    pub(super) fn tidy(&self) {
        let Some(mut next) = self.next.try_lock() else {
            return;
        };
        let shard = *next;
        let costs = self.table.rows_in(shard) + VISIT;
        let pay = |paid: usize| paid.checked_sub(costs);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.paid.fetch_update(set, fetch, pay).is_err() {
            return;
        }
        *next = (shard + 1) % self.table.shards();
        drop(next);
        drop(self.sweep_shard(shard));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the shards hold back, beyond the steady state.
    fn few(store: &WeakStore<usize, usize>) -> usize {
        store.table.table.shards() * VISIT
    }

    #[test]
    fn the_dead_are_no_more_than_the_living_and_a_few() {
        let store = WeakStore::new();
        let held: Vec<_> = (0..100).map(Arc::new).collect();
        for (n, instance) in held.iter().enumerate() {
            store.put(n, Arc::clone(instance), None).unwrap();
        }
        for n in 100..if cfg!(miri) { 400 } else { 20_000 } {
            store.put(n, Arc::new(n), None).unwrap();
            let dead = store.len_with_dead() - 100;
            assert!(dead <= 100 + few(&store), "{dead} dead after {n} puts");
        }
        assert_eq!(store.len().unwrap(), 100);
    }

    #[test]
    fn after_many_died_at_once_their_entries_go_with_the_next_puts() {
        const MANY: usize = if cfg!(miri) { 90 } else { 9_000 };
        let store = WeakStore::new();
        let held: Vec<_> = (0..MANY).map(Arc::new).collect();
        for (n, instance) in held.iter().enumerate() {
            store.put(n, Arc::clone(instance), None).unwrap();
        }
        drop(held);
        for n in MANY..2 * MANY {
            store.put(n, Arc::new(n), None).unwrap();
        }
        let dead = store.len_with_dead();
        assert!(dead <= few(&store), "{dead} of {MANY} are still there");
    }

    #[test]
    fn a_sweep_on_demand_leaves_the_living() {
        let store = WeakStore::new();
        let held = Arc::new(1);
        store.put(1, Arc::clone(&held), None).unwrap();
        store.put(2, Arc::new(2), None).unwrap();
        assert_eq!(store.sweep(), 1);
        assert_eq!(store.len_with_dead(), 1);
        assert_eq!(store.get(&1).unwrap(), Some(held));
    }
}
