//! A partition itself: a store, the flights into it, and the counters.

use super::snapshot::Row;
use crate::clock::Moment;
use crate::drive::block_on;
use crate::error::BuildError;
use crate::flight::{Blocks, Flights, Flown, How, Leaders, Made, Patience, Plan, Publish, Stopped};
use crate::held::Erased;
use crate::key::{Key, Lookup, hash_by, hash_of, hasher};
use crate::stats::{Counters, Stats};
use crate::store::{Displaced, Kept, StoreError};
#[cfg(feature = "async")]
use crate::{
    drive::{Boxed, boxed, caught},
    flight::Awaits,
    memento::Outcome,
};
use std::any::type_name;
#[cfg(feature = "async")]
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

/// A partition itself.
pub(crate) struct Inner<K: 'static, T: 'static, E: 'static> {
    /// A copy of the process's hasher, where a hit finds it without a detour.
    hasher: ahash::RandomState,
    pub(crate) kept: Kept<K, T>,
    pub(crate) counters: Counters,
    pub(crate) flights: Flights<K, Arc<T>, E>,
    /// The name of the factory whose keys these are, if it has one.
    factory: Option<&'static str>,
}

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> Inner<K, T, E> {
    pub(crate) fn new(kept: Kept<K, T>, factory: Option<&'static str>) -> Self {
        Inner {
            hasher: hasher().clone(),
            kept,
            counters: Counters::default(),
            flights: Flights::new(type_name::<T>(), Leaders::Named),
            factory,
        }
    }

    /// The instance, if it is kept. A store that fails has not got it.
    #[inline]
    pub(crate) fn find<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> Option<Arc<T>> {
        self.kept.find(hash, asked, || self.fault())
    }

    /// The instance, if it is kept: that is a hit. If not, the hash of what was
    /// asked, for who goes on to build.
    #[inline]
    pub(crate) fn hit<Q: Lookup<K>>(&self, asked: &Q) -> Result<Arc<T>, u64> {
        let hash = hash_by(&self.hasher, asked);
        let found = self.find(hash, asked).ok_or(hash)?;
        self.counters.hit();
        Ok(found)
    }

    /// As [`hit`](Self::hit), of what is kept for ever.
    #[inline]
    pub(crate) fn hit_for_ever<Q: Lookup<K>>(&self, asked: &Q) -> Result<&'static T, u64> {
        let Kept::Static(store) = &self.kept else {
            unreachable!("a type that is declared static is kept in nothing else")
        };
        let hash = hash_by(&self.hasher, asked);
        let found = store.find(hash, asked).ok_or(hash)?;
        self.counters.hit();
        Ok(found)
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
        let mut attempt = Attempt {
            inner: self,
            hash,
            patience,
            construct: Some(construct),
            began: None,
        };
        let flown = self.flights.fly(hash, key, &mut attempt)?;
        self.flown(flown, attempt.began)
    }

    /// The same for a caller that awaits.
    #[cfg(feature = "async")]
    pub(crate) async fn build_async<R: Outcome<T, Error = E>>(
        &self,
        hash: u64,
        key: K,
        patience: Patience,
        construct: Boxed<'_, R>,
    ) -> Result<Arc<T>, BuildError<E>> {
        let mut attempt = Attempt {
            inner: self,
            hash,
            patience,
            construct: Some(construct),
            began: None,
        };
        let flown = boxed(self.flights.fly_async(hash, key, &mut attempt)).await?;
        self.flown(flown, attempt.began)
    }

    fn flown(&self, flown: Flown<Arc<T>>, began: Option<Moment>) -> Result<Arc<T>, BuildError<E>> {
        match (flown.how, began) {
            (How::Built, Some(began)) => self.built(began.elapsed()),
            (How::Found, _) => self.counters.hit(),
            _ => {}
        }
        Ok(flown.value)
    }

    /// What is left to do after a build has landed.
    pub(super) fn built(&self, took: Duration) {
        self.counters.built(took);
        self.kept.tidy();
    }

    /// Answers with what the instance displaces in the store.
    pub(crate) fn put(&self, hash: u64, key: K, instance: &Arc<T>) -> Option<Displaced<K, T>> {
        let kept = self.kept.put(hash, key, instance);
        if kept.is_err() {
            self.fault();
        }
        kept.ok()
    }

    #[cold]
    fn fault(&self) {
        self.counters.store_faults.add(1);
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            joins: self.flights.joins(),
            ..self.counters.stats()
        }
    }

    /// Voids the build under way, then takes out what is kept. In this order:
    /// what the build may still have put is there by then, and goes too.
    pub(super) fn remove<Q: Lookup<K>>(&self, asked: &Q) -> Result<Option<Arc<T>>, StoreError> {
        let hash = hash_of(asked);
        if !self.kept.is_permanent() {
            block_on(self.flights.void(hash, asked));
        }
        let removed = self.kept.delete(hash, asked)?;
        self.counters.removals.add(removed.is_some().into());
        Ok(removed)
    }

    pub(super) fn clear(&self) -> Result<(), StoreError> {
        let store = self.kept.plain();
        if !self.kept.is_permanent() {
            block_on(self.flights.void_all());
        }
        let kept = store.len().unwrap_or(0);
        store.clear()?;
        self.counters.removals.add(kept as u64);
        Ok(())
    }
}

