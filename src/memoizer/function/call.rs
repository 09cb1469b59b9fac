//! The way of every call of a function: which memoizer it means, the plain look,
//! and everything else.

use super::again::of_shelf;
use super::at::{Place, Shared};
use super::inner::{Inner, Missed, Settled};
use crate::answered::Detailed;
use crate::built::Keeping;
use crate::entry::{AnyValue, Entry};
use crate::error::BuildError;
use crate::etag::Etag;
use crate::flight::raise;
use crate::held::Held;
use crate::key::{Lookup, hash_of};
use crate::memoizer::due::{Elsewhere, Looked};
use crate::memoizer::groups::{self, Asked};
use crate::memoizer::output::Output;
use crate::memoizer::path::{Brought, Call, Mode, Track};
use crate::memoizer::shelf::Shelf;
use crate::memoizer::table::{Table, Unshared};
use crate::memoizer::{Meant, Memoized, Rules, Shareable};
use crate::options::{Ages, Options, Terms};
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
                let looked = self.look_in_table(&call, table, (hash, nothing), &args);
                let (key, looked) = match looked {
                    Ok(output) => return Ok(call.detailed(output)),
                    Err(missed) => missed,
                };
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
                    (looked, elsewhere),
                    args,
                    form(),
                )
            }
            Place::Shared(shared) => {
                let hash = hash_of(&shared.text);
                let coding = shared.coding();
                let shelf = shared.shelf(coding.as_ref(), terms)?;
                let looked = call.look_at_once(&shelf, hash, &&shared.text);
                let looked = match given(looked, &shared) {
                    Ok(output) => return Ok(call.detailed(output)),
                    Err(looked) => looked,
                };
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
                    (looked, elsewhere),
                    args,
                    form_in(&shared),
                )
            }
        };
        output.map(|value| call.detailed(value))
    }

    /// The output that the function's own table has for a call; or the key, and what was
    /// found instead. With a version, it is known that nothing was there.
    #[inline]
    #[allow(clippy::type_complexity)] // the error is what there is to go on with
    pub(super) fn look_in_table(
        &self,
        call: &Call<'_>,
        table: &Table<M>,
        (hash, nothing): (u64, Option<Version>),
        args: &M::Args<'_>,
    ) -> Result<M::Output, (M::Key, Looked<Output<M>>)> {
        let asked = M::lookup(args);
        let looked = match nothing {
            // A table in memory has nobody wait.
            None => call.look_at_once(table, hash, &asked),
            Some(_) => Looked::Nothing,
        };
        if let Looked::Answer(entry) = &looked
            && let Some(output) = entry.value.give()
        {
            return Ok(output);
        }
        Err((asked.to_key(), looked))
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
        (looked, elsewhere): (Looked<S::Value>, Option<&Elsewhere<'_, S>>),
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
        let flown = call.answer(shelf, hash, key, looked, elsewhere, build);
        form.given(flown, own.filter(|_| !call.took_due()))
    }
}

/// The output that a shared store has for a call, or what was found instead.
#[inline]
pub(super) fn given<M: Shareable>(
    looked: Looked<AnyValue>,
    shared: &Shared<'_, M>,
) -> Result<M::Output, Looked<AnyValue>> {
    if let Looked::Answer(entry) = &looked
        && let Some(output) = shared.give(&entry.value)
    {
        return Ok(output);
    }
    Err(looked)
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
        by_args: Option<Ages>,
        own: &mut Option<M::Output>,
    ) -> Result<Brought<V>, F>
    where
        W: Fn(M::Output) -> V,
    {
        let answer = M::answer(&output);
        let said = Ages::first(rules.ages_of(&output), by_args);
        let ages = Ages::first(said, terms.ages_of(&output));
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
            keeping: Keeping::Value,
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
