use std::time::{Duration, Instant};

/// So many failures in a row open the breaker.
pub(super) const FAILURES: u32 = 5;
/// While it is open, one caller in so much time tries.
pub(super) const PROBE: Duration = Duration::from_millis(500);

/// Keeps callers from a server that is down (M. Nygard, *Release It!*, the circuit
/// breaker). It reads no clock: whoever asks says what time it is.
///
/// Closed, it lets everybody through. After [`FAILURES`] in a row it is open, and
/// lets one caller through every [`PROBE`]; what that one finds closes it, or not.
/// A caller that was let through and never reports back costs one such turn.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// When the next caller may try. Meaningless while it is closed.
    next: Option<Instant>,
}

impl Breaker {
    /// Whether a caller may try at `now`.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        match self.next {
            None => true,
            Some(next) if now < next => false,
            Some(_) => {
                self.next = Some(now + PROBE);
                true
            }
        }
    }

    pub(super) fn succeeded(&mut self) {
        *self = Breaker::default();
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES && self.next.is_none() {
            self.next = Some(now + PROBE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_at(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        (0..FAILURES).for_each(|_| breaker.failed(now));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_not_before() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 1..FAILURES {
            breaker.failed(now);
            assert!(breaker.admits(now));
        }
        breaker.failed(now);
        assert!(!breaker.admits(now));
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        (1..FAILURES).for_each(|_| breaker.failed(now));
        breaker.succeeded();
        (1..FAILURES).for_each(|_| breaker.failed(now));
        assert!(breaker.admits(now));
    }

    #[test]
    fn one_caller_a_turn_tries_while_it_is_open() {
        let now = Instant::now();
        let mut breaker = open_at(now);
        assert!(!breaker.admits(now + PROBE - Duration::from_nanos(1)));
        assert!(breaker.admits(now + PROBE));
        assert!(!breaker.admits(now + PROBE), "that was another caller");
        assert!(breaker.admits(now + 2 * PROBE), "the first never came back");
    }

    #[test]
    fn a_probe_that_fails_leaves_it_open_until_the_next_turn() {
        let now = Instant::now();
        let mut breaker = open_at(now);
        assert!(breaker.admits(now + PROBE));
        breaker.failed(now + PROBE + PROBE / 4);
        assert!(!breaker.admits(now + PROBE + PROBE / 2));
        assert!(breaker.admits(now + 2 * PROBE));
    }

    #[test]
    fn a_probe_that_succeeds_closes_it() {
        let now = Instant::now();
        let mut breaker = open_at(now);
        assert!(breaker.admits(now + PROBE));
        breaker.succeeded();
        assert!(breaker.admits(now + PROBE));
    }
}
