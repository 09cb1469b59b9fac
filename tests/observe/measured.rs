//! What a recorder of `metrics` sees.

use crate::support::{Answering, Faulty, SECRET, fail, secs};
use mementos::clock::FakeClock;
use mementos::{Function, Memoizer, MetricsObserver, Options, memoize};
use metrics::{Unit, with_local_recorder};
use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use std::collections::BTreeMap;
use std::sync::Arc;

#[memoize]
fn length(text: &str) -> usize {
    text.len()
}

/// What a metric is, but for its value.
#[derive(Debug)]
struct Described {
    kind: MetricKind,
    unit: Option<Unit>,
    description: Option<String>,
}

/// What the metrics are in the end: by name and labels, which are in the text form
/// that Prometheus gave them.
#[derive(Default)]
struct Measured {
    described: BTreeMap<String, Described>,
    counters: BTreeMap<String, u64>,
    histograms: BTreeMap<String, Vec<f64>>,
}

/// What is measured in a run with a memoizer that is observed.
fn measured(run: impl FnOnce(&Memoizer, &FakeClock)) -> Measured {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let clock = FakeClock::new();
    let memo = Memoizer::in_memory().clock(clock.clone());
    with_local_recorder(&recorder, || {
        let memo = memo.observer(MetricsObserver::new());
        run(&memo, &clock);
    });
    let mut measured = Measured::default();
    for (metric, unit, description, value) in snapshotter.snapshot().into_vec() {
        let (kind, key) = metric.into_parts();
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let series = format!("{}{{{}}}", key.name(), labels.join(","));
        assert!(!series.contains(SECRET), "{series}");
        match value {
            DebugValue::Counter(count) => _ = measured.counters.insert(series, count),
            DebugValue::Histogram(values) => {
                let values = values.into_iter().map(f64::from).collect();
                measured.histograms.insert(series, values);
            }
            DebugValue::Gauge(_) => panic!("there are no gauges"),
        }
        let described = Described {
            kind,
            unit,
            description: description.map(|text| text.to_string()),
        };
        measured.described.insert(key.name().to_owned(), described);
    }
    measured
}

/// The counters by what is between `mementos_` and `_total`, if all have one label.
fn by_hand(counters: &BTreeMap<String, u64>) -> BTreeMap<&str, u64> {
    let short = |series: &'_ str| -> usize { series.len() - "_total{function=get}".len() };
    let counters = counters.iter().map(|(series, count)| {
        assert!(series.ends_with("_total{function=get}"), "{series}");
        (&series["mementos_".len()..short(series)], *count)
    });
    counters.collect()
}

/// Has everything happen once or more, but for a join.
fn everything(memo: &Memoizer, clock: &FakeClock) {
    let minute = Options::new().max_age(secs(60));
    for etag in ["a", "a", "b"] {
        memo.get_with(SECRET, minute.clone().etag(etag), || 1)
            .unwrap();
    }
    clock.advance(secs(60));
    memo.get_with(SECRET, minute, || {
        clock.advance(secs(3));
        1
    })
    .unwrap();
    fail(memo, "error", &Options::new());
    for acquired in [true, false] {
        let clock = clock.clone();
        let lock = Options::new().lock(Answering(move || {
            clock.advance(secs(2));
            Ok(acquired)
        }));
        memo.get_with(&acquired.to_string(), lock, || 1).unwrap();
    }
    let store = Faulty::default();
    store.fail_writes(true);
    memo.get_with(SECRET, Options::new().store(store), || 1)
        .unwrap();
    let second = Options::new().max_age(secs(1));
    (0..200).for_each(|n| _ = memo.get_with(&n.to_string(), &second, || n).unwrap());
    clock.advance(secs(2));
    (200..400).for_each(|n| _ = memo.get_with(&n.to_string(), &second, || n).unwrap());
}

