//! Calls by text keys, of callers that await.

use super::Memoizer;
use super::by_hand::{Value, among, answer, asked, bring, some_or_nothing, typed};
use super::path::Mode;
use crate::built::Built;
use crate::drive::boxed;
use crate::error::BuildError;
use crate::key::hash_of;
use crate::memento::Outcome;
use crate::options::Options;
use crate::store::Caller;
use std::any::TypeId;
use std::borrow::Borrow;

impl Memoizer {
    /// As [`get`](Self::get), for callers that await: the kept result for `key`, or else
    /// what `build` answers with. Whoever awaits and whoever blocks share what is kept,
    /// and each build.
    ///
    /// `build` is polled only if this caller leads. A call that is dropped while it leads
    /// frees the key, and one of those who wait for it builds in its place.
    ///
    /// A store that is not in memory is asked on the thread that polls.
    ///
    /// ```
    /// use mementos::Memoizer;
    ///
    /// # mementos::private::block_on(async {
    /// let memo = Memoizer::in_memory();
    /// let answer: Result<u32, _> = memo.get_async("key", async { 42 }).await;
    /// assert_eq!(answer.unwrap(), 42);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// If `build` panics and this caller leads it.
    pub async fn get_async<V, R>(
        &self,
        key: &str,
        build: impl Future<Output = R> + Send,
    ) -> Result<V, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<V>,
    {
        self.get_with_async(key, Options::new(), build).await
    }

    /// As [`get_async`](Self::get_async), with options for this call.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get_async`](Self::get_async).
    pub async fn get_with_async<V, R>(
        &self,
        key: &str,
        options: impl Borrow<Options>,
        build: impl Future<Output = R> + Send,
    ) -> Result<V, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<V>,
    {
        let build = async { build.await.into_result().map(Built::new) };
        self.ask_async(key, options.borrow(), Mode::Take, build)
            .await
    }

    /// As [`get_some`](Self::get_some), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get_async`](Self::get_async).
    pub async fn get_some_async<V, R>(
        &self,
        key: &str,
        options: impl Borrow<Options>,
        build: impl Future<Output = R> + Send,
    ) -> Result<Option<V>, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<Option<V>>,
    {
        let build = async { build.await.into_result().map(some_or_nothing) };
        self.ask_async(key, options.borrow(), Mode::Take, build)
            .await
    }

    /// As [`refresh`](Self::refresh), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). What was kept stays.
    ///
    /// # Panics
    ///
    /// As [`get_async`](Self::get_async).
    pub async fn refresh_async<V, R>(
        &self,
        key: &str,
        build: impl Future<Output = R> + Send,
    ) -> Result<V, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<V>,
    {
        let build = async { build.await.into_result().map(Built::new) };
        self.ask_async(key, &Options::new(), Mode::Refresh, build)
            .await
    }

    async fn ask_async<V: Value, E: Send + Sync + 'static>(
        &self,
        key: &str,
        options: &Options,
        mode: Mode,
        build: impl Future<Output = Result<Built<V>, E>> + Send,
    ) -> Result<V, BuildError<E>> {
        let terms = self.terms(options)?;
        let store = self.store_of(&terms);
        let known = store.known(TypeId::of::<V>());
        let shelf = among::<V, E>(store, self.holder(&terms), known.as_deref(), &terms)?;
        let groups = asked(&terms);
        let call = self.call(Caller::Awaits, &terms, mode, groups.as_ref());
        let text = terms.full(key);
        let hash = hash_of(&text);
        let entry = match call.look(&shelf, hash, &&text).await.fresh(&call) {
            Some(entry) => entry,
            None => {
                let build = async {
                    let answered = build.await;
                    bring(&terms, store, None, |_| answered)
                };
                let flown = boxed(call.obtain_async(&shelf, hash, text.clone(), build));
                flown.await.map_err(typed::<E>)?
            }
        };
        answer(&entry.value, || store.flights().site(&text))
    }
}
