use super::label::{Asked, Label, Noting, Overdue, Replay, Weighed};
use super::leaving::{Hooks, Leaving};
use crate::clock::Stamp;
use crate::key::{Key, Lookup};
use crate::sync::switch_point;
use parking_lot::{Mutex, MutexGuard};
use quick_cache::OptionsBuilder;
use quick_cache::sync::Cache;
use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;

/// A part of the store with a bound of its own.
///
/// It is a cache of one shard. Puts, changes in place, sweeps and clearing go one
/// after another, under `writes`; reads and removals take the cache's own lock
/// alone. No user code runs under either, but `Eq` of keys, and `Clone` of values
/// and listed keys.
pub(super) struct Shard<K, V> {
    cache: Cache<Label<K>, V, Weighed, Replay, Hooks>,
    writes: Mutex<Pace>,
    hooks: Hooks,
    max: u64,
}

/// What says when to sweep.
struct Pace {
    /// Since the last sweep.
    puts: usize,
    /// Nothing expires before.
    earliest: Stamp,
}

/// How much of a shard is for entries that were used again: the cache's own
/// default. The rest lets new ones prove themselves.
const HOT: f64 = 0.97;

/// The cache refuses what is heavier. Its own formula.
fn hot_part(max: u64) -> u64 {
    ((max as f64 * HOT) as u64).clamp(max.min(1), max)
}

impl<K: Key, V: Clone> Shard<K, V> {
    /// `entries` is an estimate. The cache remembers half as many that it evicted.
    pub(super) fn new(max: u64, entries: usize) -> Self {
        let options = OptionsBuilder::new()
            .shards(1)
            .weight_capacity(max)
            .estimated_items_capacity(entries)
            .hot_allocation(HOT)
            .build()
            .expect("all that is needed is set");
        let hooks = Hooks::default();
        Shard {
            cache: Cache::with_options(options, Weighed, Replay, hooks.clone()),
            writes: Mutex::new(Pace::new(Stamp::NEVER)),
            hooks,
            max,
        }
    }

    #[inline]
    pub(super) fn find<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<V> {
        switch_point();
        self.cache.get(&Asked { hash, asked })
    }

    pub(super) fn put(&self, label: Label<K>, value: V) -> Leaving<K, V> {
        switch_point();
        if label.terms.weight > self.max {
            return self.refuse(label, value);
        }
        let mut leaving = Leaving::default();
        let mut pace = self.writes.lock();
        pace.count(label.terms.expires);
        self.let_in(label.terms.weight);
        self.cache.insert_with_lifecycle(label, value, &mut leaving);
        leaving
    }

    /// What is refused takes the place of the old value even so: that is not to be
    /// found again.
    #[cold]
    fn refuse(&self, label: Label<K>, value: V) -> Leaving<K, V> {
        let replaced = self.cache.remove(&label);
        Leaving::refused(label.key, value, replaced)
    }

    /// Says whether the put that follows is to be let in unasked: the cache would
    /// refuse it, though it fits. For who holds `writes`.
    fn let_in(&self, weight: u64) {
        let unasked = weight > hot_part(self.max);
        self.hooks.let_in.store(unasked, Ordering::Relaxed);
    }

    pub(super) fn take<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<(K, V)> {
        switch_point();
        let (label, value) = self.cache.remove(&Asked { hash, asked })?;
        Some((label.key, value))
    }

    /// Puts a changed copy in the value's place. What was removed meanwhile stays
    /// removed.
    pub(super) fn update<Q: Lookup<K>, R>(
        &self,
        hash: u64,
        asked: &Q,
        change: impl FnOnce(&mut V, &mut Stamp) -> R,
    ) -> Option<R> {
        switch_point();
        let noting = Noting {
            asked: Asked { hash, asked },
            terms: Cell::new(None),
        };
        // Before the lock, so that they are dropped after it.
        let mut leaving = Leaving::default();
        let key = asked.to_key();
        let mut pace = self.writes.lock();
        let mut value = self.cache.peek(&noting)?;
        let mut terms = noting.terms.get()?;
        let changed = change(&mut value, &mut terms.expires);
        pace.expect(terms.expires);
        self.let_in(terms.weight);
        let label = Label { key, hash, terms };
        let soft = true;
        let replaced = self
            .cache
            .replace_with_lifecycle(label, value, soft, &mut leaving);
        drop(pace);
        replaced.ok().map(|()| changed)
    }

    /// Takes out what has expired, if puts have paid for a look at all rows and
    /// nobody else is at work here.
    pub(super) fn tidy(&self, now: Stamp) -> Leaving<K, V> {
        switch_point();
        match self.writes.try_lock() {
            Some(pace) if pace.earliest <= now && pace.puts >= self.cache.len() / 2 => {
                self.sweep_with(pace, now)
            }
            _ => Leaving::default(),
        }
    }

    pub(super) fn sweep(&self, now: Stamp) -> Leaving<K, V> {
        switch_point();
        let pace = self.writes.lock();
        if now < pace.earliest {
            return Leaving::default();
        }
        self.sweep_with(pace, now)
    }

    /// One look at every row, then one removal for each that has expired. The
    /// cache's `retain` would drop them under its lock, so it is told to keep all.
    fn sweep_with(&self, mut pace: MutexGuard<'_, Pace>, now: Stamp) -> Leaving<K, V> {
        let due = RefCell::new(Vec::new());
        let earliest = Cell::new(Stamp::NEVER);
        self.cache.retain(|label, _| {
            if label.terms.expires <= now {
                due.borrow_mut().push(label.hash);
            } else {
                earliest.set(earliest.get().min(label.terms.expires));
            }
            true
        });
        *pace = Pace::new(earliest.get());
        let remove = |hash| self.cache.remove_if(&Overdue { hash, now }, |_| true);
        let gone = due.into_inner().into_iter().filter_map(remove);
        Leaving::expired(gone.map(|(label, value)| (label.key, value)).collect())
    }

    /// Takes everything out.
    pub(super) fn take_all(&self) -> Vec<(K, V)> {
        switch_point();
        let mut pace = self.writes.lock();
        *pace = Pace::new(Stamp::NEVER);
        let rows = self.cache.drain();
        let gone = rows.map(|(label, value)| (label.key, value)).collect();
        // Nothing is put meanwhile, so this drops no values: it forgets what the
        // cache remembers of those that it evicted.
        self.cache.clear();
        gone
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (K, V)> {
        switch_point();
        self.cache.iter().map(|(label, value)| (label.key, value))
    }

    #[cfg(test)]
    pub(super) fn max(&self) -> u64 {
        self.max
    }

    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }

    pub(super) fn weight(&self) -> u64 {
        self.cache.weight()
    }
}

impl Pace {
    fn new(earliest: Stamp) -> Self {
        Pace { puts: 0, earliest }
    }

    fn count(&mut self, expires: Stamp) {
        self.puts += 1;
        self.expect(expires);
    }

    fn expect(&mut self, expires: Stamp) {
        self.earliest = self.earliest.min(expires);
    }
}
