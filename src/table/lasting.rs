//! A table that only grows, read without a lock and without a write.
//!
//! Open addressing with linear probing, at most half full. A slot is written
//! once: first the hash, then the pointer to the entry. Growing makes a table of
//! twice the size that holds the same entry pointers, and publishes it; the old
//! one is kept until the whole is dropped, since readers may still be in it. All
//! old tables together are smaller than the current one.
//!
//! A reader in an old table may miss the newest entries. Every caller looks
//! again under a lock that the writer has passed through, so a late miss costs a
//! second look and nothing else.

#![allow(unsafe_code)]

use crate::sync::switch_point;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

pub(crate) struct Lasting<K, V> {
    /// The current table. Never null; freed in `drop`.
    table: AtomicPtr<Slots<K, V>>,
    len: AtomicUsize,
    /// Held by who writes. The tables that were outgrown, freed in `drop`: raw,
    /// since a `Box` would claim to be alone with what readers still borrow.
    outgrown: Mutex<Vec<*mut Slots<K, V>>>,
}

struct Slots<K, V> {
    slots: Box<[Slot<K, V>]>,
}

struct Slot<K, V> {
    /// Written before `entry`, and meaningless until that is set.
    hash: AtomicU64,
    /// Null, or an entry from `Box::into_raw` that lives as long as the whole.
    entry: AtomicPtr<(K, V)>,
}

const FIRST: usize = 16;

// SAFETY: entries are reached by shared reference from any thread, and dropped
// on the thread that drops the whole.
unsafe impl<K: Send + Sync, V: Send + Sync> Sync for Lasting<K, V> {}
// SAFETY: the whole owns its entries, so it may move where they may.
unsafe impl<K: Send, V: Send> Send for Lasting<K, V> {}

impl<K, V> Slots<K, V> {
    fn with_size(size: usize) -> Box<Self> {
        let empty = || Slot {
            hash: AtomicU64::new(0),
            entry: AtomicPtr::default(),
        };
        Box::new(Slots {
            slots: (0..size).map(|_| empty()).collect(),
        })
    }

    /// The slot that holds the entry, or the empty one where it would go.
    ///
    /// Ends, because at most half of the slots are taken.
    #[inline]
    fn probe(&self, hash: u64, is: impl Fn(&(K, V)) -> bool) -> (&Slot<K, V>, *mut (K, V)) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = &self.slots[at];
            // Pairs with the release in `fill`: who sees the pointer sees the
            // hash and the entry behind it.
            let entry = slot.entry.load(Ordering::Acquire);
            if entry.is_null() {
                return (slot, entry);
            }
            // SAFETY: a pointer that is not null is an entry that lives as long
            // as the whole, and `self` is borrowed from the whole.
            if slot.hash.load(Ordering::Relaxed) == hash && is(unsafe { &*entry }) {
                return (slot, entry);
            }
            at = (at + 1) & mask;
        }
    }

    fn fill(slot: &Slot<K, V>, hash: u64, entry: *mut (K, V)) {
        slot.hash.store(hash, Ordering::Relaxed);
        slot.entry.store(entry, Ordering::Release);
    }

    fn entries(&self) -> impl Iterator<Item = (u64, *mut (K, V))> + '_ {
        self.slots
            .iter()
            .map(|slot| (slot.entry.load(Ordering::Acquire), slot))
            .filter(|(entry, _)| !entry.is_null())
            .map(|(entry, slot)| (slot.hash.load(Ordering::Relaxed), entry))
    }
}

impl<K, V> Lasting<K, V> {
    pub(crate) fn new() -> Self {
        Lasting {
            table: AtomicPtr::new(Box::into_raw(Slots::with_size(FIRST))),
            len: AtomicUsize::new(0),
            outgrown: Mutex::new(Vec::new()),
        }
    }

    #[inline]
    fn current(&self) -> &Slots<K, V> {
        // SAFETY: set from `Box::into_raw` with release, never null, and freed
        // in `drop` alone, which has the whole to itself.
        unsafe { &*self.table.load(Ordering::Acquire) }
    }

    /// The value for the key that `is` recognises.
    #[inline]
    pub(crate) fn get(&self, hash: u64, is: impl Fn(&K) -> bool) -> Option<&V> {
        switch_point();
        let (_, entry) = self.current().probe(hash, |(key, _)| is(key));
        // SAFETY: null, or an entry that lives as long as `self` is borrowed,
        // and is never written again.
        unsafe { entry.as_ref() }.map(|(_, value)| value)
    }

