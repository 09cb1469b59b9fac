use super::weak::WeakTable;
use super::{Displaced, Store, StoreError};
use crate::key::{Key, Lookup, hash_of};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

/// Keeps instances as long as somebody holds them, and keeps the last
/// `capacity` used alive in any case.
///
/// Losing its pin does not end an instance that somebody holds: it is still
/// found, and pinned again when it is. So identity holds, whatever the capacity.
///
/// Recency is that of the CLOCK algorithm (Corbató, "A Paging Experiment with
/// the Multics System", 1968): a hit marks the instance as used, which writes
/// nothing if it was marked already; when room is needed, a hand goes round,
/// unmarks those that were used, and takes the first that was not.
pub struct PinnedStore<K, T> {
    table: WeakTable<K, T, Arc<Pin>>,
    ring: Mutex<Ring<T>>,
}

/// An instance's place in the ring.
struct Pin {
    /// The slot, or [`OUT`], or [`GONE`]. Written under the ring's lock.
    slot: AtomicUsize,
    used: AtomicBool,
}

/// Not in the ring.
const OUT: usize = usize::MAX;
/// Removed from the store: never to be pinned again.
const GONE: usize = usize::MAX - 1;

struct Ring<T> {
    capacity: usize,
    slots: Vec<Option<(Arc<Pin>, Arc<T>)>>,
    free: Vec<usize>,
    hand: usize,
}

impl<K: Key, T> PinnedStore<K, T> {
    /// An empty store that keeps the last `capacity` used alive.
    pub fn new(capacity: usize) -> Self {
        let ring = Ring {
            capacity,
            slots: Vec::new(),
            free: Vec::new(),
            hand: 0,
        };
        PinnedStore {
            table: WeakTable::new(),
            ring: Mutex::new(ring),
        }
    }

    #[inline]
    pub(crate) fn find<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<Arc<T>> {
        let (instance, lost) = self.table.find(hash, asked, |pin| pin.touch())?;
        if let Some(pin) = lost {
            self.pin(&pin, &instance);
        }
        Some(instance)
    }

    pub(crate) fn keep(
        &self,
        hash: u64,
        key: K,
        instance: &Arc<T>,
        displaced: &mut Displaced<K, T>,
    ) {
        let pin = Arc::new(Pin {
            slot: AtomicUsize::new(OUT),
            used: AtomicBool::new(false),
        });
        let row = Arc::clone(&pin);
        let replaced = self
            .table
            .keep(hash, key, instance, row, &mut displaced.key);
        displaced.instances[1] = self.ring.lock().admit(&pin, instance);
        displaced.instances[0] =
            replaced.and_then(|(weak, pin)| self.unpin(&pin).or_else(|| weak.upgrade()));
    }

    pub(crate) fn tidy(&self) {
        self.table.tidy();
    }

    pub(crate) fn take<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<Arc<T>> {
        let (weak, pin) = self.table.take(hash, asked)?;
        self.unpin(&pin).or_else(|| weak.upgrade())
    }

    /// Puts an instance into the ring. What it displaces is dropped after the
    /// ring is unlocked: it may be the last handle.
    #[cold]
    fn pin(&self, pin: &Arc<Pin>, instance: &Arc<T>) {
        let displaced = self.ring.lock().admit(pin, instance);
        drop(displaced);
    }

    fn unpin(&self, pin: &Pin) -> Option<Arc<T>> {
        self.ring.lock().release(pin)
    }

    /// The number of entries, the dead ones among them.
    pub fn len_with_dead(&self) -> usize {
        self.table.len_with_dead()
    }

    /// The number of instances that are kept alive in any case.
    pub fn len_pinned(&self) -> usize {
        let ring = self.ring.lock();
        ring.slots.len() - ring.free.len()
    }
}

impl Pin {
    /// Marks a hit. Answers with itself if it has lost its place.
    #[inline]
    fn touch(self: &Arc<Self>) -> Option<Arc<Self>> {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        (self.slot.load(Ordering::Relaxed) == OUT).then(|| Arc::clone(self))
    }
}

