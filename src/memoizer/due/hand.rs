//! What a call has at hand: an entry that is due, and what it falls back on if a build
//! fails or takes too long.

use crate::clock::Stamp;
use crate::decide::Verdict;
use crate::entry::Entry;
use crate::memoizer::observe::Event;
use crate::memoizer::path::Call;
use crate::memoizer::shelf::Shelf;
use crate::sync::Flag;
use std::time::Duration;

/// What a look has found.
pub(crate) enum Looked<V> {
    /// It answers the call.
    Answer(Entry<V>),
    /// It may answer the call, and there is something to be done about it.
    Due(Due<V>),
    /// There is nothing that does.
    Nothing,
}

/// An entry that is due.
pub(crate) struct Due<V> {
    pub(in crate::memoizer) entry: Entry<V>,
    /// Early, or stale.
    pub(in crate::memoizer) verdict: Verdict,
}

/// What a job is for: the entry that is to be refreshed, as it was seen. Nothing, if
/// there was none.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    created: Stamp,
    pub(super) verdict: Verdict,
}

impl<V> Due<V> {
    pub(super) fn seen(&self) -> Seen {
        Seen {
            created: self.entry.created,
            verdict: self.verdict,
        }
    }
}

impl Seen {
    /// Whether an entry on which this is the verdict is a newer one. What was early may
    /// be found fresh by another call, and be the same.
    pub(super) fn is_before<V>(self, entry: &Entry<V>, verdict: Verdict) -> bool {
        verdict.is_fresh() && (self.verdict != Verdict::Early || entry.created != self.created)
    }
}

/// How long a call waits for a build.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(in crate::memoizer) time: Duration,
    /// Whether a build that takes longer counts as failed.
    pub(super) is_hard: bool,
}

impl Limit {
    pub(super) fn soft(time: Duration, hard: Option<Duration>) -> Self {
        match hard {
            Some(hard) if hard < time => Limit::hard_at(hard),
            _ => Limit {
                time,
                is_hard: false,
            },
        }
    }

    pub(super) fn hard_at(time: Duration) -> Self {
        Limit {
            time,
            is_hard: true,
        }
    }

    /// The time after which a build counts as failed.
    #[cfg(feature = "async")]
    pub(in crate::memoizer) fn hard(self) -> Option<Duration> {
        self.is_hard.then_some(self.time)
    }
}

/// What is at hand if a build fails.
pub(crate) struct Spare<S: Shelf> {
    pub(super) key: S::Key,
    pub(super) due: Due<S::Value>,
    /// Whether a look has taken it, since another's build has failed.
    pub(super) rested: Flag,
}

impl<S: Shelf> Spare<S> {
    pub(super) fn new(key: S::Key, due: Due<S::Value>) -> Self {
        Spare {
            key,
            due,
            rested: Flag::default(),
        }
    }

    pub(in crate::memoizer) fn entry(&self) -> &Entry<S::Value> {
        &self.due.entry
    }

    pub(in crate::memoizer) fn has_rested(&self) -> bool {
        self.rested.get()
    }
}

/// A build with something to fall back on. Unless it is said that it has not failed, a
/// note is made that it has: before it lands, so that who has joined it sees that.
pub(in crate::memoizer) struct Failing<'f, S: Shelf> {
    pub(in crate::memoizer) call: &'f Call<'f>,
    pub(in crate::memoizer) shelf: &'f S,
    pub(in crate::memoizer) hash: u64,
    pub(in crate::memoizer) spare: &'f Spare<S>,
}

impl<S: Shelf> Failing<'_, S> {
    pub(in crate::memoizer) fn has_not(self) {
        self.shelf
            .refreshes()
            .succeeded(self.hash, &&self.spare.key);
        std::mem::forget(self);
    }
}

impl<S: Shelf> Drop for Failing<'_, S> {
    fn drop(&mut self) {
        self.call.rest(self.shelf, self.hash, &self.spare.key);
    }
}

impl<V> Looked<V> {
    /// What is fresh, for a call that does nothing about what is due.
    pub(in crate::memoizer) fn fresh(self, call: &Call<'_>) -> Option<Entry<V>> {
        match self {
            Looked::Answer(entry) => Some(entry),
            Looked::Due(due) if due.verdict.is_fresh() => {
                call.log.tell(Event::Hit);
                Some(due.entry)
            }
            Looked::Due(_) => {
                call.log.tell(Event::Expired);
                None
            }
            Looked::Nothing => None,
        }
    }

    /// What is due, if anything is.
    #[inline]
    pub(crate) fn due(&self) -> Option<&Entry<V>> {
        match self {
            Looked::Due(due) => Some(&due.entry),
            Looked::Answer(_) | Looked::Nothing => None,
        }
    }
}
