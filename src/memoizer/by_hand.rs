//! Calls by text keys.

use super::Memoizer;
use super::due::{Elsewhere, Looked, Seen};
use super::groups::{Asked, Holder, Place};
use super::observe::{Log, Origin};
use super::path::{Blocking, Brought, Call, Mode, Track};
use super::shelf::{Among, Done};
use super::works::Errand;
use crate::answered::Detailed;
use crate::built::{Built, Keeping, Kept, Tags};
use crate::coding::{self, AnyCoding, Coded, Form};
use crate::context::Context;
use crate::drive::block_on;
use crate::entry::AnyValue;
use crate::error::{BuildError, Remedy, Site, Uncodable};
use crate::key::hash_of;
use crate::memento::Outcome;
use crate::options::{Ages, Answer, Options, Terms};
use crate::refresh::Job;
use crate::store::{AnyFailure, Caller, SharedStore};
use crate::table::Version;
use std::any::{Any, TypeId};
use std::borrow::Borrow;
use std::sync::Arc;

/// The function that calls by hand are reported as.
const BY_HAND: &str = "get";

/// An error of a function's own that is kept.
pub(super) struct Negative<E>(Arc<E>);

/// What can be kept by hand: it is shared, and a call is given a clone.
pub trait Value: Any + Clone + Send + Sync {}

impl<V: Any + Clone + Send + Sync> Value for V {}

impl Memoizer {
    /// The kept result for `key`, or else what `f` answers with.
    ///
    /// `f` may return a value, or a `Result` of it; where nothing else says which
    /// is meant, say so: `let n: u32 = memo.get(..)`. An error is not kept. A
    /// `None` is a value like any other here: see [`get_some`](Self::get_some).
    ///
    /// Under one key there is one type of value. A call that expects another finds
    /// nothing, and replaces what is there.
    ///
    /// # Errors
    ///
    /// The function's own error, or what kept it from running: see [`BuildError`].
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller leads the build.
    pub fn get<V, R>(&self, key: &str, f: impl FnOnce() -> R) -> Result<V, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<V>,
    {
        self.get_with(key, Options::new(), f)
    }

