//! What a call does about an entry that is due: still fresh and to be refreshed, or
//! stale. It takes it, has it refreshed in the background, waits for that, or builds
//! and falls back on it.
//!
//! ```text
//!   course ── Take ───────────────────────────────────────────► the entry
//!      │
//!      ├── TakeAndRefresh ── a job, if there is none ─────────► the entry
//!      ├── WaitFor(time) ─── the same ── wait ── in time ─────► what the job brings
//!      │                                   └──── too late ────► the entry
//!      └── BuildOrTake ───── fly ── built ────────────────────► the value
//!                              └─── failed: note it ──────────► the entry
//! ```
//!
//! A build goes to the background only where it can be had again there: by a function
//! that can be run from its key, or a closure that owns what it needs. Where it cannot,
//! the first caller does the refresh in its own thread, and the others take the entry
//! meanwhile.
//!
//! The rules are in `decide`. What is here is written once, as futures: who blocks drives
//! them on its own thread. How a build is run is all that differs, and is [`Builds`].

mod hand;
mod job;

pub(super) use hand::Failing;
pub(crate) use hand::{Due, Limit, Looked, Seen, Spare};

use super::observe::Event;
use super::path::{Blocking, Brought, Builds, Call};
use super::shelf::{Done, Outcome, Shelf};
use super::works::{Errand, is_work};
use crate::answered::Answered;
use crate::background::Full;
use crate::decide::{Course, Verdict, course};
use crate::drive::{block_on, caught};
use crate::entry::Entry;
use crate::error::BuildError;
use crate::key::Lookup;
use crate::refresh::{Begun, Job, Slot};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How a build is had in the background: the errand that does a job.
pub(crate) type Elsewhere<'e, S> =
    dyn Fn(Job<<S as Shelf>::Key, Done<S>>, Option<Seen>) -> Errand + Sync + 'e;

