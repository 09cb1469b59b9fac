//! A store with a bound, over the cache of the `quick_cache` crate.
//!
//! [`label`] is what the cache sees of a key, [`leaving`] what comes out of it, and
//! [`shard`] a cache with the rules for touching it.

mod label;
mod leaving;
mod shard;
#[cfg(test)]
mod tests;

pub(crate) use leaving::Leaving;

use super::{Store, StoreError};
use crate::clock::Stamp;
use crate::key::{Key, Lookup, hash_of};
use label::{Label, Terms};
use shard::Shard;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::SystemTime;

/// Keeps values in memory up to a bound, by number or by weight.
///
/// When it is full, what is used least gives way (CLOCK-Pro, Jiang, Chen and
/// Zhang, USENIX 2005, as the `quick_cache` crate has it): one long run over keys
/// that are asked for once does not displace those that are asked for often. So
/// what gives way can be the very value that is put, where all others are in use,
/// or where it replaces a lighter one.
///
/// # The bound
///
/// It holds at every moment, also while many threads put. In a store by number
/// that holds 2048 or more, the bound is divided over shards, and keys go to them
/// by hash; so the first evictions come when it is full to some 97 percent. A
/// smaller store is one shard, and fills up exactly.
///
/// # Expiry
///
/// What has passed its hint is given up as new values are put: see
/// [`tidy`](Store::tidy), which is called by whoever puts and knows the time. It
/// looks at one shard, and goes through it once there were half as many puts as
/// it has entries. Until then what has expired is found, and takes room.
///
/// # What runs under a lock
///
/// `Eq` of keys, and `Clone` of keys and values, under the lock of a shard: keep
/// the values behind an `Arc`, or make them plain copies. `Hash`, the weigher, the
/// listener, and `Drop` of whatever leaves run with nothing locked.
///
/// # Costs
///
/// A read takes one shard's read lock. A put takes two locks of one shard. Beside
/// the key and the value, an entry takes about 60 bytes, and the store remembers
/// of half as many keys that they were evicted.
///
/// # Examples
///
/// ```
/// use mementos::store::{BoundedStore, Store};
/// use std::sync::Arc;
///
/// let store = BoundedStore::new(2);
/// for n in 0..10 {
///     store.put(n, Arc::new(n), None)?;
/// }
/// assert_eq!(store.len()?, 2);
/// # Ok::<(), mementos::store::StoreError>(())
/// ```
pub struct BoundedStore<K, V> {
    shards: Box<[Shard<K, V>]>,
    capacity: u64,
    weigh: Option<Box<Weigh<K, V>>>,
    listener: Option<Box<Listener<K, V>>>,
    /// Whether anything was ever put that expires.
    expiring: AtomicBool,
    /// The shard to tidy next.
    turn: AtomicUsize,
}

type Weigh<K, V> = dyn Fn(&K, &V) -> u64 + Send + Sync;
type Listener<K, V> = dyn Fn(K, V, Evicted) + Send + Sync;

/// Why a store gave up a value by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Evicted {
    /// Others needed the room.
    Capacity,
    /// It alone is heavier than the store may be, and was not let in.
    TooLarge,
    /// It was swept after its expiry had passed.
    Expired,
}

/// The fewest entries that are worth a shard. With fewer, the uneven spread of
/// keys over shards would waste more than a few in a hundred.
const SHARD: usize = 1024;
/// A store by weight cannot tell how many entries it will hold. This says of how
/// many it remembers that they were evicted: half as many.
const ESTIMATE: u64 = 16_384;
/// Sums of two weights must not overflow.
const HEAVIEST: u64 = 1 << 62;

impl<K: Key, V: Clone> BoundedStore<K, V> {
    /// An empty store for `capacity` entries. One for 0 keeps nothing.
    pub fn new(capacity: usize) -> Self {
        let count = shards_for(capacity);
        let part = |n: usize| capacity / count + usize::from(n < capacity % count);
        let shards = (0..count).map(|n| Shard::new(part(n) as u64, part(n)));
        BoundedStore::of(shards.collect(), capacity as u64, None)
    }

