use crate::clock::Stamp;
use crate::key::Lookup;
use quick_cache::{Equivalent, Weighter};
use std::cell::Cell;
use std::hash::{BuildHasher, Hash, Hasher};

/// A key as the cache holds it, with all that is known about its value.
///
/// The hash is kept, so that the user's `Hash` runs once per call, with nothing
/// locked; the weight and the expiry are kept, so that the weigher runs before
/// anything is locked, and a sweep need not look at values.
#[derive(Clone)]
pub(super) struct Label<K> {
    pub(super) key: K,
    pub(super) hash: u64,
    pub(super) terms: Terms,
}

/// On what terms a value is kept.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// At least 1: the cache never evicts what weighs nothing.
    pub(super) weight: u64,
    pub(super) expires: Stamp,
}

impl<K: Eq> PartialEq for Label<K> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.key == other.key
    }
}

impl<K: Eq> Eq for Label<K> {}

impl<K> Hash for Label<K> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// A borrowed key, asked by a hash that is known.
pub(super) struct Asked<'a, Q> {
    pub(super) hash: u64,
    pub(super) asked: &'a Q,
}

impl<Q> Hash for Asked<'_, Q> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<K, Q: Lookup<K>> Equivalent<Label<K>> for Asked<'_, Q> {
    #[inline]
    fn equivalent(&self, label: &Label<K>) -> bool {
        self.hash == label.hash && self.asked.is(&label.key)
    }
}

/// The same, and notes the terms of what it finds: the cache hands out values
/// alone.
pub(super) struct Noting<'a, Q> {
    pub(super) asked: Asked<'a, Q>,
    pub(super) terms: Cell<Option<Terms>>,
}

impl<Q> Hash for Noting<'_, Q> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.asked.hash(state);
    }
}

impl<K, Q: Lookup<K>> Equivalent<Label<K>> for Noting<'_, Q> {
    fn equivalent(&self, label: &Label<K>) -> bool {
        let same = self.asked.equivalent(label);
        if same {
            self.terms.set(Some(label.terms));
        }
        same
    }
}

/// Any key of this hash that has expired by now.
pub(super) struct Overdue {
    pub(super) hash: u64,
    pub(super) now: Stamp,
}

impl Hash for Overdue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<K> Equivalent<Label<K>> for Overdue {
    fn equivalent(&self, label: &Label<K>) -> bool {
        self.hash == label.hash && label.terms.expires <= self.now
    }
}

/// Weighs by what was weighed before.
#[derive(Clone)]
pub(super) struct Weighed;

impl<K, V> Weighter<Label<K>, V> for Weighed {
    #[inline]
    fn weight(&self, label: &Label<K>, _: &V) -> u64 {
        label.terms.weight
    }
}

/// The cache's hasher: answers with the hash that it is given.
#[derive(Clone)]
pub(super) struct Replay;

pub(super) struct Replayed(u64);

impl BuildHasher for Replay {
    type Hasher = Replayed;

    #[inline]
    fn build_hasher(&self) -> Replayed {
        Replayed(0)
    }
}

impl Hasher for Replayed {
    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("labels are hashed by their kept hash alone");
    }
}
