use super::Evicted;
use super::label::Label;
use quick_cache::Lifecycle;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a change has pushed out of a store. Dropping it may run user code, so it
/// is handed up to where nothing is locked.
#[must_use = "the store owes the listener a word about it: see `BoundedStore::tell`"]
pub(crate) struct Leaving<K, V> {
    pub(super) replaced: Option<V>,
    /// The key that came with the replaced value.
    key: Option<K>,
    /// Most often there is one, and then nothing is allocated.
    first: Option<(K, V)>,
    more: Vec<(K, V)>,
    why: Evicted,
    /// What leaves next does so to make room.
    making_room: bool,
}

impl<K, V> Default for Leaving<K, V> {
    fn default() -> Self {
        Leaving {
            replaced: None,
            key: None,
            first: None,
            more: Vec::new(),
            why: Evicted::Capacity,
            making_room: false,
        }
    }
}

impl<K, V> Leaving<K, V> {
    pub(super) fn refused(key: K, value: V, replaced: Option<(Label<K>, V)>) -> Self {
        let (label, replaced) = replaced.unzip();
        Leaving {
            replaced,
            key: label.map(|label| label.key),
            first: Some((key, value)),
            why: Evicted::TooLarge,
            ..Leaving::default()
        }
    }

    pub(super) fn expired(rows: Vec<(K, V)>) -> Self {
        Leaving {
            more: rows,
            why: Evicted::Expired,
            ..Leaving::default()
        }
    }

    /// How many were given up. A replaced one does not count.
    pub(crate) fn evicted(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// Hands each that was given up to `listener`, and answers with the value that
    /// was replaced. If `listener` panics, the rest is dropped.
    pub(super) fn tell(mut self, listener: impl Fn(K, V, Evicted)) -> Option<V> {
        let rows = self.first.take().into_iter();
        for (key, value) in rows.chain(mem::take(&mut self.more)) {
            listener(key, value, self.why);
        }
        self.replaced
    }

    fn push(&mut self, row: (K, V)) {
        match self.first {
            None => self.first = Some(row),
            Some(_) => self.more.push(row),
        }
    }
}

/// What the cache calls, with the shard locked: it sorts what leaves, and keeps it.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    /// Whether the value that is being put must be let in unasked. Changes only
    /// while the shard's writes are locked.
    pub(super) let_in: Arc<AtomicBool>,
}

impl<K, V> Lifecycle<Label<K>, V> for Hooks {
    type RequestState = Leaving<K, V>;

    /// The cache refuses what fills more than the part for its hot entries, unless
    /// it is pinned. What still fits into the whole is pinned for that one
    /// question: the first during a put, and about the value that is put.
    fn is_pinned(&self, _: &Label<K>, _: &V) -> bool {
        self.let_in.load(Ordering::Relaxed) && self.let_in.swap(false, Ordering::Relaxed)
    }

    /// Comes before an eviction, and not before a replacement.
    fn before_evict(&self, leaving: &mut Leaving<K, V>, _: &Label<K>, _: &mut V) {
        leaving.making_room = true;
    }

    fn on_evict(&self, leaving: &mut Leaving<K, V>, label: Label<K>, value: V) {
        if mem::take(&mut leaving.making_room) {
            leaving.push((label.key, value));
        } else {
            leaving.key = Some(label.key);
            leaving.replaced = Some(value);
        }
    }
}