    /// An empty store for entries that weigh `max_weight` in all, in whatever unit
    /// `weigh` counts.
    ///
    /// `weigh` is called once per put, with nothing locked. An entry that weighs 0
    /// counts as 1, lest there be any number of them. One that is heavier than
    /// `max_weight` is not let in, and what it would have replaced goes; one that is
    /// just as heavy is. A `max_weight` over 2^62 counts as that.
    ///
    /// It is one shard, so that any weight up to the maximum fits: threads that put
    /// wait for each other.
    ///
    /// ```
    /// use mementos::store::{BoundedStore, Store};
    ///
    /// let store = BoundedStore::weighted(10, |_: &u8, text: &String| text.len() as u64);
    /// store.put(1, "seven!!".to_owned(), None)?;
    /// store.put(2, "four".to_owned(), None)?; // 11 would be too much
    /// assert_eq!(store.weight(), 4);
    /// # Ok::<(), mementos::store::StoreError>(())
    /// ```
    pub fn weighted(
        max_weight: u64,
        weigh: impl Fn(&K, &V) -> u64 + Send + Sync + 'static,
    ) -> Self {
        let max = max_weight.min(HEAVIEST);
        let shard = Shard::new(max, max.min(ESTIMATE) as usize);
        BoundedStore::of(Box::new([shard]), max, Some(Box::new(weigh)))
    }

    fn of(shards: Box<[Shard<K, V>]>, capacity: u64, weigh: Option<Box<Weigh<K, V>>>) -> Self {
        BoundedStore {
            shards,
            capacity,
            weigh,
            listener: None,
            expiring: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
        }
    }

    /// Has `listener` told of every value that the store gives up by itself, and
    /// why. It gets the key and the value, in the thread whose call made them go.
    ///
    /// It is not told of what was replaced, deleted or cleared: that is not the
    /// store's doing, and who did it has the value in hand.
    ///
    /// It runs with nothing locked, before that call returns, and may use the store.
    /// If it puts into a full store, it is called again from within that put. If it
    /// panics, the panic reaches who put; the new value is kept then, and of other
    /// values that went in the same call it is not told.
    ///
    /// ```
    /// use mementos::store::{BoundedStore, Evicted, Store};
    /// use std::sync::mpsc;
    ///
    /// let (gone, listen) = mpsc::channel();
    /// let store = BoundedStore::new(1).on_evict(move |key, value, why| {
    ///     gone.send((key, value, why)).unwrap();
    /// });
    /// store.put("a", 1, None)?;
    /// store.put("b", 2, None)?;
    /// assert_eq!(listen.recv(), Ok(("a", 1, Evicted::Capacity)));
    /// # Ok::<(), mementos::store::StoreError>(())
    /// ```
    pub fn on_evict(mut self, listener: impl Fn(K, V, Evicted) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// The bound: a number of entries, or a weight.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The weight of all that is kept; in a store by number, that number.
    pub fn weight(&self) -> u64 {
        self.shards.iter().map(Shard::weight).sum()
    }

    #[inline]
    pub(crate) fn find<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<V> {
        self.shard(hash).find(hash, asked)
    }

    /// Keeps a value. The caller owes a call of [`tell`](Self::tell) for what
    /// leaves, and then one of [`tidy`](Store::tidy).
    pub(crate) fn keep(&self, hash: u64, key: K, value: V, expires: Stamp) -> Leaving<K, V> {
        let weight = self.weigh.as_ref().map_or(1, |weigh| weigh(&key, &value));
        let weight = weight.max(1);
        self.expects(expires);
        let terms = Terms { weight, expires };
        self.shard(hash).put(Label { key, hash, terms }, value)
    }

    /// Tells the listener of what a put has pushed out, and answers with the value
    /// that it replaced. Runs user code: nothing may be locked.
    pub(crate) fn tell(&self, leaving: Leaving<K, V>) -> Option<V> {
        match &self.listener {
            Some(listener) => leaving.tell(listener),
            None => leaving.replaced,
        }
    }

    pub(crate) fn take<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<V> {
        let taken = self.shard(hash).take(hash, asked);
        taken.map(|(_, value)| value)
    }

    /// Changes a value, and when it expires; nothing where there is none. Its weight
    /// stays what it was. `change` runs with the shard's writes locked, on a copy
    /// that then takes the value's place: it must not call user code, nor drop any.
    #[allow(dead_code)]
    pub(crate) fn update<Q: Lookup<K>, R>(
        &self,
        hash: u64,
        asked: &Q,
        change: impl FnOnce(&mut V, &mut Stamp) -> R,
    ) -> Option<R> {
        let change = |value: &mut V, expires: &mut Stamp| {
            let changed = change(value, expires);
            self.expects(*expires);
            changed
        };
        self.shard(hash).update(hash, asked, change)
    }

    /// Gives up what has expired in the next shard, if that is worth a look.
    pub(crate) fn tidy_at(&self, now: Stamp) -> usize {
        if !self.expiring.load(Ordering::Relaxed) {
            return 0;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.gave_up(self.shards[turn % self.shards.len()].tidy(now))
    }

    /// Gives up all that has expired.
    pub(crate) fn sweep_at(&self, now: Stamp) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| self.gave_up(shard.sweep(now))).sum()
    }

