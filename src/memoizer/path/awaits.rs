//! The same way for callers that await.

use super::{Attempt, Brought, Call, Run, on_its_own};
use crate::clock::{Moment, Started};
use crate::entry::Entry;
use crate::error::BuildError;
use crate::flight::{Awaits, Made, Stopped, caught};
use crate::memoizer::observe::Event;
use crate::memoizer::shelf::Shelf;
use std::panic::resume_unwind;

impl Call<'_> {
    /// As [`obtain`](Call::obtain), for a caller that awaits.
    pub(crate) async fn obtain_async<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: S::Key,
        build: impl Future<Output = Result<Brought<S::Value>, S::Failure>>,
    ) -> Result<Entry<S::Value>, BuildError<S::Failure>> {
        let lock = self.wanted(shelf, &key);
        let alone = self.builds_alone(None).then(|| key.clone());
        let mut attempt = Attempt::new(self, shelf, hash, lock.as_ref(), build);
        let mut flown = shelf.flights().fly_async(hash, key, &mut attempt).await;
        let Attempt {
            held, build, run, ..
        } = attempt;
        if let Some(held) = held {
            held.release().await;
        }
        if let Err(BuildError::TimedOut(_)) = &flown
            && let Some((key, build)) = alone.zip(build)
        {
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
        let built = self.call.run_async(self.hash, build, started, &self.run);
        built.await.map(Made::Built).map_err(Stopped::Failed)
    }
}
