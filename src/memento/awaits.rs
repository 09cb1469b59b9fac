//! Types whose constructor is awaited.

use super::call::{Asked, ask, ask_for_ever, unwrap};
use super::{Memento, Outcome};
use crate::drive::Boxed;
use crate::error::BuildError;
use crate::flight::Patience;
use std::sync::Arc;
use std::time::Duration;

/// A type with one instance per key whose constructor is `async`.
///
/// `#[memento]` on an `impl` block with an `async` constructor implements this, and its
/// `memento` is awaited. By hand it takes one item beside those of [`Memento`]:
///
/// ```
/// use mementos::{Memento, MementoAsync, private};
/// use std::pin::Pin;
/// use std::sync::Arc;
///
/// struct Page(String);
///
/// impl Memento for Page {
///     type Args<'a> = &'a str;
///     type Key = String;
///     fn key(url: &&str) -> String { url.to_string() }
///     // For callers that block.
///     fn construct(url: &str) -> Self { private::block_on(Self::construct_async(url)) }
/// }
///
/// impl MementoAsync for Page {
///     fn construct_async<'a>(url: Self::Args<'a>) -> Pin<Box<dyn Future<Output = Self> + Send + 'a>> {
///         Box::pin(async move { Page(url.to_uppercase()) })
///     }
/// }
///
/// # private::block_on(async {
/// let page = Page::memento_async("home").await;
/// assert!(Arc::ptr_eq(&page, &Page::memento("home")));
/// # });
/// ```
///
/// # Cancellation
///
/// A call that is dropped while it leads a build frees the key, and one of those who
/// wait for it builds in its place.
pub trait MementoAsync<R = Self>: for<'x> Memento<R, Args<'x>: Send>
where
    R: Outcome<Self>,
{
    /// Makes an instance. User code, polled with nothing locked, once per key.
    fn construct_async<'a>(args: Self::Args<'a>) -> Boxed<'a, R>;

    /// As [`Memento::memento`], for callers that await.
    ///
    /// # Panics
    ///
    /// As [`Memento::memento`].
    fn memento_async(args: Self::Args<'_>) -> impl Future<Output = Arc<Self>> + Send {
        async { unwrap(Self::try_memento_async(args).await) }
    }

    /// As [`Memento::try_memento`], for callers that await.
    ///
    /// # Errors
    ///
    /// See [`BuildError`].
    ///
    /// # Panics
    ///
    /// As [`Memento::try_memento`].
    fn try_memento_async(
        args: Self::Args<'_>,
    ) -> impl Future<Output = Result<Arc<Self>, BuildError<R::Error>>> + Send {
        get::<Self, R>(args, Patience::Endless)
    }

    /// As [`Memento::try_memento_for`], for callers that await.
    ///
    /// # Errors
    ///
    /// See [`BuildError`].
    ///
    /// # Panics
    ///
    /// As [`Memento::try_memento_for`].
    fn try_memento_for_async(
        timeout: Duration,
        args: Self::Args<'_>,
    ) -> impl Future<Output = Result<Arc<Self>, BuildError<R::Error>>> + Send {
        get::<Self, R>(args, Patience::For(timeout))
    }

    /// As [`Memento::memento_ref`], for callers that await.
    ///
    /// # Panics
    ///
    /// As [`Memento::memento_ref`].
    fn memento_ref_async(args: Self::Args<'_>) -> impl Future<Output = &'static Self> + Send {
        const { assert!(Self::KEEP.is_static(), "memento_ref needs keep = static") };
        async {
            let (inner, hash, key) = match ask_for_ever::<Self, R>(&args) {
                Asked::Kept(instance) => return instance,
                Asked::Missing { inner, hash, key } => (inner, hash, key),
            };
            let (asked, construct) = (key.clone(), Self::construct_async(args));
            let built = inner.build_async(hash, key, Patience::Endless, construct);
            drop(unwrap(built.await));
            let kept = inner.hit_for_ever(&&asked);
            kept.expect("what was built is kept, and for ever")
        }
    }
}

/// The instance, or why there is none.
async fn get<T: MementoAsync<R>, R: Outcome<T>>(
    args: T::Args<'_>,
    patience: Patience,
) -> Result<Arc<T>, BuildError<R::Error>> {
    match ask::<T, R>(&args) {
        Asked::Kept(instance) => Ok(instance),
        Asked::Missing { inner, hash, key } => {
            let construct = T::construct_async(args);
            inner.build_async(hash, key, patience, construct).await
        }
    }
}
