//! The way of every call of a function: which memoizer it means, the plain look,
//! and everything else.

use super::at::{Place, Shared};
use super::inner::{Inner, Missed, Settled};
use crate::answered::Detailed;
use crate::context::Context;
use crate::drive::{at_once, block_on};
use crate::entry::{AnyValue, Entry};
use crate::error::BuildError;
use crate::etag::Etag;
use crate::flight::raise;
use crate::held::Held;
use crate::key::{Lookup, hash_of};
use crate::memoizer::due::{Due, Elsewhere, Looked, Seen};
use crate::memoizer::groups::{self, Asked};
use crate::memoizer::output::Output;
use crate::memoizer::path::{Blocking, Brought, Call, Mode, Track};
use crate::memoizer::shelf::{Done, Shelf};
use crate::memoizer::table::{Table, Unshared};
use crate::memoizer::works::Errand;
use crate::memoizer::{Meant, Memoized, Rules, Shareable};
use crate::options::{Ages, Options, Terms};
use crate::refresh::{Ended, Job};
use crate::scope;
use crate::store::AnyFailure;
use crate::store::Caller;
use crate::table::Version;
use std::convert::Infallible;

/// The result for these arguments, in the memoizer that a call here and now means.
#[inline]
#[track_caller]
pub(crate) fn call<M: Shareable>(args: M::Args<'_>) -> M::Output {
    match at_hand::<M>() {
        Some(inner) => inner.call(args),
        None => elsewhere::<M>(args),
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn elsewhere<M: Shareable>(args: M::Args<'_>) -> M::Output {
    current::<M>().call(args)
}

/// The function's own memoizer's table of it, if that is what is meant, and if it
/// is there.
#[inline]
pub(super) fn at_hand<M: Shareable>() -> Option<&'static Inner<M>> {
    if scope::any::<Meant>() {
        return None;
    }
    match M::home() {
        Some(home) => home.get(),
        None => M::memoizer().known(),
    }
}

/// The function in the memoizer that a call here and now means.
pub(super) fn current<M: Shareable>() -> Held<Inner<M>> {
    match Meant::here().0 {
        Some(memoizer) => memoizer.function(),
        None => match M::home() {
            Some(home) => M::memoizer().function_at(home),
            None => M::memoizer().function(),
        },
    }
}

impl<M: Shareable> Inner<M> {
    /// In line at every caller's, so that the arguments of a hit stay in registers.
    #[inline(always)]
    #[track_caller]
    pub(super) fn call(&self, args: M::Args<'_>) -> M::Output {
        let asked = M::lookup(&args);
        match self.hit(&asked) {
            Ok(output) => output,
            Err(missed) => {
                drop(asked);
                self.call_in_full(missed, args)
            }
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn call_in_full(&self, missed: Missed, args: M::Args<'_>) -> M::Output {
        let got = self
            .settled()
            .map_err(BuildError::from)
            .and_then(|settled| self.ask(&settled, Mode::Take, missed, args));
        got.unwrap_or_else(|error| raise(&error))
    }

    pub(super) fn get(
        &self,
        options: &Options,
        args: M::Args<'_>,
    ) -> Result<M::Output, BuildError<Infallible>> {
        let settled = self.settled_with(options)?;
        let missed = self.not_looked(&args);
        self.ask(&settled, Mode::Take, missed, args)
    }

    pub(super) fn detailed(
        &self,
        options: &Options,
        args: M::Args<'_>,
    ) -> Result<Detailed<M::Output>, BuildError<Infallible>> {
        let settled = self.settled_with(options)?;
        let missed = self.not_looked(&args);
        self.ask_in_detail(&settled, Mode::Take, missed, args)
    }

    pub(super) fn refresh(&self, args: M::Args<'_>) -> Result<M::Output, BuildError<Infallible>> {
        let settled = self.settled()?;
        let missed = self.not_looked(&args);
        self.ask(&settled, Mode::Refresh, missed, args)
    }

    pub(super) fn not_looked(&self, args: &M::Args<'_>) -> Missed {
        Missed {
            hash: self.hash(&M::lookup(args)),
            nothing: None,
        }
    }

    fn ask(
        &self,
        settled: &Settled<M>,
        mode: Mode,
        missed: Missed,
        args: M::Args<'_>,
    ) -> Result<M::Output, BuildError<Infallible>> {
        let asked = self.ask_in_detail(settled, mode, missed, args);
        asked.map(|answer| answer.value)
    }

    pub(super) fn ask_in_detail(
        &self,
        settled: &Settled<M>,
        mode: Mode,
        missed: Missed,
        args: M::Args<'_>,
    ) -> Result<Detailed<M::Output>, BuildError<Infallible>> {
        let Settled { terms, rules } = settled;
        let Missed { hash, nothing } = missed;
        let etag = rules.etag(&args);
        let groups = self.groups(terms, rules, &args);
        let missed = nothing.unwrap_or(Version::UNKNOWN);
        let call = self.in_full(
            Caller::Blocks,
            terms,
            etag.as_ref(),
            groups.as_ref(),
            mode,
            missed,
        );
        let again = self.again(settled, mode);
        let place = self.place(terms, &M::lookup(&args));
        let output = match place {
            Place::Own(table) => {
                let asked = M::lookup(&args);
                let looked = match nothing {
                    None => at_once(call.look(table, hash, &asked)),
                    Some(_) => Looked::Nothing,
                };
                if let Looked::Answer(entry) = &looked
                    && let Some(value) = entry.value.give()
                {
                    return Ok(call.detailed(value));
                }
                let key = asked.to_key();
                drop(asked);
                let work = again
                    .as_ref()
                    .map(|again| |job, seen| again.in_table(job, seen));
                let elsewhere = work.as_ref().map(|work| work as &Elsewhere<'_, Table<M>>);
                self.build(
                    &call,
                    rules,
                    table,
                    hash,
                    key,
                    (looked.due(), elsewhere),
                    args,
                    form(),
                )
            }
            Place::Shared(shared) => {
                let hash = hash_of(&shared.text);
                let coding = shared.coding();
                let shelf = shared.shelf(coding.as_ref(), terms)?;
                let looked = at_once(call.look(&shelf, hash, &&shared.text));
                if let Looked::Answer(entry) = &looked
                    && let Some(value) = shared.give(&entry.value)
                {
                    return Ok(call.detailed(value));
                }
                let key = &shared.key;
                let work = again
                    .as_ref()
                    .map(|again| |job, seen| again.in_store(key, job, seen));
                let elsewhere = work.as_ref().map(|work| of_shelf(&shelf, work));
                self.build(
                    &call,
                    rules,
                    &shelf,
                    hash,
                    shared.text.clone(),
                    (looked.due(), elsewhere),
                    args,
                    form_in(&shared),
                )
            }
        };
        output.map(|value| call.detailed(value))
    }

    /// How a call is made again in the background, if it may be.
    pub(super) fn again<'s>(&self, settled: &'s Settled<M>, mode: Mode) -> Option<Again<'s, M>> {
        let may = M::FROM_KEY && mode == Mode::Take && settled.terms.is_for_background();
        match may {
            true => self.held().map(|held| Again { held, settled }),
            false => None,
        }
    }

    /// A call that asks for more than a plain one.
    #[inline(always)]
    pub(super) fn in_full<'c>(
        &'c self,
        caller: Caller,
        terms: &'c Terms,
        etag: Option<&'c Etag>,
        groups: Option<&'c Asked>,
        mode: Mode,
        missed: Version,
    ) -> Call<'c> {
        Call {
            caller,
            terms,
            demand: terms.demand(etag),
            clock: self.clock(),
            log: self.log(terms),
            mode,
            groups,
            missed,
            works: &self.settings.works,
            track: Track::default(),
        }
    }

    /// The groups that the result of a call is in. Most are in none.
    #[inline]
    pub(super) fn groups(
        &self,
        terms: &Terms,
        rules: &Rules<M>,
        args: &M::Args<'_>,
    ) -> Option<Asked> {
        let has_none = rules.tags_by.is_none() && terms.tags.is_none() && !terms.grouped;
        match has_none {
            true => None,
            false => self.some_groups(terms, rules, args),
        }
    }

    #[cold]
    fn some_groups(&self, terms: &Terms, rules: &Rules<M>, args: &M::Args<'_>) -> Option<Asked> {
        let tags = rules.tags(args, terms);
        if terms.store.is_some() {
            return Asked::of(terms, tags.as_deref(), groups::Place::Shared);
        }
        let asked = Asked::of(terms, tags.as_deref(), groups::Place::Own)?;
        // Before a row is there that a plain look must not answer with.
        self.has_tags();
        Some(asked)
    }

    /// Runs the function, or joins who runs it; or takes what is due.
    #[allow(clippy::too_many_arguments)] // what a call has come to so far
    fn build<S: Shelf, W, G>(
        &self,
        call: &Call<'_>,
        rules: &Rules<M>,
        shelf: &S,
        hash: u64,
        key: S::Key,
        (due, elsewhere): (Option<Due<S::Value>>, Option<&Elsewhere<'_, S>>),
        args: M::Args<'_>,
        form: Form<W, G, S::Failure>,
    ) -> Result<M::Output, BuildError<Infallible>>
    where
        W: Fn(M::Output) -> S::Value,
        G: Fn(S::Value) -> Option<M::Output>,
    {
        let ages = rules.ages(&args);
        let mut own = None;
        let build = || form.brought(M::run(args), call.terms, rules, ages, &mut own);
        let flown = call.answer(shelf, hash, key, due, elsewhere, build);
        form.given(flown, own.filter(|_| !call.took_due()))
    }

    /// What a call says by its arguments.
    pub(super) fn said(&self, settled: &Settled<M>, args: &M::Args<'_>) -> Said {
        let Settled { terms, rules } = settled;
        Said {
            hash: self.hash(&M::lookup(args)),
            etag: rules.etag(args),
            groups: self.groups(terms, rules, args),
            ages: rules.ages(args),
        }
    }

    /// Does a job for the function's own table.
    fn work_in_table(
        &self,
        settled: &Settled<M>,
        job: Job<M::Key, Done<Table<M>>>,
        seen: Option<Seen>,
        args: M::Args<'_>,
    ) {
        let Settled { terms, rules } = settled;
        let said = self.said(settled, &args);
        let call = self.for_job(Caller::Blocks, terms, &said);
        let table = self.table(terms.namespace.as_ref());
        let (form, ages) = (form::<M>(), said.ages);
        let build = || form.brought(M::run(args), terms, rules, ages, &mut None);
        block_on(call.work(table, said.hash, job, seen, |_| Blocking(build)));
    }

    /// Does a job for a shared store.
    fn work_in_store(
        &self,
        settled: &Settled<M>,
        job: Job<String, Ended<Entry<AnyValue>, AnyFailure>>,
        seen: Option<Seen>,
        args: M::Args<'_>,
    ) {
        let Settled { terms, rules } = settled;
        let said = self.said(settled, &args);
        let call = self.for_job(Caller::Blocks, terms, &said);
        let shared = self.place_of_job(terms, &M::lookup(&args));
        let coding = shared.coding();
        let Ok(shelf) = shared.shelf(coding.as_ref(), terms) else {
            unreachable!("the call that sent it here has been refused");
        };
        let (hash, form, ages) = (hash_of(&shared.text), form_in(&shared), said.ages);
        let build = || form.brought(M::run(args), terms, rules, ages, &mut None);
        block_on(call.work(&shelf, hash, job, seen, |_| Blocking(build)));
    }

    /// The call that a job is.
    pub(super) fn for_job<'c>(
        &'c self,
        caller: Caller,
        terms: &'c Terms,
        said: &'c Said,
    ) -> Call<'c> {
        let (etag, groups) = (said.etag.as_ref(), said.groups.as_ref());
        self.in_full(caller, terms, etag, groups, Mode::Take, Version::UNKNOWN)
    }

    /// Where a job for a shared store puts its result.
    pub(super) fn place_of_job<'i>(
        &'i self,
        terms: &'i Terms,
        asked: &impl Lookup<M::Key>,
    ) -> Shared<'i, M> {
        match self.place(terms, asked) {
            Place::Shared(shared) => shared,
            Place::Own(_) => unreachable!("the terms that sent it here name a store"),
        }
    }
}