    /// As [`get`](Self::get), with options for this call.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn get_with<V, R>(
        &self,
        key: &str,
        options: impl Borrow<Options>,
        f: impl FnOnce() -> R,
    ) -> Result<V, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<V>,
    {
        self.ask(key, options.borrow(), Mode::Take, || {
            f().into_result().map(Built::new)
        })
    }

    /// As [`get_with`](Self::get_with), for a function that may have nothing to
    /// say: a `None` is kept only if [`Options::none_age`] says for how long.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn get_some<V, R>(
        &self,
        key: &str,
        options: impl Borrow<Options>,
        f: impl FnOnce() -> R,
    ) -> Result<Option<V>, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<Option<V>>,
    {
        self.ask(key, options.borrow(), Mode::Take, || {
            f().into_result().map(some_or_nothing)
        })
    }

    /// As [`get_with`](Self::get_with), and says how the answer came about.
    ///
    /// ```
    /// use mementos::{Answered, Memoizer, Options};
    ///
    /// let memo = Memoizer::in_memory();
    /// let first = memo.get_detailed("key", Options::new(), || 1)?;
    /// assert_eq!((first.value, first.how), (1, Answered::Built));
    /// let second = memo.get_detailed("key", Options::new(), || 2)?;
    /// assert_eq!((second.value, second.how), (1, Answered::Hit));
    /// # Ok::<(), mementos::BuildError<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn get_detailed<V, R>(
        &self,
        key: &str,
        options: impl Borrow<Options>,
        f: impl FnOnce() -> R,
    ) -> Result<Detailed<V>, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<V>,
    {
        let terms = self.terms(options.borrow())?;
        self.ask_in_detail(key, &terms, Mode::Take, None, |_| {
            f().into_result().map(Built::new)
        })
    }

    /// As [`get_with`](Self::get_with), for a function that can be run in the background:
    /// so a stale value is refreshed while its callers have it, and a build may take
    /// longer than they wait. With the plain calls, whose function may borrow, the first
    /// who finds a value stale refreshes it itself, while others have it.
    ///
    /// See [`Options::stale_for`], [`soft_timeout`](Options::soft_timeout),
    /// [`hard_timeout`](Options::hard_timeout), [`early_from`](Options::early_from); and
    /// [`Memoizer::background`] for where it is run.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get), where the function runs in this thread.
    pub fn get_refreshing<V, R>(
        &self,
        key: &str,
        options: impl Borrow<Options>,
        f: impl Fn() -> R + Send + Sync + 'static,
    ) -> Result<V, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<V>,
    {
        let f = move |_| f().into_result().map(Built::new);
        let detailed = self.get_conditional(key, options, f);
        detailed.map(|answer| answer.value)
    }

    /// As [`get_refreshing`](Self::get_refreshing), for a function that is told what is
    /// kept, if it is to refresh that: with its etag, so that it can ask whether it still
    /// holds. It answers with a value, which may bring an age and an etag of its own; that
    /// what is kept [holds](Kept::not_modified); that there is
    /// [nothing](Built::negative); or with something that is [not
    /// kept](Built::not_kept). Says how the answer came about.
    ///
    /// ```
    /// use mementos::{Answered, Built, Kept, Memoizer, Options, clock::FakeClock};
    /// use std::convert::Infallible;
    /// use std::time::Duration;
    ///
    /// /// Asks for a page, unless it is the one that is kept.
    /// fn page(kept: Option<Kept<String>>) -> Result<Built<String>, Infallible> {
    ///     let current = "v1"; // what the server would say
    ///     Ok(match kept {
    ///         Some(kept) if kept.etag().is_some_and(|etag| etag.as_str() == current) => {
    ///             kept.not_modified()
    ///         }
    ///         _ => Built::new("text".to_owned()).etag(current),
    ///     })
    /// }
    ///
    /// let clock = FakeClock::new();
    /// let memo = Memoizer::in_memory().clock(clock.clone());
    /// let options = Options::new()
    ///     .max_age(Duration::from_secs(60))
    ///     .stale_for(Duration::from_secs(3600))
    ///     .no_soft_timeout();
    /// assert_eq!(memo.get_conditional("page", &options, page)?.how, Answered::Built);
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(memo.get_conditional("page", &options, page)?.how, Answered::NotModified);
    /// assert_eq!(memo.get_conditional("page", &options, page)?.how, Answered::Hit);
    /// # Ok::<(), mementos::BuildError<Infallible>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get), where the function runs in this thread.
    pub fn get_conditional<V, E>(
        &self,
        key: &str,
        options: impl Borrow<Options>,
        f: impl Fn(Option<Kept<V>>) -> Result<Built<V>, E> + Send + Sync + 'static,
    ) -> Result<Detailed<V>, BuildError<E>>
    where
        V: Value,
        E: Send + Sync + 'static,
    {
        let terms = self.terms(options.borrow())?;
        let f = Arc::new(f);
        let work = |job: Job<_, _>, seen| -> Errand {
            let (memo, terms, f) = (self.clone(), terms.clone(), Arc::clone(&f));
            let context = Context::of_job(job.promise());
            let work = move || context.enter(|| memo.work(&terms, job, seen, |kept| f(kept)));
            Errand::Blocks(Box::new(work))
        };
        let elsewhere: Option<&Elsewhere<'_, Known<'_>>> = match terms.is_for_background() {
            true => Some(&work),
            false => None,
        };
        self.ask_in_detail(key, &terms, Mode::Take, elsewhere, |kept| f(kept))
    }

    /// Does a job that such a call has left.
    fn work<V: Value, E: Send + Sync + 'static>(
        &self,
        terms: &Terms,
        job: Job<String, Done<Known<'_>>>,
        seen: Option<Seen>,
        f: impl FnOnce(Option<Kept<V>>) -> Result<Built<V>, E>,
    ) {
        let store = self.store_of(terms);
        let known = store.known(TypeId::of::<V>());
        let shelf = self.among_for_job::<V, E>(store, known.as_deref(), terms);
        let groups = asked(terms);
        let call = self.call(Caller::Blocks, terms, Mode::Take, groups.as_ref());
        let hash = hash_of(job.key());
        block_on(call.work(&shelf, hash, job, seen, |entry| {
            let kept = entry.and_then(Kept::of);
            Blocking(|| bring(terms, store, f(kept)))
        }));
    }

    /// Where a job puts its result.
    pub(super) fn among_for_job<'s, V: Value, E: Send + Sync + 'static>(
        &'s self,
        store: &'s SharedStore,
        known: Option<&'s dyn AnyCoding>,
        terms: &'s Terms,
    ) -> Known<'s> {
        let shelf = among::<V, E>(store, self.holder(terms), known, terms);
        shelf.unwrap_or_else(|_| unreachable!("the call that left it has been refused"))
    }

    /// Builds the result for `key` anew, and replaces what is kept.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). What was kept stays.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn refresh<V, R>(&self, key: &str, f: impl FnOnce() -> R) -> Result<V, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<V>,
    {
        self.ask(key, &Options::new(), Mode::Refresh, || {
            f().into_result().map(Built::new)
        })
    }

    fn ask<V: Value, E: Send + Sync + 'static>(
        &self,
        key: &str,
        options: &Options,
        mode: Mode,
        f: impl FnOnce() -> Result<Built<V>, E>,
    ) -> Result<V, BuildError<E>> {
        let terms = self.terms(options)?;
        let asked = self.ask_in_detail(key, &terms, mode, None, |_| f());
        asked.map(|answer| answer.value)
    }

    pub(super) fn ask_in_detail<V: Value, E: Send + Sync + 'static>(
        &self,
        key: &str,
        terms: &Terms,
        mode: Mode,
        elsewhere: Option<&Elsewhere<'_, Known<'_>>>,
        f: impl FnOnce(Option<Kept<V>>) -> Result<Built<V>, E>,
    ) -> Result<Detailed<V>, BuildError<E>> {
        let store = self.store_of(terms);
        let known = store.known(TypeId::of::<V>());
        let shelf = among::<V, E>(store, self.holder(terms), known.as_deref(), terms)?;
        let groups = asked(terms);
        let call = self.call(Caller::Blocks, terms, mode, groups.as_ref());
        let text = terms.full(key);
        let hash = hash_of(&text);
        let entry = match call.look_at_once(&shelf, hash, &&text) {
            Looked::Answer(entry) => entry,
            looked => {
                let kept = looked.due().and_then(Kept::of);
                let build = || bring(terms, store, f(kept));
                let flown = call.answer(&shelf, hash, text.clone(), looked, elsewhere, build);
                flown.map_err(typed::<E>)?
            }
        };
        let value = answer::<V, E>(&entry.value, || store.flights().site(&text))?;
        Ok(call.detailed(value))
    }

    pub(super) fn store_of<'t>(&'t self, terms: &'t Terms) -> &'t SharedStore {
        terms.store.as_ref().unwrap_or(&self.shared.memory)
    }

    /// Where the generations of groups are held.
    pub(super) fn holder<'t>(&'t self, terms: &'t Terms) -> Holder<'t> {
        match &terms.store {
            Some(store) => Holder::Store(store),
            None => Holder::Memoizer(&self.settings().epochs),
        }
    }

    pub(super) fn call<'t>(
        &'t self,
        caller: Caller,
        terms: &'t Terms,
        mode: Mode,
        groups: Option<&'t Asked>,
    ) -> Call<'t> {
        Call {
            caller,
            terms,
            demand: terms.demand(None),
            clock: self.settings().clock(),
            log: self.log(terms),
            mode,
            groups,
            missed: Version::UNKNOWN,
            works: &self.settings().works,
            track: Track::default(),
        }
    }

    pub(super) fn log<'t>(&'t self, terms: &'t Terms) -> Log<'t> {
        Log {
            counters: &self.shared.counters,
            observers: &self.settings().observers,
            origin: Origin {
                function: BY_HAND,
                region: terms.region.as_deref(),
            },
        }
    }
}

