use super::partition::Partition;
use crate::drive::block_on;
use crate::error::BuildError;
use crate::flight::{Entered, Flight, Landing, Part, Patience, Ticket, enter};
use crate::key::{Key, Lookup, hash_of};
use std::fmt;
use std::sync::Arc;

/// What a claim brought.
#[derive(Debug)]
pub enum Claimed<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> {
    /// There is an instance.
    Kept(Arc<T>),
    /// There is none, and the key is the caller's.
    Vacant(Claim<K, T, E>),
}

/// The right to build the instance of one key, held until it is used or dropped.
///
/// Callers that ask for the key meanwhile wait, just as for a build. Dropped
/// unused, it frees the key, and one of them builds.
///
/// For the graph of builds this thread is inside the build as long as it holds
/// the claim: asking for the very key is an error, and not a hang. That is why a
/// claim stays on its thread. One that is leaked keeps its key for ever.
pub struct Claim<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> {
    partition: Partition<K, T, E>,
    flight: Arc<Flight<K, Arc<T>, E>>,
    landed: bool,
    inside: Option<Entered>,
}

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> Claim<K, T, E> {
    pub(super) fn new(partition: Partition<K, T, E>, flight: Arc<Flight<K, Arc<T>, E>>) -> Self {
        let inside = enter(Arc::clone(&flight) as _, Part::Claims);
        Claim {
            partition,
            flight,
            landed: false,
            inside: Some(inside),
        }
    }

    /// The key that is claimed.
    pub fn key(&self) -> &K {
        self.flight.key()
    }

    /// Gives the instance to all who wait, and keeps it, unless the key was
    /// removed meanwhile.
    pub fn fill(mut self, instance: impl Into<Arc<T>>) -> Arc<T> {
        let instance = instance.into();
        let inner = self.partition.inner().clone();
        let took = self.flight.since().elapsed();
        let displaced = inner.flights.publish(&self.flight, |key| {
            inner.put(self.flight.hash(), key, &instance)
        });
        self.land(|| Landing::Built(Arc::clone(&instance)));
        drop(displaced);
        inner.built(took);
        instance
    }

    /// Gives an error to all who wait. Nothing is kept.
    pub fn fail(mut self, error: E) -> BuildError<E> {
        let error = BuildError::failed(self.flight.what_and_key(), error);
        self.partition.inner().counters.failures.add(1);
        self.land(|| Landing::Failed(error.clone()));
        error
    }

    fn land(&mut self, landing: impl FnOnce() -> Landing<Arc<T>, E>) {
        self.landed = true;
        self.inside = None;
        self.partition
            .inner()
            .flights
            .land(&mut self.flight, landing);
    }
}

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> Drop for Claim<K, T, E> {
    fn drop(&mut self) {
        if !self.landed {
            self.land(|| Landing::Again);
        }
    }
}

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> fmt::Debug for Claim<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(self.key()).finish()
    }
}

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> Partition<K, T, E> {
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
            if let Some(instance) = self.inner().find(hash, &key) {
                return Ok(Claimed::Kept(instance));
            }
            match self.inner().flights.join_to_claim(hash, key.to_key()) {
                Ticket::Leads(lead) => {
                    let claim = Claim::new(self.clone(), lead.release());
                    // Look again: another may have landed since the look above.
                    return Ok(match self.inner().find(hash, &key) {
                        Some(instance) => Claimed::Kept(instance),
                        None => Claimed::Vacant(claim),
                    });
                }
                Ticket::Joined(flight) => {
                    if let Landing::Built(instance) =
                        block_on(self.inner().flights.wait(&flight, Patience::Endless))?
                    {
                        return Ok(Claimed::Kept(Arc::clone(instance)));
                    }
                }
            }
        }
    }
}
