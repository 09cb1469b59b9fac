//! What is done in the background about what is due.

use super::{Due, Seen, Spare};
use crate::answered::Answered;
use crate::decide::Verdict;
use crate::drive::caught;
use crate::entry::Entry;
use crate::error::BuildError;
use crate::flight::message_of;
use crate::memoizer::path::{Builds, Call};
use crate::memoizer::shelf::{Done, Shelf};
use crate::refresh::{Ended, Job};

/// What a job has found to be done.
enum Found<V> {
    /// A build, with this to fall back on.
    ToBuild(Option<Due<V>>),
    /// Nothing: it is there.
    Fresh(Entry<V>),
    /// Nothing: it was deleted meanwhile, and nobody is known to want it.
    Needless,
}

impl Call<'_> {
    /// Does a job: looks again, and builds what `build` says with what is kept.
    pub(crate) async fn work<S: Shelf, B: Builds<S>>(
        &self,
        shelf: &S,
        hash: u64,
        job: Job<S::Key, Done<S>>,
        seen: Option<Seen>,
        build: impl FnOnce(Option<&Entry<S::Value>>) -> B,
    ) {
        let key = job.key().clone();
        let due = match self.look_for_job(shelf, hash, &key, seen).await {
            Found::ToBuild(due) => due,
            Found::Fresh(entry) => {
                return job.done(Ended {
                    how: Answered::Hit,
                    outcome: Ok(entry),
                });
            }
            Found::Needless => return,
        };
        let spare = due.map(|due| Spare::new(key.clone(), due));
        let build = build(spare.as_ref().map(Spare::entry));
        // A panic is for who waits. Who leads has told it.
        let flown = caught(build.fly(self, shelf, hash, key, spare.as_ref(), None)).await;
        let outcome = flown.unwrap_or_else(|payload| {
            let site = shelf.flights().site(job.key());
            Err(BuildError::panicked(site, message_of(&*payload)))
        });
        // What has rested is no news: another's build has failed.
        if !spare.is_some_and(|spare| spare.has_rested()) {
            let how = self.how();
            job.done(Ended { how, outcome });
        }
    }

    /// What there is to be done, now that the job has come to its turn.
    async fn look_for_job<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: &S::Key,
        seen: Option<Seen>,
    ) -> Found<S::Value> {
        let kept = self.find(shelf, hash, &key).await.ok().flatten();
        let (entry, seen) = match (kept, seen) {
            (None, Some(_)) => return Found::Needless,
            (None, None) => return Found::ToBuild(None),
            (Some(entry), seen) => (entry, seen),
        };
        match (self.verdict(shelf.holder(), &entry).await, seen) {
            (Verdict::Missing, Some(_)) => Found::Needless,
            (verdict, Some(seen)) if seen.is_before(&entry, verdict) => Found::Fresh(entry),
            (verdict, None) if verdict.is_fresh() => Found::Fresh(entry),
            (Verdict::Fresh | Verdict::Early | Verdict::Stale, Some(seen)) => {
                let verdict = seen.verdict;
                Found::ToBuild(Some(Due { entry, verdict }))
            }
            _ => Found::ToBuild(None),
        }
    }
}
