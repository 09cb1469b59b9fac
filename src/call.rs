//! The way of every call: which partition it means, the look, and the build.

use crate::error::BuildError;
use crate::flight::{self, CircleUnwind, Patience};
use crate::key::Lookup;
use crate::memento::{Memento, Mementos, Outcome};
use crate::registry::{Held, Inner, Partition, Registry, any_scope};
use crate::store::{Keep, Kept, Store, StoreError};
use std::any::type_name;
use std::fmt::Debug;
use std::panic::resume_unwind;
use std::sync::Arc;

/// The inside of a type's partition.
pub(crate) type InnerOf<T, R> = Inner<<T as Memento<R>>::Key, T, <R as Outcome<T>>::Error>;

/// Where a look found nothing.
enum Missed<I: 'static> {
    /// In the global partition; with the hash of what was asked.
    Global(&'static I, u64),
    /// It has not looked yet: another partition is meant, or it is not there yet.
    Elsewhere,
}

/// The instance, or why there is none.
#[inline]
pub(crate) fn get<T: Memento<R>, R: Outcome<T>>(
    args: T::Args<'_>,
    patience: Patience,
) -> Result<Arc<T>, BuildError<R::Error>> {
    match look::<T, R>(&args) {
        Ok(instance) => Ok(instance),
        Err(missed) => get_missed::<T, R>(missed, args, patience),
    }
}

/// The instance, or a panic.
#[inline]
#[track_caller]
pub(crate) fn get_or_raise<T: Memento<R>, R: Outcome<T>>(args: T::Args<'_>) -> Arc<T> {
    match look::<T, R>(&args) {
        Ok(instance) => instance,
        Err(missed) => raise_missed::<T, R>(missed, args),
    }
}

/// All that a common hit does: it is in line at the caller's, and everything else
/// is not. The errors, the owned key and the build would cost it a larger frame.
#[inline]
fn look<T: Memento<R>, R: Outcome<T>>(args: &T::Args<'_>) -> Result<Arc<T>, Missed<InnerOf<T, R>>> {
    let Some(inner) = global_at_hand::<T, R>() else {
        return Err(Missed::Elsewhere);
    };
    let asked = T::lookup(args);
    inner
        .hit(&asked)
        .map_err(|hash| Missed::Global(inner, hash))
}

#[cold]
#[inline(never)]
fn get_missed<T: Memento<R>, R: Outcome<T>>(
    missed: Missed<InnerOf<T, R>>,
    args: T::Args<'_>,
    patience: Patience,
) -> Result<Arc<T>, BuildError<R::Error>> {
    match missed {
        Missed::Global(inner, hash) => build(inner, hash, args, patience),
        Missed::Elsewhere => {
            let inner = current::<T, R>();
            let found = inner.hit(&T::lookup(&args));
            found.or_else(|hash| build(&inner, hash, args, patience))
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn raise_missed<T: Memento<R>, R: Outcome<T>>(
    missed: Missed<InnerOf<T, R>>,
    args: T::Args<'_>,
) -> Arc<T> {
    get_missed::<T, R>(missed, args, Patience::ENDLESS).unwrap_or_else(|error| raise(&error))
}

fn build<T: Memento<R>, R: Outcome<T>>(
    inner: &InnerOf<T, R>,
    hash: u64,
    args: T::Args<'_>,
    patience: Patience,
) -> Result<Arc<T>, BuildError<R::Error>> {
    let key = T::lookup(&args).to_key();
    inner.build(hash, key, patience, || T::construct(args).into_result())
}

/// The instance of a type that is kept for ever, or a panic.
#[inline]
#[track_caller]
pub(crate) fn get_ref_or_raise<T: Memento<R>, R: Outcome<T>>(args: T::Args<'_>) -> &'static T {
    let missed = match global_at_hand::<T, R>() {
        None => Missed::Elsewhere,
        Some(inner) => match inner.hit_for_ever(&T::lookup(&args)) {
            Ok(instance) => return instance,
            Err(hash) => Missed::Global(inner, hash),
        },
    };
    raise_missed_ref::<T, R>(missed, args)
}

#[cold]
#[inline(never)]
#[track_caller]
fn raise_missed_ref<T: Memento<R>, R: Outcome<T>>(
    missed: Missed<InnerOf<T, R>>,
    args: T::Args<'_>,
) -> &'static T {
    let key = T::lookup(&args).to_key();
    let held;
    let inner = match missed {
        Missed::Global(inner, _) => inner,
        Missed::Elsewhere => {
            held = current::<T, R>();
            &*held
        }
    };
    inner.hit_for_ever(&&key).unwrap_or_else(|hash| {
        let built = build::<T, R>(inner, hash, args, Patience::ENDLESS);
        drop(built.unwrap_or_else(|error| raise(&error)));
        let kept = inner.hit_for_ever(&&key);
        kept.expect("what was built is kept, and for ever")
    })
}

/// The global partition, if that is the one that is meant, and if it is there.
#[inline]
fn global_at_hand<T: Memento<R>, R: Outcome<T>>() -> Option<&'static InnerOf<T, R>> {
    if any_scope() {
        return None;
    }
    match T::home() {
        Some(home) => home.get(),
        None => Registry::global().known(T::factory()),
    }
}

fn current<T: Memento<R>, R: Outcome<T>>() -> Held<InnerOf<T, R>> {
    partition_of::<T, R>(&Registry::current(), || Kept::new(T::KEEP))
}

/// The partition of `T` in a registry, made over `kept` if need be.
fn partition_of<T: Memento<R>, R: Outcome<T>>(
    registry: &Registry,
    kept: impl FnOnce() -> Kept<T::Key, T>,
) -> Held<InnerOf<T, R>> {
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
        Partition::new(partition_of::<T, R>(self, || Kept::new(T::KEEP)))
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
    /// `static`: only a [`StaticStore`] gives references for ever.
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
        let mut chosen = Some(Kept::Own(Box::new(store)));
        let held =
            partition_of::<T, R>(self, || chosen.take().unwrap_or_else(|| Kept::new(T::KEEP)));
        match chosen {
            None => Ok(Partition::new(held)),
            Some(_) => refused("has a store already; choose one before its first use"),
        }
    }
}

/// Panics with the error's message.
///
/// Inside a build, a circle goes up as an unwinding of its own to the flight
/// around it, which answers with the error; the panic hook is not run for that.
/// So the outermost `try_memento` gives an error, even where the constructors
/// between it and the circle ask by `memento`.
#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn raise<E: Debug>(error: &BuildError<E>) -> ! {
    if let Some(circle) = error.circle()
        && flight::inside()
        && cfg!(panic = "unwind")
    {
        resume_unwind(Box::new(CircleUnwind(circle.clone())));
    }
    panic!("{error:?}")
}
