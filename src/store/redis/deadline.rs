use std::time::{Duration, Instant};

/// When one operation must be over, whatever it consists of: waiting for a
/// connection, connecting, asking, asking again.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    /// What the operation was given in all, for messages.
    pub(super) limit: Duration,
}

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        Deadline {
            at: Instant::now() + limit,
            limit,
        }
    }

    pub(super) fn until(at: Instant) -> Self {
        let limit = at.saturating_duration_since(Instant::now());
        Deadline { at, limit }
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
