//! The same for what is awaited.

use super::again::Again;
use super::call::{form, form_in};
use super::inner::{Inner, Settled};
use crate::context::Context;
use crate::drive::boxed;
use crate::entry::{AnyValue, Entry};
use crate::key::hash_of;
use crate::memoizer::due::Seen;
use crate::memoizer::path::Awaiting;
use crate::memoizer::shelf::Done;
use crate::memoizer::table::Table;
use crate::memoizer::works::Errand;
use crate::memoizer::{MemoizedAsync, Shareable};
use crate::refresh::{Ended, Job};
use crate::store::{AnyFailure, Caller};

impl<M: MemoizedAsync + Shareable> Inner<M> {
    /// Does a job for the function's own table.
    async fn work_in_table_async(
        &self,
        settled: &Settled<M>,
        job: Job<M::Key, Done<Table<M>>>,
        seen: Option<Seen>,
        key: &M::Key,
    ) {
        let Settled { terms, rules } = settled;
        let Some(said) = M::from_key(key, |args| self.said(settled, &args)) else {
            return;
        };
        let Some(run) = M::run_from_key(key) else {
            return;
        };
        let call = self.for_job(Caller::Awaits, terms, &said);
        let table = self.table(terms.namespace.as_ref());
        let (form, ages) = (form::<M>(), said.ages);
        let build = async { form.brought(run.await, terms, rules, ages, &mut None) };
        call.work(table, said.hash, job, seen, |_| Awaiting(build))
            .await;
    }

    /// Does a job for a shared store.
    async fn work_in_store_async(
        &self,
        settled: &Settled<M>,
        job: Job<String, Ended<Entry<AnyValue>, AnyFailure>>,
        seen: Option<Seen>,
        key: &M::Key,
    ) {
        let Settled { terms, rules } = settled;
        let Some(said) = M::from_key(key, |args| self.said(settled, &args)) else {
            return;
        };
        let Some(run) = M::run_from_key(key) else {
            return;
        };
        let call = self.for_job(Caller::Awaits, terms, &said);
        let shared = self.place_of_job(terms, &key);
        let coding = shared.coding();
        let Ok(shelf) = shared.shelf(coding.as_ref(), terms) else {
            unreachable!("the call that sent it here has been refused");
        };
        let (hash, form, ages) = (hash_of(&shared.text), form_in(&shared), said.ages);
        let build = async { form.brought(run.await, terms, rules, ages, &mut None) };
        call.work(&shelf, hash, job, seen, |_| Awaiting(build))
            .await;
    }
}

impl<M: MemoizedAsync + Shareable> Again<'_, M> {
    pub(super) fn awaited_in_table(
        &self,
        job: Job<M::Key, Done<Table<M>>>,
        seen: Option<Seen>,
    ) -> Errand {
        let (held, settled) = (self.held.clone(), self.settled.clone());
        Errand::Awaits(boxed(Context::of_job(job.promise()).attach(async move {
            let key = job.key().clone();
            held.work_in_table_async(&settled, job, seen, &key).await;
        })))
    }

    pub(super) fn awaited_in_store(
        &self,
        key: &M::Key,
        job: Job<String, Ended<Entry<AnyValue>, AnyFailure>>,
        seen: Option<Seen>,
    ) -> Errand {
        let (held, settled, key) = (self.held.clone(), self.settled.clone(), key.clone());
        Errand::Awaits(boxed(Context::of_job(job.promise()).attach(async move {
            held.work_in_store_async(&settled, job, seen, &key).await;
        })))
    }
}
