//! The way of every call of a function: which memoizer it means, the plain look,
//! and everything else.

use super::at::Place;
use super::inner::{Inner, Missed, Settled};
use crate::entry::{AnyValue, Entry};
use crate::error::BuildError;
use crate::etag::Etag;
use crate::flight::raise;
use crate::held::Held;
use crate::key::{Lookup, hash_of};
use crate::memoizer::groups::{self, Asked};
use crate::memoizer::output::Output;
use crate::memoizer::path::{Brought, Call, Mode};
use crate::memoizer::shelf::Shelf;
use crate::memoizer::table::Unshared;
use crate::memoizer::{Meant, Memoized, Rules, Shareable};
use crate::options::{Ages, Options, Terms};
use crate::scope;
use crate::store::AnyFailure;
use crate::sync::Flag;
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
        Settled { terms, rules }: &Settled<M>,
        mode: Mode,
        missed: Missed,
        args: M::Args<'_>,
    ) -> Result<M::Output, BuildError<Infallible>> {
        let Missed { hash, nothing } = missed;
        let etag = rules.etag(&args);
        let groups = self.groups(terms, rules, &args);
        let call = Call {
            missed: nothing.unwrap_or(Version::UNKNOWN),
            ..self.asks(terms, mode, etag.as_ref(), groups.as_ref())
        };
        let place = self.place(terms, &M::lookup(&args));
        match place {
            Place::Own(table) => {
                let asked = M::lookup(&args);
                let look = || call.look(table, hash, &asked);
                if let Some(output) = nothing
                    .is_none()
                    .then(look)
                    .flatten()
                    .and_then(|entry| entry.value.give())
                {
                    return Ok(output);
                }
                let key = asked.to_key();
                drop(asked);
                self.build(&call, rules, table, hash, key, args, own_form())
            }
            Place::Shared(shared) => {
                let hash = hash_of(&shared.text);
                let give = |value: AnyValue| shared.give(&value);
                let coding = shared.coding();
                let shelf = shared.shelf(coding.as_ref(), terms)?;
                let found = call.look(&shelf, hash, &&shared.text);
                if let Some(output) = found.and_then(|entry| give(entry.value)) {
                    return Ok(output);
                }
                self.build(
                    &call,
                    rules,
                    &shelf,
                    hash,
                    shared.text.clone(),
                    args,
                    Form {
                        wrap: |output| shared.wrap(output),
                        give,
                        unshared: AnyFailure::unshared,
                    },
                )
            }
        }
    }

    /// A call that has not looked yet.
    pub(super) fn asks<'c>(
        &'c self,
        terms: &'c Terms,
        mode: Mode,
        etag: Option<&'c Etag>,
        groups: Option<&'c Asked>,
    ) -> Call<'c> {
        Call {
            terms,
            demand: terms.demand(etag),
            clock: self.clock(),
            log: self.log(terms),
            mode,
            groups,
            missed: Version::UNKNOWN,
            waited: Flag::default(),
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

    /// Runs the function, or joins who runs it.
    #[allow(clippy::too_many_arguments)] // what a call has come to so far
    fn build<S: Shelf, W, G>(
        &self,
        call: &Call<'_>,
        rules: &Rules<M>,
        shelf: &S,
        hash: u64,
        key: S::Key,
        args: M::Args<'_>,
        form: Form<W, G, S::Failure>,
    ) -> Result<M::Output, BuildError<Infallible>>
    where
        W: Fn(M::Output) -> S::Value,
        G: Fn(S::Value) -> Option<M::Output>,
    {
        let ages = rules.ages(&args);
        let mut own = None;
        let flown = call.obtain(shelf, hash, key, || {
            form.brought(M::run(args), call.terms, rules, ages, &mut own)
        });
        form.given(flown, own)
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

/// That of a table of the function's own.
pub(super) type OwnForm<O, V> = Form<fn(O) -> V, fn(V) -> Option<O>, Unshared>;

pub(super) fn own_form<M: Memoized>() -> OwnForm<M::Output, Output<M>> {
    Form {
        wrap: Output::new,
        give: |value| value.give(),
        unshared: || Unshared,
    }
}

impl<W, G, F> Form<W, G, F> {
    /// What a run of the function brings to the shelf. The leader gets its `own` output:
    /// no copy can stand for one that cannot be cloned.
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
        })
    }

    /// What the caller gets.
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
