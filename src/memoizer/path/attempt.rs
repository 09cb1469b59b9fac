//! What leads the flight of a call, or follows another's: it looks again, holds the lock,
//! runs the function and puts the result.

use super::{Brought, Call, Run, Wanted};
use crate::clock::{Moment, Started};
use crate::drive::at_once;
use crate::entry::Entry;
use crate::error::BuildError;
use crate::flight::{Blocks, Made, Patience, Plan, Publish, Stopped};
use crate::memoizer::due::{Failing, Limit, Spare};
use crate::memoizer::shelf::Shelf;
use crate::store::Locked;

/// A call that builds, or waits for who does.
pub(super) struct Attempt<'a, S: Shelf, B> {
    pub(super) call: &'a Call<'a>,
    pub(super) shelf: &'a S,
    pub(super) hash: u64,
    pub(super) lock: Option<&'a Wanted<'a, S::Key>>,
    /// What is at hand if this fails.
    pub(super) spare: Option<&'a Spare<S>>,
    /// How long to wait for another's build.
    pub(super) limit: Option<Limit>,
    /// Until the flight has landed, so that whoever waits for the lock finds the
    /// value. A panic in the function goes up from there, and drops it.
    pub(super) held: Option<Locked<'a>>,
    /// The function, until it is run.
    pub(super) build: Option<B>,
    pub(super) run: Run,
}

impl<S: Shelf, B> Plan<S::Key, Entry<S::Value>, S::Failure> for Attempt<'_, S, B> {
    /// A key that is not needed goes back: it is not for dropping where it is put,
    /// since the flights may be locked there.
    type Displaced = Result<Option<S::Displaced>, S::Key>;

    fn patience(&self) -> Patience {
        self.call.patience(self.limit)
    }

    async fn accepts(&mut self, landed: Result<&Entry<S::Value>, &BuildError<S::Failure>>) -> bool {
        let accepts = self.call.accepts(self.shelf, landed).await;
        self.call.track.waited.set(!accepts);
        accepts
    }

    fn publish(&self) -> Publish {
        self.shelf.publish()
    }

    async fn put(&mut self, key: S::Key, entry: &Entry<S::Value>) -> Self::Displaced {
        if self.run.drops.get() {
            return Err(key);
        }
        let lease = self.held.as_ref().and_then(Locked::lease);
        let (shelf, hash) = (self.shelf, self.hash);
        let put = self.call.put(shelf, hash, key, entry, lease, &self.run);
        Ok(put.await)
    }

    fn put_at_once(&mut self, key: S::Key, entry: &Entry<S::Value>) -> Self::Displaced {
        if self.run.drops.get() {
            return Err(key);
        }
        match self.shelf.put_at_hand(self.hash, key, entry) {
            Ok(put) => Ok(self.call.has_put(put, &self.run)),
            Err(key) => at_once(self.put(key, entry)),
        }
    }
}

impl<S, B> Blocks<S::Key, Entry<S::Value>, S::Failure> for Attempt<'_, S, B>
where
    S: Shelf,
    B: FnOnce() -> Result<Brought<S::Value>, S::Failure>,
{
    fn look(&mut self, key: &S::Key) -> Option<Entry<S::Value>> {
        match self.spare {
            None if !self.call.looks_again(self.shelf, self.hash) => None,
            _ => at_once(self.again(key)),
        }
    }

    fn build(&mut self, began: Moment) -> Result<Made<Entry<S::Value>>, Stopped<S::Failure>> {
        if self.prepares()
            && let Some(entry) = at_once(self.prepare())?
        {
            return Ok(Made::Found(entry));
        }
        let build = self.build.take().expect("a call leads one build");
        let started = self.start(began);
        let built = match self.spare {
            None => self.call.run(self.hash, build, started, &self.run),
            Some(spare) => self.build_past(spare, build, started),
        };
        built.map(Made::Built).map_err(Stopped::Failed)
    }
}

impl<'a, S: Shelf, B> Attempt<'a, S, B> {
    pub(super) fn new(
        call: &'a Call<'a>,
        shelf: &'a S,
        hash: u64,
        lock: Option<&'a Wanted<'a, S::Key>>,
        build: B,
    ) -> Self {
        Attempt {
            call,
            shelf,
            hash,
            lock,
            spare: None,
            limit: None,
            held: None,
            build: Some(build),
            run: Run::default(),
        }
    }

    /// Whether anything is to be done before the function runs.
    #[inline]
    pub(super) fn prepares(&self) -> bool {
        self.lock.is_some() || self.call.groups.is_some()
    }

    /// What is to be done before the function runs. Brings what is there after all.
    #[inline]
    pub(super) async fn prepare(&mut self) -> Result<Option<Entry<S::Value>>, Stopped<S::Failure>> {
        if let Some(wanted) = self.lock
            && let Some(entry) = self.lock_and_look(wanted).await?
        {
            return Ok(Some(entry));
        }
        self.run.knows_groups(self.call.begin(self.shelf).await);
        Ok(None)
    }

    /// Starts to take the time of a build whose flight began then. The time that a lock
    /// took, or a question for groups, is no part of it.
    #[inline]
    pub(super) fn start(&self, began: Moment) -> Started<'a> {
        match self.prepares() {
            true => self.call.clock.start(),
            false => self.call.clock.start_at(began),
        }
    }

    /// Runs the function with something at hand if that fails.
    #[cold]
    #[inline(never)]
    fn build_past(
        &mut self,
        spare: &Spare<S>,
        build: B,
        started: Started<'_>,
    ) -> Result<Entry<S::Value>, S::Failure>
    where
        B: FnOnce() -> Result<Brought<S::Value>, S::Failure>,
    {
        at_once(self.carry(spare));
        // Before the run, so that a panic is noted too.
        let failing = self.failing(spare);
        let entry = self.call.run(self.hash, build, started, &self.run)?;
        self.judge(failing, &entry);
        Ok(entry)
    }

    /// Takes note of the groups that what is at hand is in.
    pub(super) async fn carry(&mut self, spare: &Spare<S>) {
        let carried = self.call.carried(self.shelf, spare.entry()).await;
        *self.run.carried.lock() = carried.into();
    }

    pub(super) fn failing<'s>(&'s self, spare: &'s Spare<S>) -> Failing<'s, S> {
        Failing {
            call: self.call,
            shelf: self.shelf,
            hash: self.hash,
            spare,
        }
    }

    /// Whether a result that has come has failed all the same.
    pub(super) fn judge(&self, failing: Failing<'_, S>, entry: &Entry<S::Value>) {
        match self.shelf.fails(&entry.value) {
            // It is not to take the place of what is at hand.
            true => self.run.drops.set(true),
            false => failing.has_not(),
        }
    }

    pub(super) async fn again(&mut self, key: &S::Key) -> Option<Entry<S::Value>> {
        match self.spare {
            None => self.call.look_again(self.shelf, self.hash, &key).await,
            Some(spare) => {
                let past = self.call.look_past(self.shelf, self.hash, &key, spare);
                past.await
            }
        }
    }

    /// Acquires the lock, and if that worked, looks again.
    #[inline(never)]
    async fn lock_and_look(
        &mut self,
        wanted: &'a Wanted<'a, S::Key>,
    ) -> Result<Option<Entry<S::Value>>, Stopped<S::Failure>> {
        let call = self.call;
        self.held = call.hold(wanted.guards, &wanted.text, &self.run).await?;
        match self.held {
            Some(_) => Ok(self.again(&wanted.key).await),
            None => Ok(None),
        }
    }
}
