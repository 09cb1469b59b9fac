//! The way of every call: which partition it means, the look, and the build.

use crate::error::BuildError;
use crate::flight::{self, CircleUnwind, Patience};
use crate::key::{Lookup, hash_of};
use crate::memento::{Memento, Mementos, Outcome};
use crate::registry::{Held, Inner, Partition, Registry, any_scope};
use crate::store::{Keep, Kept, Store, StoreError};
use std::any::type_name;
use std::fmt::Debug;
use std::panic::resume_unwind;
use std::sync::Arc;

/// The inside of a type's partition.
pub(crate) type InnerOf<T, R> = Inner<<T as Memento<R>>::Key, T, <R as Outcome<T>>::Error>;

/// Hands the partition of `T` in the current registry to `use_it`. Every call
/// comes this way, so while no scope is open it costs two loads.
#[inline]
pub(crate) fn with_current<T: Memento<R>, R: Outcome<T>, O>(
    use_it: impl FnOnce(&InnerOf<T, R>) -> O,
) -> O {
    let held;
    let inner = match global_at_hand::<T, R>() {
        Some(inner) => inner,
        None => {
            held = current::<T, R>();
            &*held
        }
    };
    use_it(inner)
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

#[cold]
#[inline(never)]
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

/// The way of every call: look by the borrowed form; build if that finds nothing.
#[inline]
pub(crate) fn get<T: Memento<R>, R: Outcome<T>>(
    inner: &InnerOf<T, R>,
    args: T::Args<'_>,
    patience: Patience,
) -> Result<Arc<T>, BuildError<R::Error>> {
    let asked = T::lookup(&args);
    let hash = hash_of(&asked);
    if let Some(instance) = inner.hit(hash, &asked) {
        return Ok(instance);
    }
    let key = asked.to_key();
    drop(asked);
    inner.build(hash, key, patience, || T::construct(args).into_result())
}

/// The same for a type that is kept for ever.
#[inline]
pub(crate) fn get_ref<T: Memento<R>, R: Outcome<T>>(
    inner: &InnerOf<T, R>,
    args: T::Args<'_>,
) -> Result<&'static T, BuildError<R::Error>> {
    let Kept::Static(store) = &inner.kept else {
        unreachable!("a type that is declared static is kept in nothing else")
    };
    let asked = T::lookup(&args);
    let hash = hash_of(&asked);
    if let Some(instance) = store.find(hash, &asked) {
        inner.counters.hit();
        return Ok(instance);
    }
    let key = asked.to_key();
    drop(asked);
    let kept = key.clone();
    inner.build(hash, key, Patience::ENDLESS, || {
        T::construct(args).into_result()
    })?;
    Ok(store
        .find(hash, &&kept)
        .expect("what was built is kept, and for ever"))
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
