//! What the macros' expansions and the library's own tests name. Not for use by hand, and not covered by
//! the version's promises: the macros come with the same version.

use crate::factory::{KeyFunction, MementoFactory};
use crate::memento::{Memento, Outcome};

pub use std::sync::Arc;
pub use std::time::Duration;

/// Where a type's global partition lives.
pub type Home<T, R> = crate::registry::Home<<T as Memento<R>>::Key, T, <R as Outcome<T>>::Error>;

/// Where a function's global table lives.
pub use crate::memoizer::{Home as FunctionHome, LocalHome};

/// What a function's return type can do.
pub use crate::memoizer::probe;

pub use crate::drive::block_on;

#[cfg(feature = "async")]
pub use crate::drive::Boxed;

#[cfg(feature = "async")]
pub use crate::memoizer::call_async;

/// The tags that a function of the arguments has answered with.
pub fn tags<T: Into<Arc<str>>>(tags: impl IntoIterator<Item = T>) -> Vec<Arc<str>> {
    tags.into_iter().map(Into::into).collect()
}

/// The key that a type's declared factory makes.
#[inline]
pub fn factory_key<T, R, F>(factory: &MementoFactory<F>, args: &T::Args<'_>) -> F::Key
where
    T: Memento<R>,
    R: Outcome<T>,
    F: KeyFunction<T, R>,
{
    factory.key_of::<T, R>(args)
}

/// How many builds wait for another from inside a build, in the whole process.
/// Nothing builds: nothing waits.
pub fn edges() -> usize {
    crate::flight::edges()
}
