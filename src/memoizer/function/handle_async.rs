//! What callers that await ask of a function.

use super::Function;
use crate::answered::Detailed;
use crate::entry::Entry;
use crate::error::{BuildError, MemoError};
use crate::etag::Etag;
use crate::memoizer::{MemoizedAsync, Shareable};
use crate::options::Options;
use crate::store::Caller;
use std::borrow::Borrow;
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

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

/// What is kept, and that it goes: for callers that await, where the function's results are
/// in a store that may take its time.
impl<M: Shareable> Function<M> {
    /// As [`exists`](Self::exists), for callers that await.
    ///
    /// # Panics
    ///
    /// As [`exists`](Self::exists).
    pub async fn exists_async(&self, args: M::Args<'_>) -> bool {
        let settled = self.0.settled_or_panic();
        self.0.exists(Caller::Awaits, &settled, args).await
    }

    /// As [`entry`](Self::entry), for callers that await.
    ///
    /// # Panics
    ///
    /// As [`exists`](Self::exists).
    pub async fn entry_async(&self, args: M::Args<'_>) -> Option<Entry<M::Output>> {
        let settled = self.0.settled_or_panic();
        self.0.entry(Caller::Awaits, &settled.terms, args).await
    }

    /// As [`ttl`](Self::ttl), for callers that await.
    ///
    /// # Panics
    ///
    /// As [`exists`](Self::exists).
    pub async fn ttl_async(&self, args: M::Args<'_>) -> Option<Duration> {
        let settled = self.0.settled_or_panic();
        self.0.ttl(Caller::Awaits, &settled.terms, args).await
    }

    /// As [`last_etag`](Self::last_etag), for callers that await.
    ///
    /// # Panics
    ///
    /// As [`exists`](Self::exists).
    pub async fn last_etag_async(&self, args: M::Args<'_>) -> Option<Etag> {
        let settled = self.0.settled_or_panic();
        self.0.last_etag(Caller::Awaits, &settled.terms, args).await
    }

    /// As [`expire`](Self::expire), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`expire`](Self::expire).
    pub async fn expire_async(&self, age: Duration, args: M::Args<'_>) -> Result<bool, MemoError> {
        let at = self.0.in_time(age);
        self.0.expire_at(Caller::Awaits, at, args).await
    }

    /// As [`expire_at`](Self::expire_at), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`expire`](Self::expire).
    pub async fn expire_at_async(
        &self,
        time: SystemTime,
        args: M::Args<'_>,
    ) -> Result<bool, MemoError> {
        self.0.expire_at(Caller::Awaits, time.into(), args).await
    }

    /// As [`delete`](Self::delete), for callers that await. One that is dropped before it
    /// is ready may have deleted the result or not.
    ///
    /// # Errors
    ///
    /// As [`delete`](Self::delete).
    pub async fn delete_async(&self, args: M::Args<'_>) -> Result<bool, MemoError> {
        self.0.delete(Caller::Awaits, args).await
    }

    /// As [`clear`](Self::clear), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`clear`](Self::clear).
    pub async fn clear_async(&self) -> Result<(), MemoError> {
        self.0.clear(Caller::Awaits).await
    }
}
