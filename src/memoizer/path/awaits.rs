//! The same way for callers that await.

use super::{Attempt, Brought, Call, Run, on_its_own};
use crate::answered::Answered;
use crate::clock::{Moment, Started};
use crate::drive::caught;
use crate::entry::Entry;
use crate::error::BuildError;
use crate::flight::{Awaits, Made, Stopped};
use crate::memoizer::due::{Limit, Spare};
use crate::memoizer::observe::Event;
use crate::memoizer::shelf::{Outcome, Shelf};
use std::panic::resume_unwind;

impl Call<'_> {
    /// As [`fly`](Call::fly), for a caller that awaits.
    pub(super) async fn fly_async<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: S::Key,
        spare: Option<&Spare<S>>,
        limit: Option<Limit>,
        build: impl Future<Output = Result<Brought<S::Value>, S::Failure>>,
    ) -> Outcome<S> {
        let lock = self.wanted(shelf, &key);
        let alone = self.builds_alone(limit) && spare.is_none();
        let alone = alone.then(|| key.clone());
        let mut attempt = Attempt::new(self, shelf, hash, lock.as_ref(), build);
        (attempt.spare, attempt.limit) = (spare, limit);
        let mut flown = shelf.flights().fly_async(hash, key, &mut attempt).await;
        let Attempt {
            held, build, run, ..
        } = attempt;
        if let Some(held) = held {
            held.release().await;
        }
        if let Some(spare) = spare
            && spare.has_rested()
        {
            return flown.map(|flown| flown.value);
        }
        if let Err(BuildError::TimedOut(_)) = &flown
            && let Some((key, build)) = alone.zip(build)
        {
            self.came(Answered::Built);
            let started = self.clock.start();
            let built = self.run_async(hash, build, started, &run).await;
            flown = on_its_own(shelf, &key, built);
        }
        let outcome = self.conclude(flown, &run);
        self.make_room(shelf, &run).await;
        outcome
    }

    /// As [`run`](Call::run), of a function that is awaited.
    async fn run_async<V, F>(
        &self,
        hash: u64,
        build: impl Future<Output = Result<Brought<V>, F>>,
        started: Started<'_>,
        run: &Run,
    ) -> Result<Entry<V>, F> {
        run.ran.set(true);
        let brought = caught(build).await.unwrap_or_else(|payload| {
            self.log.tell(Event::Failed);
            resume_unwind(payload)
        });
        let took = started.elapsed();
        self.ran(hash, brought, took, run)
    }
}

impl<S, B> Awaits<S::Key, Entry<S::Value>, S::Failure> for Attempt<'_, S, B>
where
    S: Shelf,
    B: Future<Output = Result<Brought<S::Value>, S::Failure>>,
{
    async fn look(&mut self, key: &S::Key) -> Option<Entry<S::Value>> {
        self.again(key).await
    }

    async fn build(&mut self, began: Moment) -> Result<Made<Entry<S::Value>>, Stopped<S::Failure>> {
        if let Some(entry) = self.prepare().await? {
            return Ok(Made::Found(entry));
        }
        let build = self.build.take().expect("a call leads one build");
        let started = self.start(began);
        if let Some(spare) = self.spare {
            self.carry(spare).await;
        }
        let ran = caught(self.call.run_async(self.hash, build, started, &self.run)).await;
        // After the run: one that is dropped has not failed, and another caller builds in
        // its place.
        let failing = self.spare.map(|spare| self.failing(spare));
        let built = ran.unwrap_or_else(|payload| resume_unwind(payload));
        let entry = built.map_err(Stopped::Failed)?;
        if let Some(failing) = failing {
            self.judge(failing, &entry);
        }
        Ok(Made::Built(entry))
    }
}
