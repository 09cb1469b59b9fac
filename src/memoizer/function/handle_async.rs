//! What callers that await ask of a function.

use super::Function;
use crate::answered::Detailed;
use crate::error::BuildError;
use crate::memoizer::{MemoizedAsync, Shareable};
use crate::options::Options;
use std::borrow::Borrow;
use std::convert::Infallible;

impl<M: MemoizedAsync + Shareable> Function<M> {
    /// As [`call`](Self::call): the name that an `async fn` has it by.
    ///
    /// # Panics
    ///
    /// As [`call`](Self::call).
    #[track_caller]
    pub fn blocking(&self, args: M::Args<'_>) -> M::Output {
        self.call(args)
    }

    /// As [`call`](Self::call), for callers that await: a call whose build is under way
    /// elsewhere gives its thread back meanwhile.
    ///
    /// A call that is dropped while it builds frees its arguments, and one of those who
    /// wait for them builds in its place.
    ///
    /// # Panics
    ///
    /// As [`call`](Self::call).
    #[inline]
    pub async fn call_async(&self, args: M::Args<'_>) -> M::Output {
        self.0.call_async(args).await
    }

    /// As [`get`](Self::get), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub async fn get_async(
        &self,
        options: impl Borrow<Options>,
        args: M::Args<'_>,
    ) -> Result<M::Output, BuildError<Infallible>> {
        let answer = self.0.detailed_async(options.borrow(), args).await;
        answer.map(|answer| answer.value)
    }

    /// As [`detailed`](Self::detailed), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub async fn detailed_async(
        &self,
        options: impl Borrow<Options>,
        args: M::Args<'_>,
    ) -> Result<Detailed<M::Output>, BuildError<Infallible>> {
        self.0.detailed_async(options.borrow(), args).await
    }

    /// As [`refresh`](Self::refresh), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh).
    ///
    /// # Panics
    ///
    /// As [`refresh`](Self::refresh).
    pub async fn refresh_async(
        &self,
        args: M::Args<'_>,
    ) -> Result<M::Output, BuildError<Infallible>> {
        self.0.refresh_async(args).await
    }
}
