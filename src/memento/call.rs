//! The way of every call: which partition it means, the look, and the build.

use super::{Memento, Mementos, Outcome};
use crate::error::BuildError;
use crate::flight::{Patience, raise};
use crate::held::Held;
use crate::key::Lookup;
use crate::registry::{Inner, Made, Partition, Registry};
use crate::scope;
use crate::store::{Keep, Kept, Store, StoreError};
use std::any::type_name;
use std::fmt::Debug;
use std::sync::Arc;

/// The inside of a type's partition.
pub(crate) type InnerOf<T, R> = Inner<<T as Memento<R>>::Key, T, <R as Outcome<T>>::Error>;

/// The instance, or why there is none.
///
/// What a common hit does is in line at the caller's, and everything else is not:
/// the errors, the owned key and the build would cost it a larger frame.
#[inline]
pub(crate) fn get<T: Memento<R>, R: Outcome<T>>(
    args: T::Args<'_>,
    patience: Patience,
) -> Result<Arc<T>, BuildError<R::Error>> {
    let Some(inner) = global_at_hand::<T, R>() else {
        return get_elsewhere::<T, R>(args, patience);
    };
    let asked = T::lookup(&args);
    match inner.hit(&asked) {
        Ok(instance) => Ok(instance),
        Err(hash) => {
            let key = own(&asked);
            drop(asked);
            build::<T, R>(inner, hash, key, args, patience)
        }
    }
}

/// The instance, or a panic.
#[inline]
#[track_caller]
pub(crate) fn get_or_raise<T: Memento<R>, R: Outcome<T>>(args: T::Args<'_>) -> Arc<T> {
    let Some(inner) = global_at_hand::<T, R>() else {
        return unwrap(get_elsewhere::<T, R>(args, Patience::Endless));
    };
    let asked = T::lookup(&args);
    match inner.hit(&asked) {
        Ok(instance) => instance,
        Err(hash) => {
            let key = own(&asked);
            drop(asked);
            build_or_raise::<T, R>(inner, hash, key, args)
        }
    }
}

/// The owned key, once a look has found nothing.
#[cold]
#[inline(never)]
fn own<K, Q: Lookup<K>>(asked: &Q) -> K {
    asked.to_key()
}

/// The instance in a partition that is not the global one, or not there yet.
#[cold]
#[inline(never)]
fn get_elsewhere<T: Memento<R>, R: Outcome<T>>(
    args: T::Args<'_>,
    patience: Patience,
) -> Result<Arc<T>, BuildError<R::Error>> {
    let inner = current::<T, R>();
    let asked = T::lookup(&args);
    match inner.hit(&asked) {
        Ok(instance) => Ok(instance),
        Err(hash) => {
            let key = asked.to_key();
            drop(asked);
            build::<T, R>(&inner, hash, key, args, patience)
        }
    }
}

/// What a look brings to a caller that awaits: an instance, or where it is to be built.
/// That is the partition that is meant where the call is polled first.
#[cfg(feature = "async")]
pub(super) enum Asked<T: Memento<R>, R: Outcome<T>, I = Arc<T>> {
    Kept(I),
    Missing {
        inner: Held<InnerOf<T, R>>,
        hash: u64,
        key: T::Key,
    },
}

/// Looks. A function of its own, so that what is borrowed for it is not part of a future.
#[cfg(feature = "async")]
#[inline]
pub(super) fn ask<T: Memento<R>, R: Outcome<T>>(args: &T::Args<'_>) -> Asked<T, R> {
    let (inner, asked) = (meant::<T, R>(), T::lookup(args));
    let hit = inner.hit(&asked);
    or_missing(hit, inner, &asked)
}

/// The same for a type that is kept for ever.
#[cfg(feature = "async")]
#[inline]
pub(super) fn ask_for_ever<T: Memento<R>, R: Outcome<T>>(
    args: &T::Args<'_>,
) -> Asked<T, R, &'static T> {
    let (inner, asked) = (meant::<T, R>(), T::lookup(args));
    let hit = inner.hit_for_ever(&asked);
    or_missing(hit, inner, &asked)
}

#[cfg(feature = "async")]
#[inline]
fn meant<T: Memento<R>, R: Outcome<T>>() -> Held<InnerOf<T, R>> {
    match global_at_hand::<T, R>() {
        Some(inner) => Held::Forever(inner),
        None => current::<T, R>(),
    }
}

#[cfg(feature = "async")]
#[inline]
fn or_missing<T: Memento<R>, R: Outcome<T>, I>(
    hit: Result<I, u64>,
    inner: Held<InnerOf<T, R>>,
    asked: &impl Lookup<T::Key>,
) -> Asked<T, R, I> {
    match hit {
        Ok(instance) => Asked::Kept(instance),
        Err(hash) => Asked::Missing {
            inner,
            hash,
            key: asked.to_key(),
        },
    }
}

#[cold]
#[inline(never)]
fn build<T: Memento<R>, R: Outcome<T>>(
    inner: &InnerOf<T, R>,
    hash: u64,
    key: T::Key,
    args: T::Args<'_>,
    patience: Patience,
) -> Result<Arc<T>, BuildError<R::Error>> {
    inner.build(hash, key, patience, || T::construct(args).into_result())
}

