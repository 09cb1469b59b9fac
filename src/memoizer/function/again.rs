//! How a call is made again in the background: from its key.

use super::at::{Place, Shared};
use super::call::{form, form_in};
use super::inner::{Inner, Settled};
use crate::context::Context;
use crate::drive::block_on;
use crate::entry::{AnyValue, Entry};
use crate::etag::Etag;
use crate::held::Held;
use crate::key::{Lookup, hash_of};
use crate::memoizer::due::{Elsewhere, Seen};
use crate::memoizer::groups::Asked;
use crate::memoizer::path::{Blocking, Call, Mode};
use crate::memoizer::shelf::{Done, Shelf};
use crate::memoizer::table::Table;
use crate::memoizer::works::Errand;
use crate::memoizer::{Memoized, Shareable};
use crate::options::{Ages, Terms};
use crate::refresh::{Ended, Job};
use crate::store::{AnyFailure, Caller};
use crate::table::Version;

/// What it takes to make a call again.
pub(super) struct Again<'s, M: Memoized> {
    pub(super) held: Held<Inner<M>>,
    pub(super) settled: &'s Settled<M>,
}

impl<M: Shareable> Again<'_, M> {
    pub(super) fn in_table(&self, job: Job<M::Key, Done<Table<M>>>, seen: Option<Seen>) -> Errand {
        let (held, settled) = (self.held.clone(), self.settled.clone());
        let context = Context::of_job(job.promise());
        Errand::Blocks(Box::new(move || {
            let key = job.key().clone();
            context
                .enter(|| M::from_key(&key, |args| held.work_in_table(&settled, job, seen, args)));
        }))
    }

    pub(super) fn in_store(
        &self,
        key: &M::Key,
        job: Job<String, Ended<Entry<AnyValue>, AnyFailure>>,
        seen: Option<Seen>,
    ) -> Errand {
        let (held, settled, key) = (self.held.clone(), self.settled.clone(), key.clone());
        let context = Context::of_job(job.promise());
        Errand::Blocks(Box::new(move || {
            context
                .enter(|| M::from_key(&key, |args| held.work_in_store(&settled, job, seen, args)));
        }))
    }
}

/// What a call says by its arguments.
pub(super) struct Said {
    pub(super) hash: u64,
    pub(super) etag: Option<Etag>,
    pub(super) groups: Option<Asked>,
    pub(super) ages: Option<Ages>,
}

/// Work for a shelf whose type cannot be named.
pub(super) fn of_shelf<'e, S: Shelf>(
    _: &S,
    work: &'e (impl Fn(Job<S::Key, Done<S>>, Option<Seen>) -> Errand + Sync + 'e),
) -> &'e Elsewhere<'e, S> {
    work
}

impl<M: Shareable> Inner<M> {
    /// How a call is made again in the background, if it may be.
    pub(super) fn again<'s>(&self, settled: &'s Settled<M>, mode: Mode) -> Option<Again<'s, M>> {
        let may = M::FROM_KEY && mode == Mode::Take && settled.terms.is_for_background();
        match may {
            true => self.held().map(|held| Again { held, settled }),
            false => None,
        }
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