/// What a `None` is, where it counts.
pub(super) fn some_or_nothing<V>(value: Option<V>) -> Built<Option<V>> {
    match &value {
        Some(_) => Built::new(value),
        None => Built::negative(value),
    }
}

/// What is to be kept of what the function has answered.
#[inline]
pub(super) fn bring<V: Value, E: Send + Sync + 'static>(
    terms: &Terms,
    store: &SharedStore,
    answered: Result<Built<V>, E>,
) -> Result<Brought<AnyValue>, AnyFailure> {
    let keeps_errors = terms.keeps_errors() && store.form() == Form::Values;
    match answered {
        Ok(built) => {
            let says_ages = built.max_age.is_some() || built.stale_for.is_some();
            let own = says_ages.then_some(Ages {
                max_age: built.max_age,
                stale_for: built.stale_for,
                none_age: built.max_age,
                expiry: None,
            });
            Ok(Brought {
                ages: Ages::first(own, terms.ages_of(&built.value)),
                value: AnyValue::new(built.value),
                answer: match built.keeping {
                    Keeping::Negative => Answer::Nothing,
                    Keeping::Value | Keeping::Not => Answer::Value,
                },
                etag: built.etag,
                is_not_modified: built.is_not_modified,
                keeping: built.keeping,
                told: match built.tags {
                    Tags::OfCall => None,
                    Tags::Kept(keys) => Some(keys.into()),
                    Tags::Named(names) => Some(terms.tag_keys(&names).into()),
                },
            })
        }
        Err(error) if keeps_errors => Ok(Brought {
            value: AnyValue::new(Negative(Arc::new(error))),
            answer: Answer::Error,
            ages: None,
            etag: None,
            is_not_modified: false,
            keeping: Keeping::Value,
            told: None,
        }),
        Err(error) => Err(AnyFailure::new(error)),
    }
}

