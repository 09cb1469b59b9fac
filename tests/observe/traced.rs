//! What a subscriber of `tracing` sees.

use crate::support::{Answering, Faulty, SECRET, fail, secs};
use mementos::clock::FakeClock;
use mementos::{Function, Memoizer, Options, TracingObserver, memoize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber, subscriber};

#[memoize]
fn length(text: &str) -> usize {
    text.len()
}

/// Keeps the events of a level, or graver ones.
struct Kept {
    level: Level,
    events: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Debug)]
struct Seen {
    target: String,
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Subscriber for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.events.lock().unwrap().push(Seen {
            target: event.metadata().target().to_owned(),
            level: *event.metadata().level(),
            fields: fields.0,
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        unreachable!("there are no spans")
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// What is seen of a run with a memoizer that is observed.
fn seen(level: Level, run: impl FnOnce(&Memoizer, &FakeClock)) -> Vec<Seen> {
    let events = Arc::default();
    let kept = Kept {
        level,
        events: Arc::clone(&events),
    };
    let clock = FakeClock::new();
    let memo = Memoizer::in_memory()
        .clock(clock.clone())
        .observer(TracingObserver::new());
    subscriber::with_default(kept, || run(&memo, &clock));
    let events = std::mem::take(&mut *events.lock().unwrap());
    for event in &events {
        assert_eq!(event.target, "mementos");
        assert!(!format!("{event:?}").contains(SECRET), "{event:?}");
    }
    events
}

/// The level, and all fields.
fn lines(events: &[Seen]) -> Vec<String> {
    let line = |event: &Seen| {
        let message = &event.fields["message"];
        let fields = event.fields.iter().filter(|(name, _)| **name != "message");
        let fields: String = fields
            .map(|(name, value)| format!(" {name}={value}"))
            .collect();
        format!("{} {message}{fields}", event.level)
    };
    events.iter().map(line).collect()
}

#[test]
fn hits_are_traces_and_builds_are_for_debugging() {
    let events = seen(Level::TRACE, |memo, clock| {
        for _ in 0..2 {
            memo.get_with(SECRET, Options::new().max_age(secs(60)), || {
                clock.advance(secs(1));
                1
            })
            .unwrap();
        }
    });
    assert_eq!(
        lines(&events),
        [
            "TRACE miss function=get",
            "DEBUG built function=get took_ms=1000.0",
            "TRACE hit function=get",
        ]
    );
}

#[test]
fn who_listens_for_less_sees_less() {
    let run = |memo: &Memoizer, _: &FakeClock| {
        memo.get(SECRET, || 1).unwrap();
        memo.get(SECRET, || 1).unwrap();
    };
    assert_eq!(seen(Level::DEBUG, run).len(), 1);
    assert_eq!(seen(Level::INFO, run).len(), 0);
}

#[test]
fn the_function_and_the_region_are_fields() {
    let events = seen(Level::TRACE, |memo, _| {
        memo.set_region("short", Options::new()).unwrap();
        let function = Function::<length>::of(memo);
        function
            .get(Options::new().region("short"), SECRET)
            .unwrap();
    });
    assert_eq!(events.len(), 2);
    for event in events {
        assert_eq!(
            event.fields["function"],
            concat!(module_path!(), "::length")
        );
        assert_eq!(event.fields["region"], "short");
    }
}

#[test]
fn every_other_event_has_its_level_and_fields() {
    let events = seen(Level::TRACE, |memo, clock| {
        let minute = Options::new().max_age(secs(60));
        memo.get_with(SECRET, minute.clone().etag("a"), || 1)
            .unwrap();
        memo.get_with(SECRET, minute.clone().etag("b"), || 1)
            .unwrap();
        clock.advance(secs(60));
        memo.get_with(SECRET, minute.etag("b"), || 1).unwrap();
        fail(memo, "error", &Options::new());
        for acquired in [true, false] {
            let lock = Options::new().lock(Answering(move || Ok(acquired)));
            memo.get_with(&format!("{SECRET} {acquired}"), lock, || 1)
                .unwrap();
        }
        let store = Faulty::default();
        store.fail_writes(true);
        memo.get_with(SECRET, Options::new().store(store), || 1)
            .unwrap();
    });
    let (miss, built) = (
        "TRACE miss function=get",
        "DEBUG built function=get took_ms=0.0",
    );
    assert_eq!(
        lines(&events),
        [
            miss,
            built,
            "TRACE etag_changed function=get",
            built,
            "TRACE expired function=get",
            built,
            miss,
            "DEBUG failed function=get",
            miss,
            "DEBUG lock_waited acquired=true function=get waited_ms=0.0",
            built,
            miss,
            "WARN lock_waited acquired=false function=get waited_ms=0.0",
            built,
            miss,
            "WARN store_fault error=writing failed in the store: out of order function=get",
            built,
        ]
    );
}

#[test]
fn what_is_swept_is_for_debugging() {
    let events = seen(Level::DEBUG, |memo, clock| {
        let second = Options::new().max_age(secs(1));
        (0..200).for_each(|n| _ = memo.get_with(&n.to_string(), &second, || n).unwrap());
        clock.advance(secs(2));
        (200..400).for_each(|n| _ = memo.get_with(&n.to_string(), &second, || n).unwrap());
    });
    let mut evicted = events
        .iter()
        .filter(|event| event.fields["message"] == "evicted");
    let entries = evicted.try_fold(0, |sum, event| {
        assert_eq!(event.level, Level::DEBUG);
        let entries: Result<u32, _> = event.fields["entries"].parse();
        entries.map(|entries| sum + entries)
    });
    assert_eq!(entries.unwrap(), 200);
}