    fn gave_up(&self, leaving: Leaving<K, V>) -> usize {
        let count = leaving.evicted();
        self.tell(leaving);
        count
    }

    fn expects(&self, expires: Stamp) {
        if expires != Stamp::NEVER && !self.expiring.load(Ordering::Relaxed) {
            self.expiring.store(true, Ordering::Relaxed);
        }
    }

    /// By bits that the tables within do not use.
    #[inline]
    fn shard(&self, hash: u64) -> &Shard<K, V> {
        &self.shards[(hash >> 32) as usize & (self.shards.len() - 1)]
    }
}

/// A power of two.
fn shards_for(capacity: usize) -> usize {
    let threads = available_parallelism().map_or(1, usize::from);
    let count = (capacity / SHARD).clamp(1, 4 * threads);
    1 << count.ilog2()
}

impl<K: Key, V: Clone + Send + Sync> Store<K, V> for BoundedStore<K, V> {
    fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
        Ok(self.find(hash_of(key), &key))
    }

    fn put(&self, key: K, value: V, expires: Option<SystemTime>) -> Result<Option<V>, StoreError> {
        let expires = expires.map_or(Stamp::NEVER, Stamp::from);
        Ok(self.tell(self.keep(hash_of(&key), key, value, expires)))
    }

    fn delete(&self, key: &K) -> Result<Option<V>, StoreError> {
        Ok(self.take(hash_of(key), &key))
    }

    fn clear(&self) -> Result<(), StoreError> {
        // All are taken out before the first is dropped: its `Drop` may panic.
        let gone: Vec<_> = self.shards.iter().map(Shard::take_all).collect();
        drop(gone);
        Ok(())
    }

    fn entries(&self) -> Result<Vec<(K, V)>, StoreError> {
        Ok(self.shards.iter().flat_map(Shard::entries).collect())
    }

    fn len(&self) -> Result<usize, StoreError> {
        Ok(self.shards.iter().map(Shard::len).sum())
    }

    fn tidy(&self, now: SystemTime) -> usize {
        self.tidy_at(now.into())
    }

    fn sweep_expired(&self, now: SystemTime) -> usize {
        self.sweep_at(now.into())
    }
}

impl<K: Key, V: Clone> fmt::Debug for BoundedStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (weight, capacity) = (self.weight(), self.capacity);
        write!(f, "BoundedStore({weight} of {capacity})")
    }
}