/// A call that builds, or waits for who does.
struct Attempt<'a, K: 'static, T: 'static, E: 'static, C> {
    inner: &'a Inner<K, T, E>,
    hash: u64,
    patience: Patience,
    /// The constructor, until it is run.
    construct: Option<C>,
    /// When it was.
    began: Option<Moment>,
}

impl<K, T, E, C> Plan<K, Arc<T>, E> for Attempt<'_, K, T, E, C>
where
    K: Key,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    type Displaced = Option<Displaced<K, T>>;

    fn patience(&self) -> Patience {
        self.patience
    }

    async fn accepts(&mut self, _: Result<&Arc<T>, &BuildError<E>>) -> bool {
        true
    }

    fn publish(&self) -> Publish {
        match self.inner.kept.is_own() {
            true => Publish::InSteps,
            false => Publish::AtOnce,
        }
    }

    async fn put(&mut self, key: K, instance: &Arc<T>) -> Option<Displaced<K, T>> {
        self.put_at_once(key, instance)
    }

    fn put_at_once(&mut self, key: K, instance: &Arc<T>) -> Option<Displaced<K, T>> {
        self.inner.put(self.hash, key, instance)
    }
}

impl<K, T, E, C> Blocks<K, Arc<T>, E> for Attempt<'_, K, T, E, C>
where
    K: Key,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    C: FnOnce() -> Result<T, E>,
{
    fn look(&mut self, key: &K) -> Option<Arc<T>> {
        self.inner.find(self.hash, &key)
    }

    fn build(&mut self, began: Moment) -> Result<Made<Arc<T>>, Stopped<E>> {
        self.began = Some(began);
        let construct = self.construct.take().expect("a call leads one build");
        let built = self.inner.counters.failures.unless_ok(construct);
        built
            .map(|instance| Made::Built(Arc::new(instance)))
            .map_err(Stopped::Failed)
    }
}

#[cfg(feature = "async")]
impl<K, T, E, R> Awaits<K, Arc<T>, E> for Attempt<'_, K, T, E, Boxed<'_, R>>
where
    K: Key,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    R: Outcome<T, Error = E>,
{
    async fn look(&mut self, key: &K) -> Option<Arc<T>> {
        self.inner.find(self.hash, &key)
    }

    async fn build(&mut self, began: Moment) -> Result<Made<Arc<T>>, Stopped<E>> {
        self.began = Some(began);
        let construct = self.construct.take().expect("a call leads one build");
        // Not counted, if it is cancelled: another goes on.
        let ran = caught(construct).await;
        let failures = &self.inner.counters.failures;
        match ran.map(R::into_result) {
            Ok(Ok(instance)) => Ok(Made::Built(Arc::new(instance))),
            Ok(Err(error)) => {
                failures.add(1);
                Err(Stopped::Failed(error))
            }
            Err(payload) => {
                failures.add(1);
                resume_unwind(payload)
            }
        }
    }
}

/// A partition by what all of them can do, whatever they hold.
pub(crate) trait AnyPartition: Erased {
    fn row(&self) -> Row;
    fn count_hits(&self, counting: bool);
    fn sweep(&self) -> usize;

    /// Forgets all instances that are not there for ever.
    fn clear(&self) -> Result<(), StoreError>;
}

impl<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static> AnyPartition for Inner<K, T, E> {
    fn row(&self) -> Row {
        Row {
            type_name: type_name::<T>(),
            key_type: type_name::<K>(),
            factory: self.factory,
            keep: self.kept.name(),
            len: self.kept.plain().len().ok(),
            building: self.flights.len(),
            stats: self.stats(),
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
