use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(50);

/// How long to wait between one try and the next: twice as long each time, up to a
/// bound, and by chance up to half of it less, so that those who began together do
/// not go on together (M. Brooker, "Exponential Backoff and Jitter", AWS
/// Architecture Blog, 2015).
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
    chance: u64,
}

impl Backoff {
    /// `seed` should differ from one waiter to the other.
    pub(super) fn new(seed: u64) -> Self {
        Backoff::up_to(LONGEST, seed)
    }

    pub(super) fn up_to(longest: Duration, seed: u64) -> Self {
        Backoff {
            next: SHORTEST,
            longest,
            // Spread over all bits: small seeds would begin alike.
            chance: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    pub(super) fn wait(&mut self) -> Duration {
        let longest = self.next;
        self.next = (longest * 2).min(self.longest);
        longest - longest.mul_f64(self.fraction() / 2.0)
    }

    /// Some number from 0 to 1 (xorshift64, Marsaglia, 2003).
    fn fraction(&mut self) -> f64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_bound_and_vary() {
        let mut backoff = Backoff::new(7);
        let waits: Vec<_> = (0..40).map(|_| backoff.wait()).collect();
        let mut longest = SHORTEST;
        for &wait in &waits {
            assert!(wait <= longest && wait >= longest / 2, "{wait:?}");
            longest = (longest * 2).min(LONGEST);
        }
        assert_ne!(waits[38], waits[39]);
    }

    #[test]
    fn waiters_with_other_seeds_wait_otherwise() {
        assert_ne!(Backoff::new(3).wait(), Backoff::new(5).wait());
    }
}