/// The groups that a result by hand is in, under these terms.
pub(super) fn asked(terms: &Terms) -> Option<Asked> {
    Asked::of(terms, terms.tags.as_deref(), Place::Shared)
}

/// A shared store, for values of one type and errors of another.
pub(super) type Known<'s> = Among<'s, fn(&AnyValue) -> Option<Answer>>;

/// Such a store.
///
/// # Errors
///
/// If it keeps bytes, and it is not known how to make bytes of the values.
pub(super) fn among<'s, V: Value, E: Any + Send + Sync>(
    store: &'s SharedStore,
    holder: Holder<'s>,
    known: Option<&'s dyn AnyCoding>,
    terms: &Terms,
) -> Result<Known<'s>, Uncodable> {
    let (coded, region) = (coded(known, terms), terms.region.as_ref());
    let name = std::any::type_name::<V>();
    coding::check(store.form(), coded, BY_HAND, name, region, Remedy::Tell)?;
    Ok(Among {
        store,
        holder,
        answer: |value| {
            let value_of = value.downcast_ref::<V>().map(|_| Answer::Value);
            value_of.or_else(|| value.downcast_ref::<Negative<E>>().map(|_| Answer::Error))
        },
        failure: AnyFailure::is::<E>,
        coded,
    })
}

pub(super) fn coded<'c>(known: Option<&'c dyn AnyCoding>, terms: &Terms) -> Option<Coded<'c>> {
    let schema = terms.schema;
    known.map(|coding| Coded { coding, schema })
}

/// What an entry of such a store answers with.
pub(super) fn answer<V: Value, E: Any + Send + Sync>(
    value: &AnyValue,
    site: impl FnOnce() -> Site,
) -> Result<V, BuildError<E>> {
    if let Some(value) = value.downcast_ref::<V>() {
        return Ok(value.clone());
    }
    let negative = value.downcast_ref::<Negative<E>>();
    let Negative(error) = negative.expect("what is not the one is the other");
    Err(BuildError::failed_with(site(), Arc::clone(error)))
}

/// The error, with its type.
pub(super) fn typed<E: Send + Sync + 'static>(error: BuildError<AnyFailure>) -> BuildError<E> {
    error.map(|failure| {
        let own = failure.downcast();
        own.expect("errors of another type are not accepted")
    })
}
