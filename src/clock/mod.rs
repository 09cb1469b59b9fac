//! Clocks: what time it is, for ages and expiries.
//!
//! | clock | resolution | cost of a reading |
//! |---|---|---|
//! | [`CoarseClock`] | a tick of the kernel, 1 to 10 ms; the default | a few nanoseconds |
//! | [`SystemClock`] | the system's own | some tens of nanoseconds |
//! | [`FakeClock`] | moved by hand, for tests | a few nanoseconds |
//!
//! All of them tell wall time, since entries in shared stores are compared across
//! machines, and users say when things end by the calendar. A step of the system's
//! clock moves ages by that step.

mod moment;

pub(crate) use moment::Moment;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Tells the time.
///
/// Readings are taken with nothing locked.
pub trait Clock: Send + Sync {
    /// The wall time, for when an entry was made and when it expires.
    fn now(&self) -> SystemTime;

    /// The time since some fixed moment, for how long a build takes. The plain
    /// form is the system's monotonic clock.
    fn elapsed(&self) -> Duration {
        since_start()
    }
}

fn since_start() -> Duration {
    static START: once_cell::sync::Lazy<Instant> = once_cell::sync::Lazy::new(Instant::now);
    START.elapsed()
}

/// The system's clock at its full resolution.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The system's clock as of the kernel's last tick: right to 10 ms, and several
/// times cheaper to read. Where the system has none such, it is [`SystemClock`].
#[derive(Clone, Copy, Debug, Default)]
pub struct CoarseClock;

impl Clock for CoarseClock {
    #[inline]
    fn now(&self) -> SystemTime {
        coarse::now().into()
    }
}

/// A clock that stands still until it is moved. A clone is the same clock, so all
/// that have one move together.
///
/// ```
/// use mementos::{Memoizer, Options, clock::FakeClock};
/// use std::time::Duration;
///
/// let clock = FakeClock::new();
/// let memo = Memoizer::in_memory().clock(clock.clone());
/// let minute = Options::new().max_age(Duration::from_secs(60));
///
/// assert_eq!(memo.get_with("key", &minute, || 1).unwrap(), 1);
/// clock.advance(Duration::from_secs(59));
/// assert_eq!(memo.get_with("key", &minute, || 2).unwrap(), 1);
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(memo.get_with("key", &minute, || 3).unwrap(), 3);
/// ```
#[derive(Clone)]
pub struct FakeClock(Arc<Moved>);

struct Moved {
    start: Stamp,
    nanos: AtomicU64,
}

impl FakeClock {
    /// A clock that starts at the present.
    pub fn new() -> Self {
        FakeClock::at(SystemTime::now())
    }

    /// A clock that starts at some time of its own.
    pub fn at(start: SystemTime) -> Self {
        FakeClock(Arc::new(Moved {
            start: start.into(),
            nanos: AtomicU64::new(0),
        }))
    }

    /// Moves the time forward, for everything that reads this clock; to its end at most,
    /// which is 584 years away.
    pub fn advance(&self, by: Duration) {
        let later = |now: u64| Some(now.saturating_add(nanos(by)));
        _ = self
            .0
            .nanos
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        FakeClock::new()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        self.0.start.after(self.elapsed()).into()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.nanos.load(Ordering::Acquire))
    }
}

impl fmt::Debug for FakeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeClock({:?} on)", self.elapsed())
    }
}

/// The clock of a memoizer. The coarse one is named, so that a hit reads it by a
/// direct call.
#[derive(Clone)]
pub(crate) enum Watch {
    Coarse,
    Own(Arc<dyn Clock>),
}

impl Watch {
    #[inline]
    pub(crate) fn now(&self) -> Stamp {
        match self {
            Watch::Coarse => coarse::now(),
            Watch::Own(clock) => own(&**clock),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        match self {
            Watch::Coarse => since_start(),
            Watch::Own(clock) => clock.elapsed(),
        }
    }

    /// Starts to take the time.
    pub(crate) fn start(&self) -> Started<'_> {
        match self {
            Watch::Coarse => Started::System(Moment::now()),
            Watch::Own(clock) => Started::Own(&**clock, clock.elapsed()),
        }
    }

    /// The same, for who knows the moment.
    #[inline]
    pub(crate) fn start_at(&self, now: Moment) -> Started<'_> {
        match self {
            Watch::Coarse => Started::System(now),
            Watch::Own(_) => self.start(),
        }
    }
}

/// A time that is being taken.
pub(crate) enum Started<'c> {
    System(Moment),
    Own(&'c dyn Clock, Duration),
}

