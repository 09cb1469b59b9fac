use ahash::RandomState;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Pauses between tries that double up to a longest one, each shortened at random by
/// up to a half: those who wait for one thing do not all come back at one time.
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
    /// Nothing for waiting that never ends.
    deadline: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration, timeout: Duration) -> Self {
        Backoff {
            next: first,
            longest,
            deadline: Instant::now().checked_add(timeout),
        }
    }

    /// Sleeps until it is time for another try; answers whether there is any left.
    pub(super) fn pause(&mut self) -> bool {
        let left = match self.deadline {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        };
        if left.is_zero() {
            return false;
        }
        let shortened = self.next.mul_f64(1.0 - chance() / 2.0);
        thread::sleep(shortened.min(left));
        self.next = (self.next * 2).min(self.longest);
        true
    }
}

/// A number in `0..1`.
fn chance() -> f64 {
    (random() >> 11) as f64 / (1u64 << 53) as f64
}

/// Hashed with keys that the system drew at random. A forked process inherits them,
/// so what tells it from its parent goes in too.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one((std::process::id(), SystemTime::now()))
}
