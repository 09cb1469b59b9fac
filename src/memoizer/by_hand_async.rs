//! Calls by text keys, of callers that await.

use super::Memoizer;
use super::by_hand::{Known, Value, among, answer, asked, bring, some_or_nothing, typed};
use super::due::{Elsewhere, Looked, Seen};
use super::path::{Awaiting, Brought, Mode};
use super::shelf::Done;
use super::works::Errand;
use crate::answered::Detailed;
use crate::built::{Built, Kept};
use crate::context::Context;
use crate::drive::{Boxed, boxed};
use crate::entry::{AnyValue, Entry};
use crate::error::BuildError;
use crate::key::hash_of;
use crate::memento::Outcome;
use crate::options::{Options, Terms};
use crate::refresh::Job;
use crate::store::{AnyFailure, Caller};
use std::any::TypeId;
use std::borrow::Borrow;
use std::sync::Arc;

impl Memoizer {
    /// As [`get`](Self::get), for callers that await: the kept result for `key`, or else
    /// what `build` answers with. Whoever awaits and whoever blocks share what is kept,
    /// and each build.
    ///
    /// `build` is polled only if this caller leads. A call that is dropped while it leads
    /// frees the key, and one of those who wait for it builds in its place.
    ///
    /// A store that is not in memory, and a lock, are asked off the thread that polls: by a
    /// client that awaits, where the store has one, or else on threads that may block.
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
    pub fn get_async<V, R>(
        &self,
        key: &str,
        build: impl Future<Output = R> + Send,
    ) -> impl Future<Output = Result<V, BuildError<R::Error>>> + Send
    where
        V: Value,
        R: Outcome<V>,
    {
        self.get_with_async(key, Options::new(), build)
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

    /// As [`get_detailed`](Self::get_detailed), for callers that await.
    ///
    /// ```
    /// use mementos::{Answered, Memoizer, Options};
    ///
    /// # mementos::private::block_on(async {
    /// let memo = Memoizer::in_memory();
    /// let first = memo.get_detailed_async("key", Options::new(), async { 1 }).await;
    /// assert_eq!(first.unwrap().how, Answered::Built);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get_async`](Self::get_async).
    pub async fn get_detailed_async<V, R>(
        &self,
        key: &str,
        options: impl Borrow<Options>,
        build: impl Future<Output = R> + Send,
    ) -> Result<Detailed<V>, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<V>,
    {
        let terms = self.terms(options.borrow())?;
        let build = async { build.await.into_result().map(Built::new) };
        self.ask_in_detail_async(key, &terms, Mode::Take, None, |_| build)
            .await
    }

    /// As [`get_refreshing`](Self::get_refreshing), for callers that await: the function
    /// makes a future, which the [spawner](Self::spawner) has polled in the background.
    /// Without a spawner it is polled here.
    ///
    /// ```
    /// use mementos::{Memoizer, Options, clock::FakeClock};
    /// use std::time::Duration;
    ///
    /// # mementos::private::block_on(async {
    /// let clock = FakeClock::new();
    /// let memo = Memoizer::in_memory()
    ///     .clock(clock.clone())
    ///     .spawner(|task| smol::spawn(task).detach());
    /// let minute = Duration::from_secs(60);
    /// let options = Options::new().max_age(minute).stale_for(minute);
    /// let first: u32 = memo.get_refreshing_async("key", &options, async || 1).await?;
    /// clock.advance(minute);
    /// let stale: u32 = memo.get_refreshing_async("key", &options, async || 2).await?;
    /// memo.drain_async().await;
    /// let fresh: u32 = memo.get_refreshing_async("key", &options, async || 3).await?;
    /// assert_eq!((first, stale, fresh), (1, 1, 2));
    /// # Ok::<(), mementos::BuildError<std::convert::Infallible>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get_async`](Self::get_async), where the future is polled here.
    pub async fn get_refreshing_async<V, R, B>(
        &self,
        key: &str,
        options: impl Borrow<Options>,
        f: impl Fn() -> B + Send + Sync + 'static,
    ) -> Result<V, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<V>,
        B: Future<Output = R> + Send + 'static,
    {
        let f = move |_| {
            let build = f();
            async { build.await.into_result().map(Built::new) }
        };
        let detailed = self.get_conditional_async(key, options, f).await;
        detailed.map(|answer| answer.value)
    }

    /// As [`get_conditional`](Self::get_conditional), for callers that await.
    ///
    /// ```
    /// use mementos::{Answered, Built, Kept, Memoizer, Options};
    /// use std::convert::Infallible;
    ///
    /// async fn page(kept: Option<Kept<String>>) -> Result<Built<String>, Infallible> {
    ///     Ok(match kept {
    ///         Some(kept) => kept.not_modified(),
    ///         None => Built::new("text".to_owned()).etag("v1"),
    ///     })
    /// }
    ///
    /// # mementos::private::block_on(async {
    /// let memo = Memoizer::in_memory().spawner(|task| smol::spawn(task).detach());
    /// let first = memo.get_conditional_async("page", Options::new(), page).await;
    /// assert_eq!(first.unwrap().how, Answered::Built);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get_async`](Self::get_async), where the future is polled here.
    pub async fn get_conditional_async<V, E, B>(
        &self,
        key: &str,
        options: impl Borrow<Options>,
        f: impl Fn(Option<Kept<V>>) -> B + Send + Sync + 'static,
    ) -> Result<Detailed<V>, BuildError<E>>
    where
        V: Value,
        E: Send + Sync + 'static,
        B: Future<Output = Result<Built<V>, E>> + Send + 'static,
    {
        let terms = self.terms(options.borrow())?;
        let f = Arc::new(f);
        let errand = |job: Job<_, _>, seen| -> Errand {
            let (memo, terms, f) = (self.clone(), terms.clone(), Arc::clone(&f));
            Errand::Awaits(boxed(Context::of_job(job.promise()).attach(async move {
                memo.work_async(&terms, job, seen, |kept| f(kept)).await;
            })))
        };
        let may = terms.is_for_background() && self.settings().works.spawns();
        let elsewhere: Option<&Elsewhere<'_, Known<'_>>> = match may {
            true => Some(&errand),
            false => None,
        };
        self.ask_in_detail_async(key, &terms, Mode::Take, elsewhere, |kept| f(kept))
            .await
    }

    /// Does a job that such a call has left.
    async fn work_async<V: Value, E: Send + Sync + 'static, B>(
        &self,
        terms: &Terms,
        job: Job<String, Done<Known<'_>>>,
        seen: Option<Seen>,
        f: impl FnOnce(Option<Kept<V>>) -> B + Send,
    ) where
        B: Future<Output = Result<Built<V>, E>> + Send,
    {
        let store = self.store_of(terms);
        let known = store.known(TypeId::of::<V>());
        let shelf = self.among_for_job::<V, E>(store, known.as_deref(), terms);
        let groups = asked(terms);
        let call = self.call(Caller::Awaits, terms, Mode::Take, groups.as_ref());
        let hash = hash_of(job.key());
        let build = |entry: Option<&Entry<AnyValue>>| {
            let kept = entry.and_then(Kept::of);
            brings(async { bring(terms, store, f(kept).await) })
        };
        call.work(&shelf, hash, job, seen, build).await;
    }