/// What a call says by its arguments.
pub(super) struct Said {
    pub(super) hash: u64,
    pub(super) etag: Option<Etag>,
    pub(super) groups: Option<Asked>,
    pub(super) ages: Ages,
}

/// Work for a shelf whose type cannot be named.
pub(super) fn of_shelf<'e, S: Shelf>(
    _: &S,
    work: &'e (impl Fn(Job<S::Key, Done<S>>, Option<Seen>) -> Errand + Sync + 'e),
) -> &'e Elsewhere<'e, S> {
    work
}

/// How a call is made again in the background: from its key.
pub(super) struct Again<'s, M: Memoized> {
    pub(super) held: Held<Inner<M>>,
    pub(super) settled: &'s Settled<M>,
}

impl<M: Shareable> Again<'_, M> {
    fn in_table(&self, job: Job<M::Key, Done<Table<M>>>, seen: Option<Seen>) -> Errand {
        let (held, settled) = (self.held.clone(), self.settled.clone());
        let context = Context::outside();
        Errand::Blocks(Box::new(move || {
            let key = job.key().clone();
            context
                .enter(|| M::from_key(&key, |args| held.work_in_table(&settled, job, seen, args)));
        }))
    }

    fn in_store(
        &self,
        key: &M::Key,
        job: Job<String, Ended<Entry<AnyValue>, AnyFailure>>,
        seen: Option<Seen>,
    ) -> Errand {
        let (held, settled, key) = (self.held.clone(), self.settled.clone(), key.clone());
        let context = Context::outside();
        Errand::Blocks(Box::new(move || {
            context
                .enter(|| M::from_key(&key, |args| held.work_in_store(&settled, job, seen, args)));
        }))
    }
}

