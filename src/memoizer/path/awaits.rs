//! The same way for callers that await.

use super::{Attempt, Brought, Call, Run, on_its_own};
use crate::answered::Answered;
use crate::clock::{Moment, Started};
use crate::drive::{caught, wake_by};
use crate::entry::Entry;
use crate::error::BuildError;
use crate::flight::{Awaits, Made, Stopped};
use crate::memoizer::due::{Limit, Spare};
use crate::memoizer::observe::Event;
use crate::memoizer::shelf::{Outcome, Shelf};
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

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
        let most = limit.and_then(Limit::hard);
        let build = Timed {
            most: most.map(|time| (key.clone(), time)),
            build,
        };
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
            let built = self.run_async(hash, build.build, started, &run).await;
            flown = on_its_own(shelf, &key, built);
        }
        let outcome = self.conclude(flown, &run);
        if self.needs_room(shelf, &run) {
            self.tidy(shelf).await;
        }
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

/// A build that is dropped if it takes too long: of this key, so much time. That counts as
/// failed.
struct Timed<K, B> {
    most: Option<(K, Duration)>,
    build: B,
}

impl<S, B> Awaits<S::Key, Entry<S::Value>, S::Failure> for Attempt<'_, S, Timed<S::Key, B>>
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
        let Timed { most, build } = self.build.take().expect("a call leads one build");
        let started = self.start(began);
        if let Some(spare) = self.spare {
            self.carry(spare).await;
        }
        let run = self.call.run_async(self.hash, build, started, &self.run);
        let ran = caught(in_time(most.as_ref().map(|(_, time)| *time), run)).await;
        // After the run: one that is dropped has not failed, and another caller builds in
        // its place.
        let failing = self.spare.map(|spare| self.failing(spare));
        let built = ran.unwrap_or_else(|payload| resume_unwind(payload));
        let Some(built) = built else {
            self.call.log.tell(Event::Failed);
            let (key, time) = most.expect("without a limit it is not too late");
            let site = self.shelf.flights().site(&key);
            return Err(Stopped::Because(BuildError::timed_out(site, time)));
        };
        let entry = built.map_err(Stopped::Failed)?;
        if let Some(failing) = failing {
            self.judge(failing, &entry);
        }
        Ok(Made::Built(entry))
    }
}

/// What the future comes to, if it does so in time.
async fn in_time<F: Future>(most: Option<Duration>, future: F) -> Option<F::Output> {
    let deadline = most.and_then(|time| Instant::now().checked_add(time));
    let mut future = pin!(future);
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Poll::Ready(None);
        }
        wake_by(deadline);
        Poll::Pending
    })
    .await
}