    async fn ask_async<V: Value, E: Send + Sync + 'static>(
        &self,
        key: &str,
        options: &Options,
        mode: Mode,
        build: impl Future<Output = Result<Built<V>, E>> + Send,
    ) -> Result<V, BuildError<E>> {
        let terms = self.terms(options)?;
        let asked = self.ask_in_detail_async(key, &terms, mode, None, |_| build);
        asked.await.map(|answer| answer.value)
    }

    async fn ask_in_detail_async<V: Value, E: Send + Sync + 'static, B>(
        &self,
        key: &str,
        terms: &Terms,
        mode: Mode,
        elsewhere: Option<&Elsewhere<'_, Known<'_>>>,
        f: impl FnOnce(Option<Kept<V>>) -> B + Send,
    ) -> Result<Detailed<V>, BuildError<E>>
    where
        B: Future<Output = Result<Built<V>, E>> + Send,
    {
        let store = self.store_of(terms);
        let known = store.known(TypeId::of::<V>());
        let shelf = among::<V, E>(store, self.holder(terms), known.as_deref(), terms)?;
        let groups = asked(terms);
        let call = self.call(Caller::Awaits, terms, mode, groups.as_ref());
        let text = terms.full(key);
        let hash = hash_of(&text);
        let entry = match call.look(&shelf, hash, &&text).await {
            Looked::Answer(entry) => entry,
            looked => {
                let kept = looked.due().and_then(Kept::of);
                let build = brings(async { bring(terms, store, f(kept).await) });
                let key = text.clone();
                let flown = boxed(call.answer_in_full(&shelf, hash, key, looked, elsewhere, build));
                flown.await.map_err(typed::<E>)?
            }
        };
        let value = answer::<V, E>(&entry.value, || store.flights().site(&text))?;
        Ok(call.detailed(value))
    }
}

/// A build, in a box: it may be large, and what it goes through has it in many places.
fn brings<'b>(
    build: impl Future<Output = Result<Brought<AnyValue>, AnyFailure>> + Send + 'b,
) -> Awaiting<Boxed<'b, Result<Brought<AnyValue>, AnyFailure>>> {
    Awaiting(Box::pin(build))
}