#[cold]
#[inline(never)]
#[track_caller]
fn build_or_raise<T: Memento<R>, R: Outcome<T>>(
    inner: &InnerOf<T, R>,
    hash: u64,
    key: T::Key,
    args: T::Args<'_>,
) -> Arc<T> {
    unwrap(build::<T, R>(inner, hash, key, args, Patience::Endless))
}

/// The instance of a type that is kept for ever, or a panic.
#[inline]
#[track_caller]
pub(crate) fn get_ref_or_raise<T: Memento<R>, R: Outcome<T>>(args: T::Args<'_>) -> &'static T {
    let Some(inner) = global_at_hand::<T, R>() else {
        return get_ref_elsewhere::<T, R>(args);
    };
    let asked = T::lookup(&args);
    match inner.hit_for_ever(&asked) {
        Ok(instance) => instance,
        Err(hash) => {
            let key = own(&asked);
            drop(asked);
            build_ref_or_raise::<T, R>(inner, hash, key, args)
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn get_ref_elsewhere<T: Memento<R>, R: Outcome<T>>(args: T::Args<'_>) -> &'static T {
    let inner = current::<T, R>();
    let asked = T::lookup(&args);
    match inner.hit_for_ever(&asked) {
        Ok(instance) => instance,
        Err(hash) => {
            let key = asked.to_key();
            drop(asked);
            build_ref_or_raise::<T, R>(&inner, hash, key, args)
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn build_ref_or_raise<T: Memento<R>, R: Outcome<T>>(
    inner: &InnerOf<T, R>,
    hash: u64,
    key: T::Key,
    args: T::Args<'_>,
) -> &'static T {
    let asked = key.clone();
    drop(unwrap(build::<T, R>(
        inner,
        hash,
        key,
        args,
        Patience::Endless,
    )));
    let kept = inner.hit_for_ever(&&asked);
    kept.expect("what was built is kept, and for ever")
}

/// The global partition, if that is the one that is meant, and if it is there.
#[inline]
fn global_at_hand<T: Memento<R>, R: Outcome<T>>() -> Option<&'static InnerOf<T, R>> {
    if scope::any::<Registry>() {
        return None;
    }
    match T::home() {
        Some(home) => home.get(),
        None => Registry::global().known(T::factory()),
    }
}

fn current<T: Memento<R>, R: Outcome<T>>() -> Held<InnerOf<T, R>> {
    partition_of::<T, R>(&Registry::current(), || Kept::new(T::KEEP)).held()
}

/// The partition of `T` in a registry, made over `kept` if need be.
fn partition_of<T: Memento<R>, R: Outcome<T>>(
    registry: &Registry,
    kept: impl FnOnce() -> Kept<T::Key, T>,
) -> Made<T::Key, T, R::Error> {
    registry.partition(T::factory(), T::home(), kept)
}

impl Registry {
    /// The instances of `T` in this registry.
    ///
    /// ```
    /// use mementos::{Registry, memento};
    ///
    /// struct Thing;
    ///
    /// #[memento]
    /// impl Thing {
    ///     fn new(_name: &str) -> Self { Thing }
    /// }
    ///
    /// let registry = Registry::new();
    /// assert!(registry.mementos::<Thing, _>().is_empty());
    /// ```
    pub fn mementos<T: Memento<R>, R: Outcome<T>>(&self) -> Mementos<T, R> {
        Partition::new(partition_of::<T, R>(self, || Kept::new(T::KEEP)).held())
    }

    /// Has this registry keep the instances of `T` in `store`, whatever `T`
    /// itself says. A look-up in a store that is not the crate's own makes the
    /// owned key.
    ///
    /// ```
    /// use mementos::{Registry, memento};
    /// use std::collections::BTreeMap;
    /// use std::sync::Mutex;
    ///
    /// struct Thing;
    ///
    /// #[memento]
    /// impl Thing {
    ///     fn new(_name: &str) -> Self { Thing }
    /// }
    ///
    /// let registry = Registry::new();
    /// registry.keep_in::<Thing, _>(Mutex::new(BTreeMap::new())).unwrap();
    /// registry.scope(|| Thing::memento("one"));
    /// ```
    ///
    /// # Errors
    ///
    /// If `T` has a store in this registry already, or if it is declared
    /// `static`: only a [`StaticStore`](crate::store::StaticStore) gives references for ever.
    pub fn keep_in<T: Memento<R>, R: Outcome<T>>(
        &self,
        store: impl Store<T::Key, Arc<T>> + 'static,
    ) -> Result<Mementos<T, R>, StoreError> {
        let refused = |why: &str| {
            let why = format!("{} {why}", type_name::<T>());
            Err(StoreError::new("choosing where instances are kept", why))
        };
        if T::KEEP == Keep::Static {
            return refused("is declared static; declare it strong to choose its store");
        }
        match partition_of::<T, R>(self, || Kept::Own(Box::new(store))) {
            Made::Now(held) => Ok(Partition::new(held)),
            Made::Before(_) => refused("has a store already; choose one before its first use"),
        }
    }
}

#[track_caller]
pub(crate) fn unwrap<I, E: Debug>(outcome: Result<I, BuildError<E>>) -> I {
    outcome.unwrap_or_else(|error| raise(&error))
}
