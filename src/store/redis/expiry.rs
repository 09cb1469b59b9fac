use std::time::{Duration, SystemTime};

/// How long a server is to keep bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Ever,
    /// At least 1.
    Millis(u64),
    /// They have expired already.
    Over,
}

/// The server adds the life to its clock in signed milliseconds and refuses what
/// overflows. Whatever outlives 10,000 years is for ever.
const LONGEST: u128 = 10_000 * 365 * 86_400 * 1000;

impl Life {
    /// What is left at `now`, rounded up to what the server counts in: bytes are
    /// found until they expire, and who reads them looks at the time too.
    pub(super) fn until(expires: Option<SystemTime>, now: SystemTime) -> Self {
        let Some(expires) = expires else {
            return Life::Ever;
        };
        match expires.duration_since(now) {
            Ok(left) if !left.is_zero() => Life::of(left),
            _ => Life::Over,
        }
    }

    fn of(left: Duration) -> Self {
        match left.as_nanos().div_ceil(1_000_000) {
            millis if millis > LONGEST => Life::Ever,
            millis => Life::Millis(millis as u64),
        }
    }

    /// As the scripts want it: -1 is for ever, and 0 is over.
    pub(super) fn argument(self) -> i64 {
        match self {
            Life::Ever => -1,
            Life::Millis(millis) => i64::try_from(millis).unwrap_or(-1),
            Life::Over => 0,
        }
    }
}

/// What `PTTL` answers, rounded down to seconds; nothing where there is no key or
/// it is kept for ever.
pub(super) fn ttl(pttl: i64) -> Option<Duration> {
    let millis = u64::try_from(pttl).ok()?;
    Some(Duration::from_secs(millis / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn life(nanos: u64) -> Life {
        Life::until(Some(NOW + Duration::from_nanos(nanos)), NOW)
    }

    #[test]
    fn a_life_is_rounded_up_to_whole_milliseconds() {
        assert_eq!(life(1), Life::Millis(1));
        assert_eq!(life(1_000_000), Life::Millis(1));
        assert_eq!(life(1_000_001), Life::Millis(2));
    }

    #[test]
    fn what_has_expired_has_no_life() {
        assert_eq!(life(0), Life::Over);
        let before = NOW - Duration::from_secs(1);
        assert_eq!(Life::until(Some(before), NOW), Life::Over);
    }

    #[test]
    fn what_does_not_expire_lives_for_ever() {
        assert_eq!(Life::until(None, NOW), Life::Ever);
        let far = Duration::from_secs(20_000 * 365 * 86_400);
        assert_eq!(Life::of(far), Life::Ever);
    }

    #[test]
    fn a_ttl_is_rounded_down_to_whole_seconds() {
        assert_eq!(ttl(1999), Some(Duration::from_secs(1)));
        assert_eq!(ttl(999), Some(Duration::ZERO));
        assert_eq!((ttl(-1), ttl(-2)), (None, None));
    }
}