    /// The value for `key`: the one that is there already, or else this one.
    pub(crate) fn get_or_insert(&self, hash: u64, key: K, value: V) -> &V
    where
        K: Eq,
    {
        switch_point();
        // Boxed first, so that whichever pair is not kept is dropped after the
        // lock is given back.
        let fresh = Box::new((key, value));
        let mut outgrown = self.outgrown.lock();
        let (slot, entry) = self.current().probe(hash, |(kept, _)| *kept == fresh.0);
        // SAFETY: as in `get`.
        if let Some((_, value)) = unsafe { entry.as_ref() } {
            drop(outgrown);
            return value;
        }
        let entry = Box::into_raw(fresh);
        let len = self.len.load(Ordering::Relaxed) + 1;
        if len * 2 <= self.current().slots.len() {
            Slots::fill(slot, hash, entry);
        } else {
            outgrown.push(self.grow(hash, entry));
        }
        self.len.store(len, Ordering::Release);
        drop(outgrown);
        // SAFETY: from `Box::into_raw` above, and lives as long as `self`.
        &unsafe { &*entry }.1
    }

    /// Publishes a table of twice the size with one more entry; answers with the
    /// one that it replaces. The caller holds the writer's lock.
    fn grow(&self, hash: u64, entry: *mut (K, V)) -> *mut Slots<K, V> {
        let old = self.current();
        let grown = Slots::with_size(old.slots.len() * 2);
        for (hash, entry) in old.entries().chain([(hash, entry)]) {
            let (slot, _) = grown.probe(hash, |_| false);
            Slots::fill(slot, hash, entry);
        }
        self.table.swap(Box::into_raw(grown), Ordering::AcqRel)
    }

    /// All entries, at some moment during the call for each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.current().entries().map(|(_, entry)| {
            // SAFETY: as in `get`; `entries` skips the null ones.
            let (key, value) = unsafe { &*entry };
            (key, value)
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }
}

impl<K, V> Drop for Lasting<K, V> {
    fn drop(&mut self) {
        // SAFETY: nobody else is here any more. The current table holds every
        // entry once; the outgrown ones hold copies of the pointers, and are
        // dropped as plain slots.
        unsafe {
            let table = Box::from_raw(*self.table.get_mut());
            for (_, entry) in table.entries() {
                drop(Box::from_raw(entry));
            }
            for slots in self.outgrown.get_mut().drain(..) {
                drop(Box::from_raw(slots));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    fn hash(n: u64) -> u64 {
        n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn the_first_value_stays() {
        let lasting = Lasting::new();
        assert_eq!(*lasting.get_or_insert(1, "a", 1), 1);
        assert_eq!(*lasting.get_or_insert(1, "a", 2), 1);
        assert_eq!(*lasting.get_or_insert(1, "b", 3), 3);
        assert_eq!(lasting.len(), 2);
    }

    #[test]
    fn references_outlive_growth() {
        let lasting = Lasting::new();
        let first = lasting.get_or_insert(hash(0), 0, String::from("first"));
        for n in 1..200 {
            lasting.get_or_insert(hash(n), n, n.to_string());
        }
        assert_eq!(first, "first");
        assert_eq!(lasting.get(hash(150), |n| *n == 150).unwrap(), "150");
        assert_eq!(lasting.iter().count(), 200);
    }

    #[test]
    fn everything_is_dropped_once() {
        let counted = Arc::new(());
        let lasting = Lasting::new();
        for n in 0..100 {
            lasting.get_or_insert(hash(n), n, Arc::clone(&counted));
            lasting.get_or_insert(hash(n), n, Arc::clone(&counted));
        }
        assert_eq!(Arc::strong_count(&counted), 101);
        drop(lasting);
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[test]
    fn readers_and_writers_meet() {
        const KEYS: u64 = if cfg!(miri) { 60 } else { 20_000 };
        let lasting = Lasting::new();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for n in 0..KEYS {
                        let kept = *lasting.get_or_insert(hash(n), n, Box::new(n)).as_ref();
                        assert_eq!(kept, n);
                        let found = lasting.get(hash(n / 2), |k| *k == n / 2).unwrap();
                        assert_eq!(**found, n / 2);
                    }
                });
            }
        });
        assert_eq!(lasting.len(), KEYS as usize);
    }
}