impl<T> Ring<T> {
    fn admit(&mut self, pin: &Arc<Pin>, instance: &Arc<T>) -> Option<Arc<T>> {
        // Another thread may have pinned or removed it since this one looked.
        if pin.slot.load(Ordering::Relaxed) != OUT || self.capacity == 0 {
            return None;
        }
        let at = self.room();
        pin.slot.store(at, Ordering::Relaxed);
        pin.used.store(false, Ordering::Relaxed);
        let displaced = self.slots[at].replace((Arc::clone(pin), Arc::clone(instance)));
        let (pin, instance) = displaced?;
        pin.slot.store(OUT, Ordering::Relaxed);
        Some(instance)
    }

    /// The slot to use next.
    fn room(&mut self) -> usize {
        if let Some(at) = self.free.pop() {
            return at;
        }
        if self.slots.len() < self.capacity {
            self.slots.push(None);
            return self.slots.len() - 1;
        }
        // Twice round at most: hits that come in meanwhile may mark again, and
        // must not keep the hand from stopping.
        for _ in 0..2 * self.capacity {
            let at = self.hand;
            self.hand = (at + 1) % self.capacity;
            let used = self.slots[at]
                .as_ref()
                .is_some_and(|(pin, _)| pin.used.swap(false, Ordering::Relaxed));
            if !used {
                return at;
            }
        }
        self.hand
    }

    fn release(&mut self, pin: &Pin) -> Option<Arc<T>> {
        let at = pin.slot.swap(GONE, Ordering::Relaxed);
        let (_, instance) = self.slots.get_mut(at)?.take()?;
        self.free.push(at);
        Some(instance)
    }
}

impl<K: Key, T: Send + Sync> Store<K, Arc<T>> for PinnedStore<K, T> {
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
        let rows = self.table.take_all();
        // All are let go before the first is dropped: its `Drop` may panic.
        let unpinned: Vec<_> = rows.iter().map(|(_, (_, pin))| self.unpin(pin)).collect();
        drop(unpinned);
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

impl<K, T> fmt::Debug for PinnedStore<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinnedStore({} entries)", self.table.len_with_dead())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &PinnedStore<u32, u32>, n: u32) {
        store.put(n, Arc::new(n), None).unwrap();
    }

    #[test]
    fn the_last_used_stay() {
        let store = PinnedStore::new(2);
        put(&store, 1);
        put(&store, 2);
        assert!(store.get(&1).unwrap().is_some());
        put(&store, 3);
        assert!(store.get(&1).unwrap().is_some(), "it was used after 2");
        assert!(store.get(&2).unwrap().is_none(), "nobody held it");
        assert_eq!(store.len_pinned(), 2);
    }

    #[test]
    fn losing_the_pin_does_not_break_identity() {
        let store = PinnedStore::new(1);
        put(&store, 1);
        let held = store.get(&1).unwrap().unwrap();
        put(&store, 2);
        assert!(Arc::ptr_eq(&held, &store.get(&1).unwrap().unwrap()));
        drop(held);
        assert!(
            store.get(&1).unwrap().is_some(),
            "the hit has pinned it again"
        );
    }

    #[test]
    fn what_is_removed_is_let_go() {
        let store = PinnedStore::new(4);
        let watched = Arc::new(1);
        store.put(1, Arc::clone(&watched), None).unwrap();
        drop(store.delete(&1).unwrap());
        assert_eq!(Arc::strong_count(&watched), 1);
        store.put(2, Arc::clone(&watched), None).unwrap();
        store.clear().unwrap();
        assert_eq!(Arc::strong_count(&watched), 1);
        assert_eq!(store.len_pinned(), 0);
    }

    #[test]
    fn a_hit_that_comes_late_does_not_pin_what_was_removed() {
        let store = PinnedStore::new(1);
        put(&store, 1);
        let held = store.get(&1).unwrap().unwrap();
        put(&store, 2);
        // A hit sees that the instance has lost its pin; before it pins it again,
        // another thread removes it.
        let found = store.table.find(hash_of(&1_u32), &&1, |pin| pin.touch());
        let (hit, lost) = found.unwrap();
        store.delete(&1).unwrap();
        store.pin(&lost.unwrap(), &hit);
        drop(hit);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_value_put_over_another_releases_it() {
        let store = PinnedStore::new(4);
        let old = Arc::new(1);
        store.put(1, Arc::clone(&old), None).unwrap();
        drop(store.put(1, Arc::new(2), None).unwrap());
        assert_eq!(Arc::strong_count(&old), 1);
        assert_eq!(*store.get(&1).unwrap().unwrap(), 2);
    }
}
