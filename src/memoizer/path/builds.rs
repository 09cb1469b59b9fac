//! How a call's function is run: all that differs, in what a call does about what is due,
//! between a caller that blocks and one that awaits.

use super::{Brought, Call};
use crate::memoizer::due::{Limit, Spare};
use crate::memoizer::shelf::{Outcome, Shelf};

/// A build that is to be run once, at most.
pub(crate) trait Builds<S: Shelf> {
    /// Gets what was not there a moment ago, as [`Call::fly`] does.
    async fn fly(
        self,
        call: &Call<'_>,
        shelf: &S,
        hash: u64,
        key: S::Key,
        spare: Option<&Spare<S>>,
        limit: Option<Limit>,
    ) -> Outcome<S>;
}

/// A build that blocks the thread. So its `fly` is never pending: who drives it is the
/// thread itself.
pub(crate) struct Blocking<F>(pub(crate) F);

impl<S, F> Builds<S> for Blocking<F>
where
    S: Shelf,
    F: FnOnce() -> Result<Brought<S::Value>, S::Failure>,
{
    async fn fly(
        self,
        call: &Call<'_>,
        shelf: &S,
        hash: u64,
        key: S::Key,
        spare: Option<&Spare<S>>,
        limit: Option<Limit>,
    ) -> Outcome<S> {
        call.fly(shelf, hash, key, spare, limit, self.0)
    }
}

/// A build that is awaited.
#[cfg(feature = "async")]
pub(crate) struct Awaiting<F>(pub(crate) F);

#[cfg(feature = "async")]
impl<S, F> Builds<S> for Awaiting<F>
where
    S: Shelf,
    F: Future<Output = Result<Brought<S::Value>, S::Failure>>,
{
    async fn fly(
        self,
        call: &Call<'_>,
        shelf: &S,
        hash: u64,
        key: S::Key,
        spare: Option<&Spare<S>>,
        limit: Option<Limit>,
    ) -> Outcome<S> {
        call.fly_async(shelf, hash, key, spare, limit, self.0).await
    }
}
