//! The way of every call that asks a memoizer: look, decide, join or lead, lock,
//! look again, build, publish, land.
//!
//! What a call does about an entry that is neither fresh nor nothing is in `due`.

mod attempt;
#[cfg(feature = "async")]
mod awaits;
mod builds;

#[cfg(feature = "async")]
pub(crate) use builds::Awaiting;
pub(crate) use builds::{Blocking, Builds};

use crate::answered::{Answered, Detailed};
use crate::built::Keeping;
use crate::clock::{Stamp, Started, Watch, nanos};
use crate::decide::{Demand, Facts, Verdict, accepts_joined, asks_for_time, decide};
use crate::drive::at_once;
use crate::entry::Entry;
use crate::error::{BuildError, NotLocked};
use crate::etag::Etag;
use crate::flight::{Flown, How, Patience, Stopped};
use crate::generation::{Marks, Recorded};
use crate::key::{Lookup, hash_of};
use crate::memoizer::due::{Due, Limit, Looked, Spare};
use crate::memoizer::groups::{Asked, Holder};
use crate::memoizer::observe::{Event, Log};
use crate::memoizer::shelf::{Displaces, Shelf};
use crate::memoizer::works::Works;
use crate::options::{Ages, Answer, LockChoice, OnLockTimeout, Terms};
use crate::store::{Caller, Guards, Holds, Locked, StoreError};
use crate::sync::{Flag, Number};
use crate::table::Version;
use attempt::Attempt;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

/// One call: what it wants, and who is told of it.
pub(crate) struct Call<'c> {
    /// How it waits for the store.
    pub(crate) caller: Caller,
    pub(crate) terms: &'c Terms,
    pub(crate) demand: Demand<'c>,
    pub(crate) clock: &'c Watch,
    pub(crate) log: Log<'c>,
    pub(crate) mode: Mode,
    /// The groups that its result is in, if it is in any.
    pub(crate) groups: Option<&'c Asked>,
    /// As of when nothing was there, if that is known.
    pub(crate) missed: Version,
    /// What is done in the background.
    pub(crate) works: &'c Works,
    pub(crate) track: Track,
}

/// What has come of a call so far.
pub(crate) struct Track {
    /// Whether it has waited for a flight of each of its keys, in vain. Those that it
    /// joins after that have begun after the call.
    pub(super) waited: Flag,
    /// How its answer came about.
    how: Number,
    /// Whether that is what was due.
    pub(super) took_due: Flag,
    /// Whether the store has failed.
    faulted: Flag,
}

impl Default for Track {
    fn default() -> Self {
        Track {
            waited: Flag::default(),
            how: Number::new(Answered::Hit.number()),
            took_due: Flag::default(),
            faulted: Flag::default(),
        }
    }
}

/// What a call does with what is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Takes it, if it is fresh.
    Take,
    /// Builds anew and replaces it.
    Refresh,
}

/// What a function brought.
pub(crate) struct Brought<V> {
    pub(crate) value: V,
    pub(crate) answer: Answer,
    /// The ages that it has of its own, if any.
    pub(crate) ages: Option<Ages>,
    /// What the fresh value says of its own make.
    pub(crate) etag: Option<Etag>,
    /// Whether it is what was kept, which holds.
    pub(crate) is_not_modified: bool,
    /// As what it is kept, where it says so itself.
    pub(crate) keeping: Keeping,
    /// The tags that it has, by the keys of their generations, where it says so itself.
    pub(crate) told: Option<Box<[Arc<String>]>>,
}

