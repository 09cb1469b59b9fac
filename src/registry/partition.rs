use super::claim::{Claim, Claimed};
use super::held::Held;
use super::snapshot::Row;
use super::stats::{Counters, Stats};
use crate::error::BuildError;
use crate::flight::{Flights, How, Landing, Patience, Plan, Ticket};
use crate::key::{Key, Lookup, hash_of};
use crate::store::{Kept, StoreError};
use std::any::Any;
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

/// A partition itself.
pub(crate) struct Inner<K: 'static, T: 'static, E: 'static> {
    pub(crate) kept: Kept<K, T>,
    pub(crate) counters: Counters,
    pub(crate) flights: Flights<K, Arc<T>, E>,
    /// The name of the factory whose keys these are, if it has one.
    factory: Option<&'static str>,
}

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

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> Inner<K, T, E> {
    pub(crate) fn new(kept: Kept<K, T>, factory: Option<&'static str>) -> Self {
        Inner {
            kept,
            counters: Counters::default(),
            flights: Flights::new(std::any::type_name::<T>()),
            factory,
        }
    }

    /// The instance, if it is kept. A store that fails has not got it.
    #[inline]
    pub(crate) fn find<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<Arc<T>> {
        self.kept
            .find(hash, asked)
            .unwrap_or_else(|fault| self.fault(&fault))
    }

    /// As [`find`](Self::find), for a call that counts as a hit.
    #[inline]
    pub(crate) fn hit<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<Arc<T>> {
        let found = self.find(hash, asked);
        if found.is_some() {
            self.counters.hit();
        }
        found
    }

    /// Gets an instance that was not kept a moment ago.
    #[cold]
    #[inline(never)]
    pub(crate) fn build(
        &self,
        hash: u64,
        key: K,
        patience: Patience,
        construct: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, BuildError<E>> {
        let flown = self.flights.fly(
            hash,
            key,
            Plan {
                look: |key: &K| self.find(hash, &key),
                build: || {
                    self.counters
                        .failures
                        .unless_ok(|| construct().map(Arc::new))
                },
                put: |key: &K, instance: &Arc<T>| self.put(hash, key, instance),
                patience,
            },
        )?;
        match flown.how {
            How::Built(took) => self.counters.built(took),
            How::Found => self.counters.hit(),
            How::Joined => {}
        }
        Ok(flown.value)
    }

    pub(crate) fn put(&self, hash: u64, key: &K, instance: &Arc<T>) {
        if let Err(fault) = self.kept.put(hash, key.clone(), instance) {
            self.fault(&fault);
        }
    }

    #[cold]
    fn fault(&self, _: &StoreError) -> Option<Arc<T>> {
        self.counters.store_faults.add(1);
        None
    }

    /// Voids the build under way, then takes out what is kept. In this order:
    /// what the build may still have put is there by then, and goes too.
    fn remove<Q: Lookup<K>>(&self, asked: &Q) -> Result<Option<Arc<T>>, StoreError> {
        let hash = hash_of(asked);
        if !self.kept.is_permanent() {
            self.flights.void(hash, asked);
        }
        let removed = self.kept.delete(hash, asked)?;
        self.counters.removals.add(removed.is_some().into());
        Ok(removed)
    }

    fn clear(&self) -> Result<(), StoreError> {
        let store = self.kept.plain();
        if !self.kept.is_permanent() {
            self.flights.void_all();
        }
        let kept = store.len().unwrap_or(0);
        store.clear()?;
        self.counters.removals.add(kept as u64);
        Ok(())
    }
}

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> Partition<K, T, E> {
    pub(crate) fn new(inner: Held<Inner<K, T, E>>) -> Self {
        Partition(inner)
    }

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

    /// Gives the lock that wraps construction to the caller: answers with the
    /// instance, or with the right to build it. Waits for a build that is under
    /// way; if that fails, the next claim may be this one.
    ///
    /// # Errors
    ///
    /// [`BuildError::Recursion`] or [`BuildError::Cycle`], if waiting would
    /// never end.
    ///
    /// # Examples
    ///
    /// ```
    /// use mementos::{Claimed, memento};
    ///
    /// struct Thing(u32);
    ///
    /// #[memento]
    /// impl Thing {
    ///     fn new(_name: &str) -> Self { Thing(1) }
    /// }
    ///
    /// match Thing::mementos().claim("one").unwrap() {
    ///     Claimed::Kept(_) => unreachable!("nobody has asked for it"),
    ///     Claimed::Vacant(claim) => drop(claim.fill(Thing(2))),
    /// }
    /// assert_eq!(Thing::memento("one").0, 2);
    /// ```
    pub fn claim<Q: Lookup<K>>(&self, key: Q) -> Result<Claimed<K, T, E>, BuildError<E>> {
        let hash = hash_of(&key);
        loop {
            if let Some(instance) = self.0.find(hash, &key) {
                return Ok(Claimed::Kept(instance));
            }
            match self.0.flights.join(hash, key.to_key()) {
                Ticket::Leads(flight) => {
                    let claim = Claim::new(self.clone(), flight);
                    // Look again: another may have landed since the look above.
                    return Ok(match self.0.find(hash, &key) {
                        Some(instance) => Claimed::Kept(instance),
                        None => Claimed::Vacant(claim),
                    });
                }
                Ticket::Joined(flight) => {
                    if let Landing::Built(instance) =
                        self.0.flights.wait(&flight, Patience::ENDLESS)?
                    {
                        return Ok(Claimed::Kept(Arc::clone(instance)));
                    }
                }
            }
        }
    }

    /// What is under construction, since when, and by which thread.
    pub fn building(&self) -> Vec<Building<K>> {
        let flights = self.0.flights.under_way();
        let building = flights.iter().map(|flight| Building {
            key: flight.key().clone(),
            since: flight.since(),
            thread: flight.thread().clone(),
        });
        building.collect()
    }

    /// What has happened here. The numbers are read one after another.
    pub fn stats(&self) -> Stats {
        Stats {
            joins: self.0.flights.joins(),
            ..self.0.counters.stats()
        }
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

/// A partition by what all of them can do, whatever they hold.
pub(crate) trait AnyPartition: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    fn row(&self) -> Row;
    fn count_hits(&self, counting: bool);
    fn sweep(&self) -> usize;

    /// Forgets all instances that are not there for ever.
    fn clear(&self) -> Result<(), StoreError>;
}

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> AnyPartition for Inner<K, T, E> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn row(&self) -> Row {
        Row {
            type_name: std::any::type_name::<T>(),
            key_type: std::any::type_name::<K>(),
            factory: self.factory,
            keep: self.kept.name(),
            len: self.kept.plain().len().ok(),
            building: self.flights.len(),
            stats: Stats {
                joins: self.flights.joins(),
                ..self.counters.stats()
            },
        }
    }

    fn count_hits(&self, counting: bool) {
        self.counters.count_hits(counting);
    }

    fn sweep(&self) -> usize {
        self.kept.plain().sweep()
    }

    fn clear(&self) -> Result<(), StoreError> {
        if self.kept.is_permanent() {
            Ok(())
        } else {
            Inner::clear(self)
        }
    }
}