impl Call<'_> {
    /// Gets what the look has not brought outright. An answer that it brought was of no
    /// use, and counts as nothing. Blocks this thread.
    #[inline]
    pub(crate) fn answer<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: S::Key,
        looked: Looked<S::Value>,
        elsewhere: Option<&Elsewhere<'_, S>>,
        build: impl FnOnce() -> Result<Brought<S::Value>, S::Failure>,
    ) -> Outcome<S> {
        if looked.due().is_none() && self.terms.hard_timeout().is_none() {
            return self.fly(shelf, hash, key, None, None, build);
        }
        self.answer_blocking(shelf, hash, key, looked, elsewhere, build)
    }

    /// Not in line, as is all that builds need not have on the stack while they nest.
    #[cold]
    #[inline(never)]
    fn answer_blocking<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: S::Key,
        looked: Looked<S::Value>,
        elsewhere: Option<&Elsewhere<'_, S>>,
        build: impl FnOnce() -> Result<Brought<S::Value>, S::Failure>,
    ) -> Outcome<S> {
        block_on(self.answer_in_full(shelf, hash, key, looked, elsewhere, Blocking(build)))
    }

    /// Gets what the look has not brought outright.
    pub(crate) async fn answer_in_full<S: Shelf, B: Builds<S>>(
        &self,
        shelf: &S,
        hash: u64,
        key: S::Key,
        looked: Looked<S::Value>,
        elsewhere: Option<&Elsewhere<'_, S>>,
        build: B,
    ) -> Outcome<S> {
        let hard = self.terms.hard_timeout();
        let (due, limit) = match looked {
            Looked::Answer(_) | Looked::Nothing => (None, hard.map(Limit::hard_at)),
            Looked::Due(due) => {
                let rests = self.rests(shelf, hash, &&key, &due);
                let while_stale = self.terms.freshness().while_stale();
                let limit = match course(due.verdict, while_stale, rests) {
                    Course::Take => return Ok(self.take(due, Answered::Fallback)),
                    Course::TakeAndRefresh => Some(Limit::soft(Duration::ZERO, None)),
                    Course::WaitFor(time) => Some(Limit::soft(time, hard)),
                    Course::BuildOrTake | Course::Build => hard.map(Limit::hard_at),
                };
                (Some(due), limit)
            }
        };
        let in_time = self.in_time(shelf, hash, &key, due, limit, elsewhere);
        match in_time.await {
            Ok(outcome) => outcome,
            Err(due) => self.here(shelf, hash, key, due, limit, build).await,
        }
    }

    /// Gets the outcome of a build in the background, if there is a limit to the wait for
    /// it. If there is none to be had, what is due comes back: it is for this call to build.
    async fn in_time<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: &S::Key,
        due: Option<Due<S::Value>>,
        limit: Option<Limit>,
        elsewhere: Option<&Elsewhere<'_, S>>,
    ) -> InTime<S> {
        let may_wait = limit.is_some_and(|limit| limit.time.is_zero()) || !is_work();
        let Some((limit, elsewhere)) = limit.zip(elsewhere.filter(|_| may_wait)) else {
            return Err(due);
        };
        let seen = due.as_ref().map(Due::seen);
        let sent = self.send(shelf, hash, key, seen, elsewhere);
        match (due, sent) {
            (Some(due), Err(Full)) => Ok(Ok(self.take(due, Answered::Stale))),
            (Some(due), _) if limit.time.is_zero() => Ok(Ok(self.take(due, Answered::Stale))),
            (due, Ok(sent)) => self.await_job(shelf, hash, key, due, limit, sent).await,
            (None, Err(Full)) => Err(None),
        }
    }

    /// Has a job done, unless one is under way.
    fn send<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: &S::Key,
        seen: Option<Seen>,
        elsewhere: &Elsewhere<'_, S>,
    ) -> Result<Sent<S>, Full> {
        let what = shelf.flights().what();
        match shelf.refreshes().begin(what, hash, key) {
            Begun::Under(slot) => Ok(Sent {
                slot,
                is_first: false,
            }),
            Begun::First(job) => {
                let slot = job.slot();
                self.works.run(elsewhere(job, seen))?;
                Ok(Sent {
                    slot,
                    is_first: true,
                })
            }
        }
    }

    /// Waits for a job's outcome. If that is none for this call, what is due comes back.
    async fn await_job<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: &S::Key,
        due: Option<Due<S::Value>>,
        limit: Limit,
        sent: Sent<S>,
    ) -> InTime<S> {
        if due.is_some() {
            self.log.tell(Event::Expired);
        }
        if let Err(circle) = sent.slot.wait(limit.time).await {
            return Ok(Err(BuildError::from_circle(circle)));
        }
        let Some(ended) = sent.slot.outcome() else {
            return Ok(self.too_late(shelf, hash, key, due, limit));
        };
        let (outcome, how) = match ended {
            None => (None, Answered::Joined),
            Some(ended) if sent.is_first => (Some(&ended.outcome), ended.how),
            Some(ended) => (Some(&ended.outcome), Answered::Joined),
        };
        match (outcome, due) {
            // It was not done, since another build has failed meanwhile.
            (None, Some(due)) if self.rests(shelf, hash, &key, &due) => {
                Ok(Ok(self.take(due, Answered::Fallback)))
            }
            // Or there was no room for it, or what ran it is gone; or it was needless, since
            // the key was deleted, and then there is nothing any more to fall back on.
            (None, None) => Err(None),
            (None, Some(due)) => Err(self.still(shelf, hash, key, due).await),
            (Some(outcome), Some(due)) if falls_back(shelf, outcome) => {
                Ok(Ok(self.take(due, Answered::Fallback)))
            }
            (Some(outcome), due) => match self.accepts(shelf, outcome.as_ref()).await {
                false => Err(due),
                true => {
                    self.came(how);
                    if how == Answered::Joined {
                        self.log.tell(Event::Joined);
                    }
                    Ok(outcome.clone())
                }
            },
        }
    }

    /// What comes of a wait that was too long.
    fn too_late<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: &S::Key,
        due: Option<Due<S::Value>>,
        limit: Limit,
    ) -> Outcome<S> {
        match due {
            Some(due) if limit.is_hard => {
                self.rest(shelf, hash, key);
                Ok(self.take(due, Answered::Fallback))
            }
            Some(due) => Ok(self.take(due, Answered::Stale)),
            None => {
                let site = shelf.flights().site(key);
                Err(BuildError::timed_out(site, limit.time))
            }
        }
    }

    /// What is due, if it may still be served.
    async fn still<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: &S::Key,
        due: Due<S::Value>,
    ) -> Option<Due<S::Value>> {
        let kept = self.find(shelf, hash, &key).await.ok().flatten()?;
        let verdict = self.verdict(shelf.holder(), &kept).await;
        let may = verdict == due.verdict || verdict.is_fresh();
        (may && kept.created == due.entry.created).then_some(due)
    }

    /// Builds in this call's own thread or task, or joins who does. With something at hand
    /// that is to be served at once, only if nobody does.
    async fn here<S: Shelf, B: Builds<S>>(
        &self,
        shelf: &S,
        hash: u64,
        key: S::Key,
        due: Option<Due<S::Value>>,
        limit: Option<Limit>,
        build: B,
    ) -> Outcome<S> {
        let at_once = limit.is_some_and(|limit| limit.time.is_zero());
        let due = match due {
            Some(due) if at_once && shelf.flights().is_flying(hash, &&key) => {
                return Ok(self.take(due, Answered::Stale));
            }
            due => due,
        };
        if due
            .as_ref()
            .is_some_and(|due| due.verdict == Verdict::Stale)
        {
            self.log.tell(Event::Expired);
        }
        let spare = due.map(|due| Spare::new(key.clone(), due));
        let flown = caught(build.fly(self, shelf, hash, key, spare.as_ref(), limit)).await;
        match spare {
            None => flown.unwrap_or_else(|payload| resume_unwind(payload)),
            // A panic has been told, and noted.
            Some(spare) => self.or_spare(shelf, hash, flown, spare, limit),
        }
    }

    /// What a build has brought, or what is at hand if it has failed.
    fn or_spare<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        flown: thread::Result<Outcome<S>>,
        spare: Spare<S>,
        limit: Option<Limit>,
    ) -> Outcome<S> {
        let outcome = match flown {
            Ok(outcome) if spare.has_rested() || falls_back(shelf, &outcome) => Some(outcome),
            Ok(outcome) => return outcome,
            Err(_panic) => None,
        };
        let is_late = matches!(outcome, Some(Err(BuildError::TimedOut(_))));
        let is_soft = limit.is_some_and(|limit| !limit.is_hard);
        if is_late && is_soft {
            return Ok(self.take(spare.due, Answered::Stale));
        }
        if is_late || matches!(outcome, Some(Err(BuildError::NotLocked(_)))) {
            self.rest(shelf, hash, &spare.key);
        }
        Ok(self.take(spare.due, Answered::Fallback))
    }

    /// Answers with what is due, and tells how that came about. What is early is fresh.
    fn take<V>(&self, due: Due<V>, how: Answered) -> Entry<V> {
        let (how, event) = match (due.verdict, how) {
            (Verdict::Early, Answered::Fallback) => (Answered::Hit, Event::Hit),
            (Verdict::Early, _) => (Answered::Early, Event::Early),
            (_, Answered::Fallback) => (how, Event::Fallback),
            _ => (how, Event::Stale),
        };
        self.came(how);
        self.track.took_due.set(true);
        self.log.tell(event);
        due.entry
    }

    /// Whether a refresh has failed, and it is too soon for another.
    fn rests<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        asked: &impl Lookup<S::Key>,
        due: &Due<S::Value>,
    ) -> bool {
        let (created, now) = (due.entry.created, self.clock.now());
        shelf.refreshes().rests(hash, asked, created, now)
    }

    /// Takes note that a refresh has failed.
    fn rest<S: Shelf>(&self, shelf: &S, hash: u64, key: &S::Key) {
        let now = self.clock.now();
        let until = now.after(self.terms.freshness().retry_after());
        shelf.refreshes().failed(hash, key.clone(), until, now);
    }

    /// Looks for what is newer than what is at hand; and takes that, if another's build
    /// has failed meanwhile.
    pub(super) async fn look_past<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        asked: &impl Lookup<S::Key>,
        spare: &Spare<S>,
    ) -> Option<Entry<S::Value>> {
        let due = &spare.due;
        if let Ok(Some(entry)) = self.find(shelf, hash, asked).await {
            let verdict = self.verdict(shelf.holder(), &entry).await;
            if due.seen().is_before(&entry, verdict) {
                return Some(entry);
            }
        }
        self.rests(shelf, hash, asked, due).then(|| {
            spare.rested.set(true);
            due.entry.clone()
        })
    }
}

/// What a build in the background has come to for a call; or else what is due.
type InTime<S> = Result<Outcome<S>, Option<Due<<S as Shelf>::Value>>>;

/// A job that is under way.
struct Sent<S: Shelf> {
    slot: Arc<Slot<Done<S>>>,
    /// Whether this caller has had it done.
    is_first: bool,
}

/// Whether what a build has ended with is worse than what is stale. A circle is not: it
/// is a mistake in the program, and would go unseen.
fn falls_back<S: Shelf>(shelf: &S, outcome: &Outcome<S>) -> bool {
    match outcome {
        Ok(entry) => shelf.fails(&entry.value),
        Err(error) => matches!(
            error,
            BuildError::Failed(_)
                | BuildError::Panicked(_)
                | BuildError::TimedOut(_)
                | BuildError::NotLocked(_)
        ),
    }
}
