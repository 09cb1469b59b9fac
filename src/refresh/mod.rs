//! Refreshes: which keys are being built elsewhere, and which are left alone for a
//! while, since the last refresh of them has failed.
//!
//! | part | does one thing |
//! |---|---|
//! | `refreshes` | the jobs and the failures of one store, by key |
//! | `slot` | where a job leaves its outcome, for who waits |
//!
//! A job is not a flight: it waits for a thread at first, and whoever waited for a
//! flight meanwhile would wait for that thread, perhaps as one that keeps it. When it
//! has one, it flies like any other caller. To who waits for it inside a build it is a
//! promise, so that a circle through it is found.

mod refreshes;
mod slot;

pub(crate) use refreshes::{Begun, Job, Refreshes};
pub(crate) use slot::Slot;

use crate::answered::Answered;
use crate::error::BuildError;

/// What a job has ended with.
pub(crate) struct Ended<V, E> {
    /// How it came by that.
    pub(crate) how: Answered,
    pub(crate) outcome: Result<V, BuildError<E>>,
}
