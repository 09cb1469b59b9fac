//! What happens in a memoizer, as metrics of the `metrics` facade.

use super::observe::{Event, Observer, Origin};
use crate::key::hash_of;
use crate::table::Lasting;
use metrics::{
    Key, Label, Level, Metadata, SharedString, Unit, describe_counter, describe_histogram,
    with_recorder,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Tells the recorder of the [`metrics`](https://docs.rs/metrics) facade what
/// happens in a memoizer.
///
/// Each metric has the labels `function` and, if there is one, `region`, but never
/// the key.
///
/// | counter | counts |
/// |---|---|
/// | `mementos_hits_total` | calls answered from what is kept |
/// | `mementos_misses_total` | calls for which nothing was kept |
/// | `mementos_expired_total` | calls for which what was kept had expired |
/// | `mementos_etag_changes_total` | calls for which what was kept had another etag |
/// | `mementos_joins_total` | calls answered by another caller's build |
/// | `mementos_builds_total` | results built |
/// | `mementos_failures_total` | builds that ended with an error, a panic or a circle |
/// | `mementos_evictions_total` | results given up for room, or after their expiry |
/// | `mementos_lock_timeouts_total` | locks that were not acquired |
/// | `mementos_store_faults_total` | times that a store failed |
///
/// | histogram | of |
/// |---|---|
/// | `mementos_build_duration_seconds` | how long functions ran that brought a result |
/// | `mementos_lock_wait_duration_seconds` | how long locks were waited for, acquired or not |
///
/// A hit takes the longer way of a call as soon as there is any observer. Beside
/// that, an event costs a look-up here without a lock, and one in the recorder. It
/// allocates nothing but for the first of each function and region.
///
/// The recorder is asked anew for each event, so it may be installed at any time,
/// and may forget what is idle. Only the descriptions go to the one that is there
/// when the observer is made.
///
/// ```
/// use mementos::{Memoizer, MetricsObserver};
/// use metrics_util::debugging::DebuggingRecorder;
///
/// let recorder = DebuggingRecorder::new();
/// let metrics = recorder.snapshotter();
/// recorder.install().unwrap();
///
/// let memo = Memoizer::in_memory().observer(MetricsObserver::new());
/// memo.get("key", || 1).unwrap();
/// let metrics = metrics.snapshot().into_vec();
/// let mut names = metrics.iter().map(|(metric, ..)| metric.key().name());
/// assert!(names.any(|name| name == "mementos_builds_total"));
/// ```
pub struct MetricsObserver {
    /// The labels of each origin that something has come from: those of a program's
    /// functions and regions, so they are few.
    series: Lasting<(Box<str>, Option<Box<str>>), Series>,
}

/// The counters and histograms of one origin, in the order of [`Metric::ALL`].
struct Series([Key; Metric::ALL.len()]);

#[derive(Clone, Copy)]
enum Metric {
    Hits,
    Misses,
    Expired,
    Early,
    Stale,
    Fallbacks,
    NotModified,
    EtagChanges,
    Joins,
    Builds,
    Failures,
    Evictions,
    LockTimeouts,
    StoreFaults,
    BuildDuration,
    LockWaitDuration,
}

impl Metric {
    /// In the order of their declaration.
    const ALL: [Metric; 16] = [
        Metric::Hits,
        Metric::Misses,
        Metric::Expired,
        Metric::Early,
        Metric::Stale,
        Metric::Fallbacks,
        Metric::NotModified,
        Metric::EtagChanges,
        Metric::Joins,
        Metric::Builds,
        Metric::Failures,
        Metric::Evictions,
        Metric::LockTimeouts,
        Metric::StoreFaults,
        Metric::BuildDuration,
        Metric::LockWaitDuration,
    ];

    const fn name(self) -> &'static str {
        match self {
            Metric::Hits => "mementos_hits_total",
            Metric::Misses => "mementos_misses_total",
            Metric::Expired => "mementos_expired_total",
            Metric::Early => "mementos_early_total",
            Metric::Stale => "mementos_stale_total",
            Metric::Fallbacks => "mementos_fallbacks_total",
            Metric::NotModified => "mementos_not_modified_total",
            Metric::EtagChanges => "mementos_etag_changes_total",
            Metric::Joins => "mementos_joins_total",
            Metric::Builds => "mementos_builds_total",
            Metric::Failures => "mementos_failures_total",
            Metric::Evictions => "mementos_evictions_total",
            Metric::LockTimeouts => "mementos_lock_timeouts_total",
            Metric::StoreFaults => "mementos_store_faults_total",
            Metric::BuildDuration => "mementos_build_duration_seconds",
            Metric::LockWaitDuration => "mementos_lock_wait_duration_seconds",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Metric::Hits => "Calls answered from what is kept",
            Metric::Misses => "Calls for which nothing was kept",
            Metric::Expired => "Calls for which what was kept had expired",
            Metric::Early => "Calls answered by what is kept, and refreshed before it expires",
            Metric::Stale => "Calls answered by what is stale, and refreshed",
            Metric::Fallbacks => "Calls answered by what is stale, since a build has failed",
            Metric::NotModified => "Builds that said that what is kept holds",
            Metric::EtagChanges => "Calls for which what was kept had another etag",
            Metric::Joins => "Calls answered by another caller's build",
            Metric::Builds => "Results built",
            Metric::Failures => "Builds that ended with an error, a panic or a circle",
            Metric::Evictions => "Results given up for room, or after their expiry",
            Metric::LockTimeouts => "Locks that were not acquired",
            Metric::StoreFaults => "Times that a store failed",
            Metric::BuildDuration => "How long functions ran that brought a result",
            Metric::LockWaitDuration => "How long locks were waited for, acquired or not",
        }
    }

    fn describe(self) {
        let (name, meaning) = (self.name(), self.meaning());
        match self {
            Metric::BuildDuration | Metric::LockWaitDuration => {
                describe_histogram!(name, Unit::Seconds, meaning);
            }
            _ => describe_counter!(name, Unit::Count, meaning),
        }
    }
}

impl MetricsObserver {
    /// An observer for one memoizer, or for several whose numbers are added up by an
    /// [`Arc`](std::sync::Arc) of it.
    pub fn new() -> Self {
        Metric::ALL.into_iter().for_each(Metric::describe);
        MetricsObserver {
            series: Lasting::new(),
        }
    }

    fn series(&self, origin: &Origin<'_>) -> &Series {
        let Origin { function, region } = *origin;
        let hash = hash_of(&(function, region));
        let known = self.series.get(hash, |(known, of)| {
            **known == *function && of.as_deref() == region
        });
        known.unwrap_or_else(|| {
            let labels = (function.into(), region.map(Box::from));
            self.series
                .get_or_insert(hash, labels, Series::of(function, region))
        })
    }
}

impl Series {
    fn of(function: &str, region: Option<&str>) -> Self {
        let shared = |text: &str| SharedString::from(Arc::<str>::from(text));
        let function = Label::new("function", shared(function));
        let region = region.map(|region| Label::new("region", shared(region)));
        let labels: Vec<Label> = [function].into_iter().chain(region).collect();
        Series(Metric::ALL.map(|metric| Key::from_parts(metric.name(), labels.clone())))
    }

    fn count(&self, metric: Metric, n: u64) {
        let key = &self.0[metric as usize];
        with_recorder(|recorder| recorder.register_counter(key, &METADATA).increment(n));
    }

    fn time(&self, metric: Metric, time: Duration) {
        let key = &self.0[metric as usize];
        with_recorder(|recorder| recorder.register_histogram(key, &METADATA).record(time));
    }
}

static METADATA: Metadata<'_> = Metadata::new("mementos", Level::INFO, Some(module_path!()));

impl Observer for MetricsObserver {
    fn observe(&self, origin: &Origin<'_>, event: &Event<'_>) {
        let series = self.series(origin);
        match *event {
            Event::Hit => series.count(Metric::Hits, 1),
            Event::Miss => series.count(Metric::Misses, 1),
            Event::Expired => series.count(Metric::Expired, 1),
            Event::Early => series.count(Metric::Early, 1),
            Event::Stale => series.count(Metric::Stale, 1),
            Event::Fallback => series.count(Metric::Fallbacks, 1),
            Event::NotModified => series.count(Metric::NotModified, 1),
            Event::EtagChanged => series.count(Metric::EtagChanges, 1),
            Event::Joined => series.count(Metric::Joins, 1),
            Event::Built { took } => {
                series.count(Metric::Builds, 1);
                series.time(Metric::BuildDuration, took);
            }
            Event::Failed => series.count(Metric::Failures, 1),
            Event::Evicted { entries } => series.count(Metric::Evictions, entries),
            Event::LockWaited { waited, acquired } => {
                series.time(Metric::LockWaitDuration, waited);
                if !acquired {
                    series.count(Metric::LockTimeouts, 1);
                }
            }
            Event::StoreFault(_) => series.count(Metric::StoreFaults, 1),
        }
    }
}

impl Default for MetricsObserver {
    fn default() -> Self {
        MetricsObserver::new()
    }
}

impl fmt::Debug for MetricsObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MetricsObserver({} origins)", self.series.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_at_its_own_place() {
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, place, "{}", metric.name());
        }
    }
}
