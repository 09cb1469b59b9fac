use super::inner::Inner;
use crate::held::Held;
use crate::key::{Key, Lookup, hash_of};
use crate::stats::Stats;
use crate::store::StoreError;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::thread::Thread;
use std::time::Instant;

/// The instances of one type in one registry.
///
/// `Thing::mementos()` gives the one of the current registry. This is a handle:
/// a clone is the same partition.
///
/// Look-ups take anything that stands for the key ([`Lookup`]): `"one"` for a
/// `String`, `("one", 2)` for a `(String, u32)`, `&key` for any key.
///
/// ```
/// use mementos::memento;
///
/// struct Thing;
///
/// #[memento]
/// impl Thing {
///     fn new(_name: &str) -> Self { Thing }
/// }
///
/// let one = Thing::memento("one");
/// let things = Thing::mementos();
/// assert!(things.contains("one"));
/// assert_eq!(things.len(), 1);
/// things.remove("one");
/// assert!(things.peek("one").is_none());
/// ```
pub struct Partition<K: 'static, T: 'static, E: 'static = Infallible>(Held<Inner<K, T, E>>);

/// A build that is under way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Building<K> {
    /// What is being built.
    pub key: K,
    /// Since when.
    pub since: Instant,
    /// The thread that builds it.
    pub thread: Thread,
}

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> Partition<K, T, E> {
    pub(crate) fn new(inner: Held<Inner<K, T, E>>) -> Self {
        Partition(inner)
    }

    /// The partition itself.
    pub(super) fn inner(&self) -> &Held<Inner<K, T, E>> {
        &self.0
    }

    /// The instance kept for a key, if there is one. Builds nothing.
    pub fn peek<Q: Lookup<K>>(&self, key: Q) -> Option<Arc<T>> {
        self.0.find(hash_of(&key), &key)
    }

    /// Whether an instance is kept for a key.
    pub fn contains<Q: Lookup<K>>(&self, key: Q) -> bool {
        self.peek(key).is_some()
    }

    /// How many instances are kept. With `keep = "weak"` or `"pinned"`, how many
    /// are alive, which reads every entry.
    ///
    /// # Panics
    ///
    /// If the instances are in a store of the user's own that fails.
    pub fn len(&self) -> usize {
        self.expect(self.0.kept.plain().len())
    }

    /// Whether no instance is kept. Costs what [`len`](Self::len) costs.
    ///
    /// # Panics
    ///
    /// As [`len`](Self::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The instances and their keys, as they were at some moment during the
    /// call. Nothing is locked while they are walked through. Allocates.
    ///
    /// Keys are cloned while their shard is locked.
    ///
    /// # Panics
    ///
    /// If the instances are in a store of the user's own that fails.
    pub fn iter(&self) -> std::vec::IntoIter<(K, Arc<T>)> {
        self.expect(self.0.kept.plain().entries()).into_iter()
    }

    /// Forgets the instance of a key, and answers with it. Whoever holds it
    /// keeps it; the next caller builds anew. A build of that key which is under
    /// way answers its callers, and is not kept.
    ///
    /// # Panics
    ///
    /// If the type keeps its instances `static`, or in a store of the user's own
    /// that fails to delete: the instance may still be there.
    pub fn remove<Q: Lookup<K>>(&self, key: Q) -> Option<Arc<T>> {
        self.expect(self.0.remove(&key))
    }

    /// Forgets every instance, as [`remove`](Self::remove) does with one.
    ///
    /// # Panics
    ///
    /// As [`remove`](Self::remove).
    pub fn clear(&self) {
        self.expect(self.0.clear());
    }

    /// What is under construction, since when, and by which thread.
    pub fn building(&self) -> Vec<Building<K>> {
        let flights = self.0.flights.under_way();
        let building = flights.iter().filter_map(|flight| {
            Some(Building {
                key: flight.key().clone(),
                since: flight.since().instant(),
                thread: flight.thread()?.clone(),
            })
        });
        building.collect()
    }

    /// What has happened here. The numbers are read one after another.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// Switches the counting of hits on or off. It is off at first: a counter
    /// that all threads write costs each of their hits more than the hit.
    pub fn count_hits(&self, counting: bool) {
        self.0.counters.count_hits(counting);
    }

    /// Gives up the entries of instances that have died, now; answers with their
    /// number. Weak and pinned stores also sweep by themselves as they grow.
    pub fn sweep(&self) -> usize {
        self.0.kept.plain().sweep()
    }

    #[track_caller]
    fn expect<R>(&self, done: Result<R, StoreError>) -> R {
        done.unwrap_or_else(|error| panic!("mementos of {}: {error}", std::any::type_name::<T>()))
    }
}

impl<K, T, E> Clone for Partition<K, T, E> {
    fn clone(&self) -> Self {
        Partition(self.0.clone())
    }
}

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> fmt::Debug for Partition<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Partition<{}>({})",
            std::any::type_name::<T>(),
            self.0.kept.name()
        )
    }
}
