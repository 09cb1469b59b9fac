//! The trait that makes a type a multiton, and the way of every call through it.

#[cfg(feature = "async")]
mod awaits;
pub(crate) mod call;

#[cfg(feature = "async")]
pub use awaits::MementoAsync;

use crate::error::BuildError;
use crate::flight::Patience;
use crate::key::{Key, Lookup, Owned};
use crate::registry::{FactoryId, Home, Partition, Registry};
use crate::store::Keep;
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// A type with one instance per key.
///
/// `#[memento]` on an `impl` block implements this from a constructor, and adds
/// methods that take the constructor's own arguments. By hand it takes four
/// items:
///
/// ```
/// use mementos::Memento;
/// use std::sync::Arc;
///
/// struct Thing { name: String }
///
/// impl Memento for Thing {
///     type Args<'a> = &'a str;      // borrowed arguments; a tuple for several
///     type Key = String;            // what identity is made of
///     fn key(name: &&str) -> String { name.to_string() }
///     fn construct(name: &str) -> Self { Thing { name: name.to_owned() } }
/// }
///
/// let one = Thing::memento("one");
/// assert!(Arc::ptr_eq(&one, &Thing::memento("one")));
/// ```
///
/// That makes the key on every call. With a [`lookup`](Self::lookup) a hit
/// allocates nothing:
///
/// ```
/// # use mementos::Memento;
/// # struct Thing { name: String }
/// use mementos::key::Lookup;
///
/// impl Memento for Thing {
///     type Args<'a> = &'a str;
///     type Key = String;
///     fn key(name: &&str) -> String { name.to_string() }
///     fn lookup<'r, 'a: 'r>(name: &'r &'a str) -> impl Lookup<String> { *name }
///     fn construct(name: &str) -> Self { Thing { name: name.to_owned() } }
/// }
/// # Thing::memento("one");
/// ```
///
/// # Constructors that fail
///
/// The trait's parameter is what `construct` returns: `Self` unless said
/// otherwise, or a `Result`.
///
/// ```
/// use mementos::{BuildError, Memento};
/// use std::num::ParseIntError;
///
/// #[derive(Debug)]
/// struct Port(u16);
///
/// impl Memento<Result<Self, ParseIntError>> for Port {
///     type Args<'a> = &'a str;
///     type Key = String;
///     fn key(text: &&str) -> String { text.to_string() }
///     fn construct(text: &str) -> Result<Self, ParseIntError> { text.parse().map(Port) }
/// }
///
/// assert_eq!(Port::try_memento("80").unwrap().0, 80);
/// assert!(matches!(Port::try_memento("http"), Err(BuildError::Failed(_))));
/// ```
///
/// # While a constructor runs
///
/// Nothing is locked. It may ask for other instances, of its own type too.
///
/// - If it fails, those who asked for the same key meanwhile get the same error,
///   and the next to ask builds anew.
/// - If it panics, the caller who led the build gets the panic, the others an
///   error; the next to ask builds anew.
/// - If it asks for its own key, or waits in a circle with other builds, on this
///   thread or across several, the call that would close the circle gets an
///   error.
pub trait Memento<R = Self>: Sized + Send + Sync + 'static
where
    R: Outcome<Self>,
{
    /// What the constructor is called with: a type that may borrow, or a tuple
    /// of several.
    type Args<'a>;

    /// What makes two calls the same.
    type Key: Key;

    /// How long instances live.
    const KEEP: Keep = Keep::Strong;

    /// The key for a call. User code, run with nothing locked.
    fn key(args: &Self::Args<'_>) -> Self::Key;

    /// What stands for the key in a look-up. The plain form makes the key; one
    /// that borrows from the arguments makes a hit that allocates nothing.
    fn lookup<'r, 'a: 'r>(args: &'r Self::Args<'a>) -> impl Lookup<Self::Key> {
        Owned(Self::key(args))
    }

    /// Makes an instance. User code, run with nothing locked, once per key.
    fn construct(args: Self::Args<'_>) -> R;

    /// The factory whose key function this type uses, if it uses one.
    fn factory() -> FactoryId {
        FactoryId::NONE
    }

    /// A static of the type's own where its global partition lives.
    #[doc(hidden)]
    fn home() -> Option<&'static Home<Self::Key, Self, R::Error>> {
        None
    }

    /// The instance for these arguments: the one that is kept, or else a new one.
    ///
    /// A hit costs one hash and one read of a shard, and allocates nothing
    /// beyond what [`lookup`](Self::lookup) does.
    ///
    /// # Panics
    ///
    /// With the message of the [`BuildError`] that
    /// [`try_memento`](Self::try_memento) would give, or with the constructor's
    /// own panic.
    #[inline]
    #[track_caller]
    fn memento(args: Self::Args<'_>) -> Arc<Self> {
        call::get_or_raise::<Self, R>(args)
    }

    /// The instance for these arguments, or why there is none.
    ///
    /// # Errors
    ///
    /// See [`BuildError`].
    ///
    /// # Panics
    ///
    /// If the constructor panics and this caller leads the build.
    #[inline]
    fn try_memento(args: Self::Args<'_>) -> Result<Arc<Self>, BuildError<R::Error>> {
        call::get::<Self, R>(args, Patience::Endless)
    }

    /// As [`try_memento`](Self::try_memento), but waits at most `timeout` for a
    /// build that somebody else leads. It does not bound a build of one's own.
    ///
    /// # Errors
    ///
    /// See [`BuildError`]; [`BuildError::TimedOut`] if the other build did not
    /// end in time. It goes on.
    ///
    /// # Panics
    ///
    /// If the constructor panics and this caller leads the build.
    fn try_memento_for(
        timeout: Duration,
        args: Self::Args<'_>,
    ) -> Result<Arc<Self>, BuildError<R::Error>> {
        call::get::<Self, R>(args, Patience::For(timeout))
    }

    /// The instance for these arguments, for ever. A hit takes no lock and
    /// writes nothing.
    ///
    /// Does not compile for a type whose [`KEEP`](Self::KEEP) is not
    /// [`Keep::Static`].
    ///
    /// # Panics
    ///
    /// As [`memento`](Self::memento).
    #[inline]
    #[track_caller]
    fn memento_ref(args: Self::Args<'_>) -> &'static Self {
        const { assert!(Self::KEEP.is_static(), "memento_ref needs keep = static") };
        call::get_ref_or_raise::<Self, R>(args)
    }

    /// The instances of this type in the current registry.
    fn mementos() -> Mementos<Self, R> {
        Registry::current().mementos::<Self, R>()
    }
}

/// The partition of a type: what `Thing::mementos()` gives.
pub type Mementos<T, R = T> = Partition<<T as Memento<R>>::Key, T, <R as Outcome<T>>::Error>;

/// What a constructor may return: the instance, or a `Result` of it. Told by
/// type, so an alias of `Result` will do.
#[diagnostic::on_unimplemented(
    message = "a constructor of `{T}` returns `{T}` or a `Result` of it, not `{Self}`",
    label = "this is what the constructor returns"
)]
pub trait Outcome<T>: 'static {
    /// How it fails.
    type Error: Debug + Send + Sync + 'static;

    /// The instance, or the error.
    ///
    /// # Errors
    ///
    /// The constructor's own.
    fn into_result(self) -> Result<T, Self::Error>;
}

impl<T: 'static> Outcome<T> for T {
    type Error = Infallible;

    #[inline]
    fn into_result(self) -> Result<T, Infallible> {
        Ok(self)
    }
}

impl<T: 'static, E: Debug + Send + Sync + 'static> Outcome<T> for Result<T, E> {
    type Error = E;

    #[inline]
    fn into_result(self) -> Result<T, E> {
        self
    }
}