impl Call<'_> {
    /// The verdict on an entry, as of now. The clock is read only if it matters.
    pub(crate) async fn verdict<V>(&self, holder: Holder<'_>, entry: &Entry<V>) -> Verdict {
        let facts = self.facts(holder, entry).await;
        self.verdict_on(facts)
    }

    #[inline]
    fn verdict_on(&self, facts: Facts<'_>) -> Verdict {
        let now = match asks_for_time(facts, self.demand) {
            true => self.clock.now(),
            false => Stamp::from_nanos(0),
        };
        decide(facts, self.demand, now)
    }

    /// What is there for this call. Tells what it finds.
    pub(crate) async fn look<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        asked: &impl Lookup<S::Key>,
    ) -> Looked<S::Value> {
        if self.mode == Mode::Refresh {
            shelf.take_over(asked);
            return Looked::Nothing;
        }
        let found = self.find(shelf, hash, asked).await;
        self.judge(shelf.holder(), found).await
    }

    /// The same, for a caller that blocks. What is at hand is looked at without more ado.
    #[inline]
    pub(crate) fn look_at_once<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        asked: &impl Lookup<S::Key>,
    ) -> Looked<S::Value> {
        let is_plain = self.mode == Mode::Take && self.groups.is_none();
        let at_hand = is_plain.then(|| shelf.at_hand(hash, asked)).flatten();
        let Some(found) = at_hand else {
            return at_once(self.look(shelf, hash, asked));
        };
        let Some(entry) = self.there(found) else {
            return Looked::Nothing;
        };
        let verdict = match entry.groups() {
            [] => self.verdict_on(Facts::from(&entry)),
            _ => at_once(self.verdict(shelf.holder(), &entry)),
        };
        self.looked(entry, verdict)
    }

    /// What has been found, for this call. Tells what it is, but for what is due: that,
    /// whoever does something about it tells.
    pub(crate) async fn judge<V>(
        &self,
        holder: Holder<'_>,
        found: Result<Option<Entry<V>>, StoreError>,
    ) -> Looked<V> {
        let Some(entry) = self.there(found) else {
            return Looked::Nothing;
        };
        let verdict = self.verdict(holder, &entry).await;
        self.looked(entry, verdict)
    }

    /// What has been found, if it is anything.
    #[inline]
    fn there<V>(&self, found: Result<Option<Entry<V>>, StoreError>) -> Option<Entry<V>> {
        let there = found.unwrap_or_else(|fault| {
            self.fault(&fault);
            None
        });
        if there.is_none() {
            self.log.tell(Event::Miss);
        }
        there
    }

    /// What an entry with this verdict on it is for the call.
    #[inline]
    fn looked<V>(&self, entry: Entry<V>, verdict: Verdict) -> Looked<V> {
        match verdict {
            Verdict::Fresh => {
                self.log.tell(Event::Hit);
                return Looked::Answer(entry);
            }
            verdict @ (Verdict::Early | Verdict::Stale) => {
                return Looked::Due(Due { entry, verdict });
            }
            Verdict::Missing => self.log.tell(Event::Miss),
            Verdict::Expired => self.log.tell(Event::Expired),
            Verdict::Changed => self.log.tell(Event::EtagChanged),
        }
        Looked::Nothing
    }

    /// Tells that the store has failed.
    fn fault(&self, fault: &StoreError) {
        self.track.faulted.set(true);
        self.log.tell(Event::StoreFault(fault));
    }

    /// An answer to this call, and how it came about.
    pub(crate) fn detailed<V>(&self, value: V) -> Detailed<V> {
        let how = self.how();
        Detailed { value, how }
    }

    /// How the answer came about, so far.
    pub(super) fn how(&self) -> Answered {
        Answered::numbered(self.track.how.get())
    }

    /// Whether the answer is what was due, and no build's.
    pub(crate) fn took_due(&self) -> bool {
        self.track.took_due.get()
    }

    /// Takes note of how the answer came about.
    pub(super) fn came(&self, how: Answered) {
        self.track.how.set(how.number());
    }

    /// The same again, and in silence: a store that fails has been told of.
    pub(crate) async fn look_again<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        asked: &impl Lookup<S::Key>,
    ) -> Option<Entry<S::Value>> {
        if !self.looks_again(shelf, hash) {
            return None;
        }
        let entry = self.find(shelf, hash, asked).await.ok().flatten()?;
        let verdict = self.verdict(shelf.holder(), &entry).await;
        verdict.is_fresh().then_some(entry)
    }

    /// Whether a second look may find what the first has not.
    #[inline]
    fn looks_again<S: Shelf>(&self, shelf: &S, hash: u64) -> bool {
        self.mode == Mode::Take && shelf.may_have_changed(hash, self.missed)
    }

    /// Gets what was not there a moment ago: by building it, or from who builds it. With
    /// `spare` at hand, a second look is content with what is newer alone.
    pub(super) fn fly<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: S::Key,
        spare: Option<&Spare<S>>,
        limit: Option<Limit>,
        build: impl FnOnce() -> Result<Brought<S::Value>, S::Failure>,
    ) -> Result<Entry<S::Value>, BuildError<S::Failure>> {
        let lock = self.wanted(shelf, &key);
        let alone = self.builds_alone(limit) && spare.is_none();
        let alone = alone.then(|| key.clone());
        let mut attempt = Attempt::new(self, shelf, hash, lock.as_ref(), build);
        (attempt.spare, attempt.limit) = (spare, limit);
        let mut flown = shelf.flights().fly(hash, key, &mut attempt);
        let Attempt {
            held, build, run, ..
        } = attempt;
        if let Some(held) = held {
            at_once(held.release());
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
            let built = self.run(hash, build, self.clock.start(), &run);
            flown = on_its_own(shelf, &key, built);
        }
        let outcome = self.conclude(flown, &run);
        if self.needs_room(shelf, &run) {
            at_once(self.tidy(shelf));
        }
        outcome
    }

    /// The lock that is to be held, if there is one.
    fn wanted<'s, S: Shelf>(&'s self, shelf: &'s S, key: &S::Key) -> Option<Wanted<'s, S::Key>> {
        self.guards(shelf).map(|guards| Wanted {
            guards,
            text: shelf.text(key, self.terms),
            key: key.clone(),
        })
    }

    /// What comes after the landing. A function of its own: builds nest, and what is
    /// in here need not be on the stack while they do.
    #[inline(never)]
    fn conclude<V, F>(
        &self,
        flown: Result<Flown<Entry<V>>, BuildError<F>>,
        run: &Run,
    ) -> Result<Entry<V>, BuildError<F>> {
        let outcome = match flown {
            Ok(flown) => {
                match flown.how {
                    How::Found => {
                        self.came(Answered::Hit);
                        self.log.tell(Event::Hit);
                    }
                    How::Joined => {
                        self.came(Answered::Joined);
                        self.log.tell(Event::Joined);
                    }
                    How::Built => self.built(run),
                }
                Ok(flown.value)
            }
            Err(error) => {
                let landed = matches!(error, BuildError::Failed(_) | BuildError::Panicked(_));
                if landed && !run.ran.get() {
                    self.log.tell(Event::Joined);
                }
                Err(error)
            }
        };
        if run.built.get() {
            let took = Duration::from_nanos(run.nanos.get());
            self.log.tell(Event::Built { took });
        }
        outcome
    }

    /// Whether room is to be made after a put, with nobody waiting for the flight any more.
    #[inline]
    fn needs_room<S: Shelf>(&self, shelf: &S, run: &Run) -> bool {
        if !run.put.get() {
            return false;
        }
        self.log.evicted(run.evicted.get() as usize);
        shelf.expires()
    }

    /// Takes note that the answer is of this call's own build.
    fn built(&self, run: &Run) {
        self.came(
            match (run.is_not_modified.get(), self.track.faulted.get()) {
                (true, _) => Answered::NotModified,
                (false, true) => Answered::StoreFault,
                (false, false) => Answered::Built,
            },
        );
        if run.is_not_modified.get() {
            self.log.tell(Event::NotModified);
        }
    }

    /// Runs the function, with nothing locked but the lock that was asked for.
    ///
    /// User code. An error or a panic goes on from here, and nothing is kept; if it
    /// asks for its own key, that call gets the circle as an error.
    fn run<V, F>(
        &self,
        hash: u64,
        build: impl FnOnce() -> Result<Brought<V>, F>,
        started: Started<'_>,
        run: &Run,
    ) -> Result<Entry<V>, F> {
        run.ran.set(true);
        let brought = catch_unwind(AssertUnwindSafe(build)).unwrap_or_else(|payload| {
            self.log.tell(Event::Failed);
            resume_unwind(payload)
        });
        let took = started.elapsed();
        self.ran(hash, brought, took, run)
    }

    /// What comes after the function has run.
    #[inline(never)]
    fn ran<V, F>(
        &self,
        hash: u64,
        brought: Result<Brought<V>, F>,
        took: Duration,
        run: &Run,
    ) -> Result<Entry<V>, F> {
        let brought = brought.inspect_err(|_| self.log.tell(Event::Failed))?;
        match brought.answer {
            Answer::Error => self.log.tell(Event::Failed),
            Answer::Value | Answer::Nothing => {
                run.built.set(true);
                run.nanos.set(nanos(took));
            }
        }
        run.is_not_modified.set(brought.is_not_modified);
        Ok(self.entry(hash, brought, took, run))
    }

    /// A result that has just been built, as it is kept.
    pub(super) fn entry<V>(
        &self,
        hash: u64,
        brought: Brought<V>,
        took: Duration,
        run: &Run,
    ) -> Entry<V> {
        let created = self.clock.now();
        let random = || hash_of(&(hash, created));
        let expires = self
            .terms
            .expires(brought.answer, brought.ages.as_ref(), created, random);
        if expires.is_none() || brought.keeping == Keeping::Not {
            run.drops.set(true);
        }
        let stale = self.terms.stale(brought.answer, brought.ages.as_ref());
        let marks = match brought.told {
            None => self.marks(brought.etag, stale),
            Some(told) => self.marks_told(brought.etag, &told, stale, run),
        };
        let marks = match brought.keeping {
            Keeping::Negative => Marks::negative(marks),
            Keeping::Value | Keeping::Not => marks,
        };
        Entry {
            value: brought.value,
            created,
            expires: expires.unwrap_or(created),
            marks,
            took: took.as_secs_f32(),
        }
    }

    /// The marks of a result whose build has said which tags it has. With one that is not
    /// known, it is for the callers alone.
    #[cold]
    fn marks_told(
        &self,
        own: Option<Etag>,
        told: &[Arc<String>],
        stale: u64,
        run: &Run,
    ) -> Option<Arc<Marks>> {
        let carried = std::mem::take(&mut *run.carried.lock());
        match self.told(told, &carried) {
            Ok(groups) => self.marks_in(own, groups, stale),
            Err(fault) => {
                self.fault(&fault);
                run.drops.set(true);
                None
            }
        }
    }

    /// Whether what somebody else's build ended with is an answer to this call.
    pub(super) async fn accepts<S: Shelf>(
        &self,
        shelf: &S,
        landed: Result<&Entry<S::Value>, &BuildError<S::Failure>>,
    ) -> bool {
        if self.mode == Mode::Refresh {
            return false;
        }
        match landed {
            Ok(entry) => {
                shelf.knows(Ok(&entry.value))
                    && accepts_joined(self.joined(shelf.holder(), entry).await, self.demand)
            }
            // A lock that another call wanted, and could not do without.
            Err(BuildError::NotLocked(_)) => {
                self.terms.on_lock_timeout == OnLockTimeout::Error && self.guards(shelf).is_some()
            }
            // It took longer than another call had for it.
            Err(BuildError::TimedOut(_)) => self.terms.hard_timeout().is_some(),
            Err(error) => error
                .failure()
                .is_none_or(|failure| shelf.knows(Err(failure))),
        }
    }

    pub(super) async fn put<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        key: S::Key,
        entry: &Entry<S::Value>,
        lease: Option<Holds<'_>>,
        run: &Run,
    ) -> Option<S::Displaced> {
        let put = shelf.put(self.caller, hash, key, entry, lease).await;
        self.has_put(put, run)
    }

    /// Takes note of what a put has come to.
    #[inline]
    fn has_put<D: Displaces>(&self, put: Result<D, StoreError>, run: &Run) -> Option<D> {
        let displaced = put.inspect_err(|fault| self.fault(fault)).ok()?;
        run.put.set(true);
        run.evicted.set(displaced.evicted() as u64);
        Some(displaced)
    }

    /// Gives up some of what has expired, if results can expire.
    pub(crate) async fn tidy<S: Shelf>(&self, shelf: &S) {
        if shelf.expires() {
            let now = self.clock.now();
            self.log.evicted(shelf.tidy(self.caller, now).await);
        }
    }

    /// What guards a build against being done elsewhere at the same time.
    pub(super) fn guards<'s, S: Shelf>(&'s self, shelf: &'s S) -> Option<Guards<'s>> {
        match &self.terms.lock {
            LockChoice::Stores => shelf.guards(),
            LockChoice::Own(lock) => Some(Guards::Lock(lock)),
            LockChoice::None => None,
        }
    }

    /// How long to wait for somebody else's build.
    pub(super) fn patience(&self, limit: Option<Limit>) -> Patience {
        let limit = limit.map(|limit| limit.time);
        match limit.into_iter().chain(self.terms.join_timeout).min() {
            Some(timeout) => Patience::For(timeout),
            None => Patience::Endless,
        }
    }

    /// Whether this call builds on its own when somebody else's build takes longer
    /// than it is willing to wait.
    pub(super) fn builds_alone(&self, limit: Option<Limit>) -> bool {
        let Some(timeout) = self.terms.join_timeout else {
            return false;
        };
        let is_first = limit.is_none_or(|limit| timeout < limit.time);
        is_first && self.terms.on_lock_timeout == OnLockTimeout::Build
    }

    /// Acquires the lock, or says what to do without.
    pub(super) async fn hold<'w, F>(
        &self,
        guards: Guards<'w>,
        text: &'w str,
        run: &Run,
    ) -> Result<Option<Locked<'w>>, Stopped<F>> {
        let (timeout, began) = (self.terms.lock_timeout, self.clock.elapsed());
        let acquired = Locked::acquire(self.caller, guards, text, timeout).await;
        let waited = self.clock.elapsed().saturating_sub(began);
        self.log.tell(Event::LockWaited {
            waited,
            acquired: matches!(acquired, Ok(Some(_))),
        });
        let cause = match acquired {
            Ok(Some(locked)) => return Ok(Some(locked)),
            Ok(None) => None,
            Err(fault) => {
                self.fault(&fault);
                Some(fault.to_string())
            }
        };
        match self.terms.on_lock_timeout {
            OnLockTimeout::Build => {
                run.drops.set(true);
                Ok(None)
            }
            OnLockTimeout::Error => {
                let error = NotLocked::new(text, timeout, cause);
                Err(Stopped::Because(BuildError::NotLocked(error)))
            }
        }
    }
}