impl Started<'_> {
    #[inline]
    pub(crate) fn elapsed(&self) -> Duration {
        match self {
            Started::System(start) => start.elapsed(),
            Started::Own(clock, start) => clock.elapsed().saturating_sub(*start),
        }
    }
}

#[inline(never)]
fn own(clock: &dyn Clock) -> Stamp {
    clock.now().into()
}

/// A moment: nanoseconds since 1970, up to the year 2554. What lies outside is
/// moved to the nearer end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// Later than every other.
    pub(crate) const NEVER: Stamp = Stamp(u64::MAX);

    /// Earlier than every other: what ends then is over, and stays so.
    pub(crate) const OVER: Stamp = Stamp(0);

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Stamp(nanos)
    }

    pub(crate) fn nanos(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) fn after(self, age: Duration) -> Stamp {
        self.after_nanos(nanos(age))
    }

    #[inline]
    pub(crate) fn after_nanos(self, nanos: u64) -> Stamp {
        Stamp(self.0.saturating_add(nanos))
    }

    /// The time from `earlier` until this, or nothing where it is not earlier.
    pub(crate) fn since(self, earlier: Stamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// As an expiry hint for a store: rounded up to the second, so that a store
    /// that counts in whole seconds gives nothing up early.
    pub(crate) fn hint(self) -> Option<SystemTime> {
        const SECOND: u64 = 1_000_000_000;
        (self != Stamp::NEVER).then(|| Stamp(self.0.div_ceil(SECOND).saturating_mul(SECOND)).into())
    }

    /// The moment, if it is not never.
    pub(crate) fn time(self) -> Option<SystemTime> {
        (self != Stamp::NEVER).then(|| self.into())
    }
}

/// A duration in nanoseconds, or as many as there are.
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}

impl From<SystemTime> for Stamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        // One less than never.
        Stamp(since.map_or(0, nanos).min(u64::MAX - 1))
    }
}

impl From<Stamp> for SystemTime {
    fn from(stamp: Stamp) -> Self {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(stamp.0)
    }
}

/// `CLOCK_REALTIME_COARSE`: measured at 7 ns beside 25 for `SystemTime::now`.
#[cfg(all(target_os = "linux", not(miri)))]
#[allow(unsafe_code)]
mod coarse {
    use super::Stamp;

    #[inline]
    pub(super) fn now() -> Stamp {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the pointer is to a `timespec` that is ours to write. The clock
        // has been there since Linux 2.6.32; where it fails, the time stays 0, and
        // the full clock is asked below.
        let failed = unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut time) } != 0;
        if failed || time.tv_sec < 0 {
            return full();
        }
        let (seconds, nanos) = (time.tv_sec as u64, time.tv_nsec as u64);
        Stamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    #[cold]
    fn full() -> Stamp {
        std::time::SystemTime::now().into()
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod coarse {
    use super::Stamp;

    pub(super) fn now() -> Stamp {
        std::time::SystemTime::now().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_is_right_to_ten_milliseconds() {
        let before = SystemTime::now();
        let coarse = CoarseClock.now();
        let after = SystemTime::now();
        let slack = Duration::from_millis(10);
        assert!(coarse + slack >= before, "{coarse:?} is before {before:?}");
        assert!(coarse <= after, "{coarse:?} is after {after:?}");
    }

    #[test]
    fn a_hint_is_never_early() {
        let moment = Stamp::from_nanos(1_500_000_001);
        let hint: Stamp = moment.hint().unwrap().into();
        assert_eq!(hint, Stamp::from_nanos(2_000_000_000));
        let whole = Stamp::from_nanos(2_000_000_000);
        assert_eq!(Stamp::from(whole.hint().unwrap()), whole);
        assert_eq!(Stamp::NEVER.hint(), None);
    }

    #[test]
    fn a_clock_that_is_moved_by_hand_never_goes_back() {
        let clock = FakeClock::new();
        clock.advance(Duration::from_secs(1));
        let before = clock.now();
        clock.advance(Duration::MAX);
        assert!(clock.now() > before);
        assert!(clock.elapsed() > Duration::from_secs(1));
    }

    #[test]
    fn times_out_of_range_are_moved_to_its_ends() {
        let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Stamp::from(early), Stamp::from_nanos(0));
        assert_eq!(
            Stamp::from_nanos(1).after(Duration::MAX),
            Stamp::NEVER,
            "an age longer than the clock can tell is for ever"
        );
    }
}