/// An error of the function's own is part of its output, so it is none of these.
fn without_failure<F>(error: BuildError<F>) -> BuildError<Infallible> {
    error.map(|_| unreachable!("a flight's own failure is unshared, and tried again"))
}

/// In what form a shelf keeps a function's output.
pub(super) struct Form<W, G, F> {
    pub(super) wrap: W,
    pub(super) give: G,
    pub(super) unshared: fn() -> F,
}

impl<W, G, F> Form<W, G, F> {
    /// What a run of the function brings to the shelf. The output itself is left in `own`,
    /// or a copy.
    #[inline(always)] // each is called from one place for each shelf
    pub(super) fn brought<M: Memoized, V>(
        &self,
        output: M::Output,
        terms: &Terms,
        rules: &Rules<M>,
        by_args: Ages,
        own: &mut Option<M::Output>,
    ) -> Result<Brought<V>, F>
    where
        W: Fn(M::Output) -> V,
    {
        let answer = M::answer(&output);
        let ages = rules
            .ages_of(&output)
            .or(by_args)
            .or(terms.ages_of(&output));
        let etag = rules.own_etag(&output);
        let Some(copy) = M::copy(&output) else {
            *own = Some(output);
            return Err((self.unshared)());
        };
        *own = Some(copy);
        Ok(Brought {
            value: (self.wrap)(output),
            answer,
            ages,
            etag,
            is_not_modified: false,
            is_not_kept: false,
            told: None,
        })
    }

