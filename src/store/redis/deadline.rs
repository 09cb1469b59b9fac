use super::way::Way;
use std::time::{Duration, Instant};

/// When one operation must be over, whatever it consists of: waiting for a
/// connection, connecting, asking, asking again. And how its caller waits until then.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    pub(super) way: Way,
    /// What the operation was given in all, for messages.
    pub(super) limit: Duration,
}

impl Deadline {
    /// For a caller that blocks.
    pub(super) fn after(limit: Duration) -> Self {
        Deadline::by(Way::Blocking, limit)
    }

    pub(super) fn by(way: Way, limit: Duration) -> Self {
        Deadline {
            at: Instant::now() + limit,
            way,
            limit,
        }
    }

    /// For a caller that blocks.
    pub(super) fn until(at: Instant) -> Self {
        Deadline {
            at,
            way: Way::Blocking,
            limit: at.saturating_duration_since(Instant::now()),
        }
    }

    pub(super) fn at(self) -> Instant {
        self.at
    }

    /// The time that is left, or nothing once it is over.
    pub(super) fn left(self) -> Option<Duration> {
        self.at
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
    }

    /// The end of the first of `parts` equal shares of what is left, so that the
    /// first of several servers that is silent leaves time to ask the next.
    pub(super) fn share(self, parts: usize) -> Self {
        let left = self.left().unwrap_or_default();
        let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
        Deadline {
            at: Instant::now() + left / parts,
            ..self
        }
    }
}
