//! Counters: what has happened to instances and results.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What has happened to the instances of a type, or the results of a function,
/// since the first of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Calls answered from the store. Counted only where counting is switched on.
    pub hits: u64,
    /// Instances or results built.
    pub builds: u64,
    /// Builds that ended with an error, a panic or a circle.
    pub failures: u64,
    /// Results that were there and had expired, for themselves or for the call.
    pub expired: u64,
    /// Calls answered by a result that was still fresh, and is refreshed.
    pub early: u64,
    /// Calls answered by a stale result, which is refreshed.
    pub stale: u64,
    /// Calls answered by a stale result, since a build had failed or taken too long.
    pub fallbacks: u64,
    /// Builds that said that what was kept holds.
    pub not_modified: u64,
    /// Results that were there with another etag.
    pub changed: u64,
    /// Results that a store with a bound gave up, or that were swept.
    pub evicted: u64,
    /// Calls that joined somebody else's build.
    pub joins: u64,
    /// Taken out by `remove`, `delete` or `clear`.
    pub removals: u64,
    /// Times that a store failed, or held what could not be used. A failed read was
    /// a miss.
    pub store_faults: u64,
    /// The time that all builds took, added up; nested builds count in both.
    pub build_time: Duration,
}

/// The counters behind [`Stats`].
#[derive(Default)]
pub(crate) struct Counters {
    counting_hits: AtomicBool,
    hits: AtomicU64,
    pub(crate) builds: Counter,
    pub(crate) failures: Counter,
    pub(crate) joins: Counter,
    pub(crate) expired: Counter,
    pub(crate) early: Counter,
    pub(crate) stale: Counter,
    pub(crate) fallbacks: Counter,
    pub(crate) not_modified: Counter,
    pub(crate) changed: Counter,
    pub(crate) evicted: Counter,
    pub(crate) removals: Counter,
    pub(crate) store_faults: Counter,
    build_nanos: Counter,
}

/// A count that only grows. It orders nothing.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts one unless `run` brings something. A panic counts, on its way.
    pub(crate) fn unless_ok<T, E>(&self, run: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        struct CountOnDrop<'c>(&'c Counter);
        impl Drop for CountOnDrop<'_> {
            fn drop(&mut self) {
                self.0.add(1);
            }
        }
        let failing = CountOnDrop(self);
        let brought = run()?;
        std::mem::forget(failing);
        Ok(brought)
    }
}

impl Counters {
    /// A shared counter that every hit writes would cost more than the hit.
    #[inline]
    pub(crate) fn hit(&self) {
        if self.counting_hits.load(Ordering::Relaxed) {
            self.count_hit();
        }
    }

    #[cold]
    fn count_hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts_hits(&self) -> bool {
        self.counting_hits.load(Ordering::Relaxed)
    }

    pub(crate) fn count_hits(&self, counting: bool) {
        self.counting_hits.store(counting, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn built(&self, took: Duration) {
        self.builds.add(1);
        self.build_nanos
            .add(took.as_nanos().try_into().unwrap_or(u64::MAX));
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            hits: self.hits.load(Ordering::Relaxed),
            builds: self.builds.get(),
            failures: self.failures.get(),
            expired: self.expired.get(),
            early: self.early.get(),
            stale: self.stale.get(),
            fallbacks: self.fallbacks.get(),
            not_modified: self.not_modified.get(),
            changed: self.changed.get(),
            evicted: self.evicted.get(),
            joins: self.joins.get(),
            removals: self.removals.get(),
            store_faults: self.store_faults.get(),
            build_time: Duration::from_nanos(self.build_nanos.get()),
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} hits, {} builds in {:?}, {} joins, {} failures, {} removals",
            self.hits, self.builds, self.build_time, self.joins, self.failures, self.removals
        )
    }
}
