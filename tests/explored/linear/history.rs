//! What threads asked, what they were answered, and in which order.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// How many keys there are.
pub(crate) const KEYS: usize = 2;

/// A moment in the one order of all that is recorded.
pub(crate) type Tick = u32;

/// What a build brings: no two bring the same.
pub(crate) type Version = u32;

/// What a thread asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Get what is kept for a key, or build it.
    Get(usize),
    /// The same, by a function that fails.
    Fail(usize),
    Delete(usize),
    Clear,
    /// Have what is kept expire at once.
    Expire(usize),
    /// Look, and build nothing.
    See(usize),
}

/// What it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What a build brought, its own or another's.
    Got(Result<Version, Version>),
    /// Whether there was anything to delete, or to expire.
    Had(bool),
    /// What was deleted.
    Took(Option<Version>),
    Cleared,
    /// Whether anything is kept that would be an answer.
    Exists(bool),
    /// What is kept.
    Saw(Option<Version>),
}

/// The build that a call ran itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) version: Version,
    pub(crate) began: Tick,
    pub(crate) ended: Tick,
}

/// One call of one thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) ask: Ask,
    pub(crate) asked: Tick,
    pub(crate) answer: Answer,
    pub(crate) answered: Tick,
    pub(crate) build: Option<Build>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { ask, asked, .. } = self;
        write!(f, "{asked:3} {ask:?}")?;
        if let Some(build) = self.build {
            write!(
                f,
                ", built {} in {}..{}",
                build.version, build.began, build.ended
            )?;
        }
        write!(f, ", {:?} at {}", self.answer, self.answered)
    }
}

/// Records calls while they run. What it locks, it locks between steps that threads
/// can see of each other, so it adds no schedules.
#[derive(Default)]
pub(crate) struct Recorder {
    ticks: AtomicU32,
    versions: AtomicU32,
    calls: Mutex<Vec<Call>>,
}

impl Recorder {
    pub(crate) fn tick(&self) -> Tick {
        self.ticks.fetch_add(1, SeqCst)
    }

    pub(crate) fn version(&self) -> Version {
        self.versions.fetch_add(1, SeqCst) + 1
    }

    pub(crate) fn record(&self, call: Call) {
        self.calls.lock().unwrap().push(call);
    }

    /// All calls, by when they were asked.
    pub(crate) fn history(&self) -> Vec<Call> {
        let mut calls = self.calls.lock().unwrap().clone();
        calls.sort_by_key(|call| call.asked);
        calls
    }
}