#[test]
fn each_event_has_a_counter() {
    let measured = measured(everything);
    let counters = by_hand(&measured.counters);
    let expected = [
        ("hits", 1),
        ("misses", 1 + 1 + 2 + 1 + 400),
        ("expired", 1),
        ("etag_changes", 1),
        ("builds", 3 + 2 + 1 + 400),
        ("failures", 1),
        ("evictions", 200),
        ("lock_timeouts", 1),
        ("store_faults", 1),
    ];
    assert_eq!(counters, BTreeMap::from(expected));
}

#[test]
fn builds_and_locks_are_timed_in_seconds() {
    let measured = measured(everything);
    let builds = &measured.histograms["mementos_build_duration_seconds{function=get}"];
    assert_eq!(builds.len(), 406);
    assert_eq!(builds.iter().sum::<f64>(), 3.0);
    let waits = &measured.histograms["mementos_lock_wait_duration_seconds{function=get}"];
    assert_eq!(*waits, [2.0, 2.0]);
    assert_eq!(measured.histograms.len(), 2);
}

#[test]
fn all_are_described_with_their_units() {
    let measured = measured(everything);
    assert_eq!(measured.described.len(), 9 + 2);
    for (name, described) in measured.described {
        let (kind, unit) = match name.ends_with("_seconds") {
            true => (MetricKind::Histogram, Unit::Seconds),
            false => (MetricKind::Counter, Unit::Count),
        };
        assert_eq!(
            (described.kind, described.unit),
            (kind, Some(unit)),
            "{name}"
        );
        assert!(described.description.is_some(), "{name}");
    }
}

#[test]
fn the_function_and_the_region_are_labels() {
    let measured = measured(|memo, _| {
        memo.set_region("short", Options::new()).unwrap();
        memo.set_region("long", Options::new()).unwrap();
        let function = Function::<length>::of(memo);
        for region in ["short", "long", "short"] {
            let options = Options::new().region(region);
            function.get(options, SECRET).unwrap();
        }
        memo.get_with(SECRET, Options::new().region("long"), || 1)
            .unwrap();
    });
    let length = concat!(module_path!(), "::length");
    let series = |what, labels: &str| format!("mementos_{what}_total{{{labels}}}");
    let expected = [
        (
            series("builds", &format!("function={length},region=short")),
            1,
        ),
        (series("builds", "function=get,region=long"), 1),
        (series("hits", &format!("function={length},region=long")), 1),
        (
            series("hits", &format!("function={length},region=short")),
            1,
        ),
        (
            series("misses", &format!("function={length},region=short")),
            1,
        ),
        (series("misses", "function=get,region=long"), 1),
    ];
    assert_eq!(measured.counters, BTreeMap::from(expected));
}

#[test]
fn memoizers_may_share_an_observer() {
    let measured = measured(|memo, _| {
        let observer = Arc::new(MetricsObserver::new());
        let other = Memoizer::in_memory().observer(Arc::clone(&observer));
        let third = Memoizer::in_memory().observer(observer);
        for memo in [memo, &other, &third] {
            memo.get(SECRET, || 1).unwrap();
        }
    });
    assert_eq!(by_hand(&measured.counters)["builds"], 3);
}

#[test]
fn a_recorder_that_comes_later_is_told_from_then_on() {
    let memo = Memoizer::in_memory().observer(MetricsObserver::new());
    memo.get(SECRET, || 1).unwrap();
    let recorder = DebuggingRecorder::new();
    with_local_recorder(&recorder, || memo.get(SECRET, || 1).unwrap());
    let seen = recorder.snapshotter().snapshot().into_vec();
    let names: Vec<&str> = seen
        .iter()
        .map(|(metric, ..)| metric.key().name())
        .collect();
    assert_eq!(names, ["mementos_hits_total"]);
}

#[test]
fn a_hit_allocates_nothing() {
    let memo = Memoizer::in_memory().observer(MetricsObserver::new());
    let function = Function::<length>::of(&memo);
    function.call(SECRET);
    function.call(SECRET);
    let hits = allocation_counter::measure(|| {
        (0..100).for_each(|_| _ = function.call(SECRET));
    });
    assert_eq!(hits.count_total, 0);
}
