use super::table::Table;
use super::{Store, StoreError};
use crate::key::{Key, Lookup, hash_of};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

/// Keeps instances as long as somebody holds them.
///
/// The entry of an instance that has died stays behind until it is swept. That
/// is paid for by puts: after as many new entries as were alive at the last
/// sweep, and 32 more, a put sweeps the whole store. So no more of the entries
/// are dead than were alive then, plus 32. A sweep costs time in proportion to
/// the entries.
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

    pub(crate) fn keep(&self, hash: u64, key: K, instance: &Arc<T>) -> Option<Arc<T>> {
        let (weak, ()) = self.table.keep(hash, key, instance, ())?;
        weak.upgrade()
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
        Ok(self.keep(hash_of(&key), key, &instance))
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
    table: Table<K, (Weak<T>, M)>,
    /// New rows until the next sweep; 0 while one is under way.
    until_sweep: AtomicUsize,
}

/// New rows between two sweeps of a table in which nothing is alive.
const SLACK: usize = 32;

impl<K, T, M> WeakTable<K, T, M> {
    /// The number of rows, the dead ones among them.
    pub(super) fn len_with_dead(&self) -> usize {
        self.table.len()
    }
}

impl<K: Key, T, M> WeakTable<K, T, M> {
    pub(super) fn new() -> Self {
        WeakTable {
            table: Table::new(hash_of),
            until_sweep: AtomicUsize::new(SLACK),
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

    /// Answers with the row that this one replaces.
    pub(super) fn keep(
        &self,
        hash: u64,
        key: K,
        instance: &Arc<T>,
        mark: M,
    ) -> Option<(Weak<T>, M)> {
        let replaced = self
            .table
            .replace(hash, key, (Arc::downgrade(instance), mark));
        if replaced.is_none() && self.counts_down_to_a_sweep() {
            self.sweep();
        }
        replaced
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
        let dead = self.table.take_where(|(weak, _)| weak.strong_count() == 0);
        self.until_sweep
            .store(self.table.len() + SLACK, Ordering::Relaxed);
        dead.len()
    }

    /// True for one caller each time the count runs out.
    fn counts_down_to_a_sweep(&self) -> bool {
        let counted = self
            .until_sweep
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        counted == Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_are_never_more_than_were_alive_and_the_slack() {
        let store = WeakStore::new();
        let held: Vec<_> = (0..100).map(Arc::new).collect();
        for (n, instance) in held.iter().enumerate() {
            store.put(n, Arc::clone(instance), None).unwrap();
        }
        for n in 100..if cfg!(miri) { 400 } else { 10_000 } {
            store.put(n, Arc::new(n), None).unwrap();
            let dead = store.len_with_dead() - 100;
            // The one being put is alive too at the moment of a sweep.
            assert!(dead <= 101 + SLACK, "{dead} dead after {n} puts");
        }
        assert_eq!(store.len().unwrap(), 100);
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
