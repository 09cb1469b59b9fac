use crate::error::BuildError;
use crate::flight::Patience;
use crate::key::{AnyKey, Computed, Key, Lookup};
use crate::memento::call::unwrap;
use crate::memento::{Memento, Outcome};
use crate::registry::{FactoryId, Registry};
use crate::store::{Keep, Kept};
use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Begins a factory: a key function `(TypeId, &args) -> Key` that several types
/// can share.
///
/// Two types never meet through a factory, even if its key function ignores the
/// `TypeId`; nor do two factories, even of the same name.
///
/// Used directly:
///
/// ```
/// use mementos::{memento, memento_factory};
/// use std::any::TypeId;
/// use std::sync::Arc;
///
/// struct Thing(u32);
///
/// #[memento]
/// impl Thing {
///     fn new(_name: &str, weight: u32) -> Self { Thing(weight) }
/// }
///
/// let by_name = memento_factory("ByName")
///     .key(|cls: TypeId, args: &(&str, u32)| (cls, args.0.to_owned()));
///
/// let one = by_name.memento::<Thing>(("one", 1));
/// assert!(Arc::ptr_eq(&one, &by_name.memento::<Thing>(("one", 2))));
/// ```
///
/// The closure takes a reference to the arguments: `&&str` for a constructor of
/// one `&str`, `&(&str, u32)` for one of two.
///
/// As what a type declares, by `#[memento(factory = BY_NAME)]`. It must be a
/// `static`: each use of a `const` would be another factory.
///
/// ```
/// use mementos::{MementoFactory, memento, memento_factory};
/// use std::any::TypeId;
///
/// type ByName = fn(TypeId, &(&str, u32)) -> String;
/// static BY_NAME: MementoFactory<ByName> =
///     memento_factory("ByName").key(|_, args| args.0.to_lowercase());
///
/// struct Thing(u32);
///
/// #[memento(factory = BY_NAME)]
/// impl Thing {
///     fn new(_name: &str, weight: u32) -> Self { Thing(weight) }
/// }
///
/// assert_eq!(Thing::memento("ONE", 1).0, 1);
/// assert_eq!(Thing::memento("one", 2).0, 1);
/// ```
pub const fn memento_factory(name: &'static str) -> FactoryBuilder {
    FactoryBuilder { name, keep: None }
}

/// A factory that has no key function yet.
#[derive(Clone, Copy, Debug)]
#[must_use = "give it a key function"]
pub struct FactoryBuilder {
    name: &'static str,
    keep: Option<Keep>,
}

impl FactoryBuilder {
    /// How long instances live that are asked for through the factory. Without
    /// this, as their type says. Types that declare the factory are not affected.
    pub const fn keep(self, keep: Keep) -> Self {
        FactoryBuilder {
            keep: Some(keep),
            ..self
        }
    }

    /// The key function. It is user code, run with nothing locked.
    pub const fn key<F>(self, key: F) -> MementoFactory<F> {
        MementoFactory {
            name: self.name,
            keep: self.keep,
            number: AtomicU64::new(0),
            key,
        }
    }
}

/// A key function shared by several types. Made by [`memento_factory`].
///
/// Keep it in a `static`, or pass it by reference: identity goes with the value,
/// and a factory made twice is two factories.
#[derive(Debug)]
pub struct MementoFactory<F> {
    name: &'static str,
    keep: Option<Keep>,
    /// 0 until first asked for, since a `const fn` cannot count.
    number: AtomicU64,
    key: F,
}

/// A function that makes keys for the arguments of `T`: every
/// `Fn(TypeId, &T::Args) -> Key`.
pub trait KeyFunction<T: Memento<R>, R: Outcome<T>> {
    /// What it makes.
    type Key: Key;

    /// Makes the key.
    fn make(&self, args: &T::Args<'_>) -> Self::Key;
}

impl<F, T, R, K> KeyFunction<T, R> for F
where
    T: Memento<R>,
    R: Outcome<T>,
    K: Key,
    F: for<'r, 'a> Fn(TypeId, &'r T::Args<'a>) -> K,
{
    type Key = K;

    fn make(&self, args: &T::Args<'_>) -> K {
        self(TypeId::of::<T>(), args)
    }
}

impl<F> MementoFactory<F> {
    /// The name it was given.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What tells this factory from all others.
    pub fn id(&self) -> FactoryId {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut number = self.number.load(Ordering::Relaxed);
        if number == 0 {
            let fresh = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
            let raced =
                self.number
                    .compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed);
            number = raced.err().unwrap_or(fresh);
        }
        FactoryId::new(number, self.name)
    }

    /// The key for a call.
    pub fn key_of<T, R>(&self, args: &T::Args<'_>) -> F::Key
    where
        T: Memento<R>,
        R: Outcome<T>,
        F: KeyFunction<T, R>,
    {
        self.key.make(args)
    }

    /// The instance of `T` whose key this factory makes from the arguments.
    ///
    /// If `T` declares this very factory it is the same as `T::memento(args)`.
    ///
    /// # Panics
    ///
    /// As [`Memento::memento`].
    #[track_caller]
    pub fn memento<T>(&self, args: T::Args<'_>) -> Arc<T>
    where
        T: Memento,
        F: KeyFunction<T, T>,
    {
        unwrap(self.try_memento::<T, T>(args))
    }

    /// The same, or why there is none; for constructors that fail too:
    /// `factory.try_memento::<Thing, _>(args)`.
    ///
    /// # Errors
    ///
    /// See [`BuildError`].
    pub fn try_memento<T, R>(&self, args: T::Args<'_>) -> Result<Arc<T>, BuildError<R::Error>>
    where
        T: Memento<R>,
        R: Outcome<T>,
        F: KeyFunction<T, R>,
    {
        if T::factory() == self.id() {
            return T::try_memento(args);
        }
        let partition = Registry::current()
            .partition_by::<AnyKey, T, R::Error>(self.id(), || {
                Kept::new(self.keep.unwrap_or(T::KEEP))
            })
            .held();
        let asked = Computed(self.key_of::<T, R>(&args));
        partition.hit(&asked).or_else(|hash| {
            let construct = || T::construct(args).into_result();
            partition.build(hash, asked.to_key(), Patience::Endless, construct)
        })
    }
}
