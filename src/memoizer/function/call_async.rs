//! The same way for callers that await.

use super::again::of_shelf;
use super::at::Place;
use super::call::{Form, at_hand, current, form, form_in, given};
use super::inner::{Inner, Missed, Settled};
use crate::answered::Detailed;
use crate::drive::{Boxed, boxed};
use crate::error::BuildError;
use crate::flight::raise;
use crate::key::hash_of;
use crate::memoizer::due::{Elsewhere, Looked};
use crate::memoizer::path::{Awaiting, Call, Mode};
use crate::memoizer::shelf::Shelf;
use crate::memoizer::{MemoizedAsync, Rules, Shareable};
use crate::options::Options;
use crate::store::Caller;
use crate::table::Version;
use std::convert::Infallible;

/// The result for these arguments, in the memoizer that a call here and now means.
#[inline]
pub async fn call_async<M: MemoizedAsync + Shareable>(args: M::Args<'_>) -> M::Output {
    let missed = match at_hand::<M>() {
        None => None,
        Some(inner) => {
            let hit = inner.hit(&M::lookup(&args));
            match hit {
                Ok(output) => return output,
                Err(missed) => Some((inner, missed)),
            }
        }
    };
    not_at_hand::<M>(missed, args).await
}

/// The way of a call whose result is not at hand, in a box: a future that waits is large,
/// and one that finds its answer is small. Not in line, so that a hit is.
#[cold]
#[inline(never)]
fn not_at_hand<'a, M: MemoizedAsync + Shareable>(
    missed: Option<(&'static Inner<M>, Missed)>,
    args: M::Args<'a>,
) -> Boxed<'a, M::Output> {
    boxed(async move {
        match missed {
            Some((inner, missed)) => inner.call_in_full_async(missed, args).await,
            None => current::<M>().call_async(args).await,
        }
    })
}

impl<M: MemoizedAsync + Shareable> Inner<M> {
    pub(super) async fn call_async(&self, args: M::Args<'_>) -> M::Output {
        let hit = self.hit(&M::lookup(&args));
        match hit {
            Ok(output) => output,
            Err(missed) => self.call_in_full_async(missed, args).await,
        }
    }

    async fn call_in_full_async(&self, missed: Missed, args: M::Args<'_>) -> M::Output {
        let got = match self.settled() {
            Ok(settled) => self.ask_async(&settled, Mode::Take, missed, args).await,
            Err(error) => Err(error.into()),
        };
        got.unwrap_or_else(|error| raise(&error)).value
    }

    pub(super) async fn detailed_async(
        &self,
        options: &Options,
        args: M::Args<'_>,
    ) -> Result<Detailed<M::Output>, BuildError<Infallible>> {
        let settled = self.settled_with(options)?;
        let missed = self.not_looked(&args);
        boxed(self.ask_async(&settled, Mode::Take, missed, args)).await
    }

    pub(super) async fn refresh_async(
        &self,
        args: M::Args<'_>,
    ) -> Result<M::Output, BuildError<Infallible>> {
        let settled = self.settled()?;
        let missed = self.not_looked(&args);
        let asked = boxed(self.ask_async(&settled, Mode::Refresh, missed, args)).await;
        asked.map(|answer| answer.value)
    }

    async fn ask_async(
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
            Caller::Awaits,
            terms,
            etag.as_ref(),
            groups.as_ref(),
            mode,
            missed,
        );
        let again = match self.settings.works.spawns() {
            true => self.again(settled, mode),
            false => None,
        };
        let place = self.place(terms, &M::lookup(&args));
        let output = match place {
            Place::Own(table) => {
                let looked = self.look_in_table(&call, table, (hash, nothing), &args);
                let (key, looked) = match looked {
                    Ok(output) => return Ok(call.detailed(output)),
                    Err(missed) => missed,
                };
                let errand = again
                    .as_ref()
                    .map(|again| |job, seen| again.awaited_in_table(job, seen));
                let elsewhere = errand.as_ref().map(|errand| of_shelf(table, errand));
                self.build_async(
                    &call,
                    rules,
                    table,
                    hash,
                    key,
                    (looked, elsewhere),
                    args,
                    form(),
                )
                .await
            }
            Place::Shared(shared) => {
                let hash = hash_of(&shared.text);
                let coding = shared.coding();
                let shelf = shared.shelf(coding.as_ref(), terms)?;
                let looked = call.look(&shelf, hash, &&shared.text).await;
                let looked = match given(looked, &shared) {
                    Ok(output) => return Ok(call.detailed(output)),
                    Err(looked) => looked,
                };
                let key = &shared.key;
                let errand = again
                    .as_ref()
                    .map(|again| |job, seen| again.awaited_in_store(key, job, seen));
                let elsewhere = errand.as_ref().map(|errand| of_shelf(&shelf, errand));
                self.build_async(
                    &call,
                    rules,
                    &shelf,
                    hash,
                    shared.text.clone(),
                    (looked, elsewhere),
                    args,
                    form_in(&shared),
                )
                .await
            }
        };
        output.map(|value| call.detailed(value))
    }

    /// Runs the function, or joins who runs it; or takes what is due.
    #[allow(clippy::too_many_arguments)] // what a call has come to so far
    async fn build_async<S: Shelf, W, G>(
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
        let build = Awaiting(async {
            let output = M::run_async(args).await;
            form.brought(output, call.terms, rules, ages, &mut own)
        });
        let flown = call.answer_in_full(shelf, hash, key, looked, elsewhere, build);
        let flown = flown.await;
        form.given(flown, own.filter(|_| !call.took_due()))
    }
}