impl Run {
    /// Takes note of whether the generations are known that its result is to record. If
    /// they are not, nobody could tell when it is over.
    #[inline]
    pub(super) fn knows_groups(&self, is_known: bool) {
        if !is_known {
            self.drops.set(true);
        }
    }
}

/// What came of a build in no flight.
#[cold]
fn on_its_own<S: Shelf>(
    shelf: &S,
    key: &S::Key,
    built: Result<Entry<S::Value>, S::Failure>,
) -> Result<Flown<Entry<S::Value>>, BuildError<S::Failure>> {
    let how = How::Built;
    built
        .map(|value| Flown { value, how })
        .map_err(|failure| BuildError::failed(shelf.flights().site(key), failure))
}

/// A lock to acquire, and for which key.
struct Wanted<'w, K> {
    guards: Guards<'w>,
    text: String,
    key: K,
}

/// What became of a run of the function.
#[derive(Default)]
pub(super) struct Run {
    /// The function has run, or has begun to.
    ran: Flag,
    /// Its result has been put.
    put: Flag,
    /// It brought a value, which took so many nanoseconds.
    built: Flag,
    nanos: Number,
    /// The groups of what is at hand that are not the call's, before the build.
    carried: Mutex<Box<[Recorded]>>,
    /// It said that what is kept holds.
    is_not_modified: Flag,
    /// Its result is for the callers alone.
    pub(super) drops: Flag,
    /// How many others gave way to it.
    evicted: Number,
}