    /// What the caller gets of a flight: its `own` output, for which no copy can stand if
    /// it cannot be cloned; but what is at hand comes before an error of its own.
    #[inline(always)]
    pub(super) fn given<O, V>(
        &self,
        flown: Result<Entry<V>, BuildError<F>>,
        own: Option<O>,
    ) -> Result<O, BuildError<Infallible>>
    where
        G: Fn(V) -> Option<O>,
    {
        if let Some(own) = own {
            return Ok(own);
        }
        let entry = flown.map_err(without_failure)?;
        let given = (self.give)(entry.value);
        Ok(given.expect("what was shared can be copied"))
    }
}

/// In the function's own table.
#[allow(clippy::type_complexity)] // the closures have no names
pub(super) fn form<M: Shareable>()
-> Form<impl Fn(M::Output) -> Output<M>, impl Fn(Output<M>) -> Option<M::Output>, Unshared> {
    Form {
        wrap: Output::new,
        give: |value: Output<M>| value.give(),
        unshared: || Unshared,
    }
}

/// In a shared store.
#[allow(clippy::type_complexity)] // the closures have no names
pub(super) fn form_in<'s, M: Shareable>(
    shared: &'s Shared<'_, M>,
) -> Form<
    impl Fn(M::Output) -> AnyValue + 's,
    impl Fn(AnyValue) -> Option<M::Output> + 's,
    AnyFailure,
> {
    Form {
        wrap: |output| shared.wrap(output),
        give: |value: AnyValue| shared.give(&value),
        unshared: AnyFailure::unshared,
    }
}
