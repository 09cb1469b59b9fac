//! Observers are called with nothing locked: they may ask the memoizer.

use crate::support::{Answering, Faulty, SECRET, fail, in_time, secs};
use mementos::clock::FakeClock;
use mementos::{
    BuildError, Event, Function, Memoizer, Observer, OnLockTimeout, Options, Origin, memoize,
};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};

#[memoize(max_age = "60s")]
fn length(text: &str) -> usize {
    text.len()
}

#[memoize(local, max_age = "60s")]
fn half(n: u32) -> u32 {
    n / 2
}

/// Calls back when one of these events is told, but not of that call's own.
struct CallsBack<F> {
    memo: OnceLock<Memoizer>,
    on: &'static [&'static str],
    call: F,
    told: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl<F: Fn(&Memoizer) + Send + Sync + 'static> CallsBack<F> {
    /// Has a memoizer observed, and answers with it and with the events that are
    /// called back on.
    fn observe(
        memo: Memoizer,
        on: &'static [&'static str],
        call: F,
    ) -> (Memoizer, Arc<Mutex<BTreeSet<&'static str>>>) {
        let told = Arc::default();
        let calls_back = CallsBack {
            memo: OnceLock::from(memo.clone()),
            on,
            call,
            told: Arc::clone(&told),
        };
        (memo.observer(calls_back), told)
    }
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

impl<F: Fn(&Memoizer) + Send + Sync> Observer for CallsBack<F> {
    fn observe(&self, _: &Origin<'_>, event: &Event<'_>) {
        if !self.on.contains(&event.name()) || INSIDE.replace(true) {
            return;
        }
        self.told.lock().unwrap().insert(event.name());
        (self.call)(self.memo.get().expect("it is there from the first"));
        INSIDE.set(false);
    }
}

/// All but a join, for which it takes two threads.
const EVENTS: [&str; 9] = [
    "built",
    "etag_changed",
    "evicted",
    "expired",
    "failed",
    "hit",
    "lock_waited",
    "miss",
    "store_fault",
];

/// Has much happen to a memoizer whose observer answers each event with `call`;
/// answers with the events.
#[track_caller]
fn events_with(call: impl Fn(&Memoizer) + Send + Sync + 'static) -> BTreeSet<&'static str> {
    in_time(move || {
        let clock = FakeClock::new();
        let memo = Memoizer::in_memory().clock(clock.clone());
        let (memo, told) = CallsBack::observe(memo, &EVENTS, call);
        by_function(&memo, &clock);
        by_thread(&memo, &clock);
        by_hand(&memo, &clock);
        let told = told.lock().unwrap();
        told.clone()
    })
}

#[track_caller]
fn all_events_with(call: impl Fn(&Memoizer) + Send + Sync + 'static) {
    assert_eq!(events_with(call), BTreeSet::from(EVENTS));
}

fn by_thread(memo: &Memoizer, clock: &FakeClock) {
    memo.scope(|| {
        half(4);
        half(4);
        clock.advance(secs(60));
        half(4);
        (0..100).for_each(|n| _ = half(n));
        clock.advance(secs(60));
        (100..300).for_each(|n| _ = half(n));
    });
}

fn by_function(memo: &Memoizer, clock: &FakeClock) {
    let function = Function::<length>::of(memo);
    function.call(SECRET);
    function.call(SECRET);
    clock.advance(secs(60));
    function.call(SECRET);
    for etag in ["a", "b"] {
        function.get(Options::new().etag(etag), SECRET).unwrap();
    }
    function.refresh(SECRET).unwrap();
}

fn by_hand(memo: &Memoizer, clock: &FakeClock) {
    let second = Options::new().max_age(secs(1));
    for n in 0..200 {
        memo.get_with(&n.to_string(), &second, || n).unwrap();
    }
    clock.advance(secs(2));
    for n in 200..400 {
        memo.get_with(&n.to_string(), &second, || n).unwrap();
    }
    for etag in ["a", "b"] {
        memo.get_with(SECRET, Options::new().etag(etag), || 1)
            .unwrap();
    }
    fail(memo, "error", &Options::new());
    let panics = || memo.get("panic", || -> u8 { panic!("no") });
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    for acquired in [true, false] {
        let lock = Options::new().lock(Answering(move || Ok(acquired)));
        memo.get_with(&format!("lock {acquired}"), &lock, || 1)
            .unwrap();
        let lock = lock.on_lock_timeout(OnLockTimeout::Error);
        _ = memo.get_with(&format!("lock {acquired} again"), &lock, || 1);
    }
    let store = Faulty::default();
    store.fail_reads(true);
    store.fail_writes(true);
    let faulty = Options::new().store(store);
    memo.get_with("fault", &faulty, || 1).unwrap();
    Function::<length>::of(memo).get(&faulty, SECRET).unwrap();
    let keys = ["many", "more", SECRET];
    let got = memo.get_many(&keys, &faulty, |missing| vec![1; missing.len()]);
    assert_eq!(got.unwrap(), [1, 1, 1]);
    fail_many(memo, &keys, &Options::new());
}

#[track_caller]
fn fail_many(memo: &Memoizer, keys: &[&str], options: &Options) {
    let failed: Result<Vec<u8>, BuildError<&str>> = memo.get_many(keys, options, |_| Err("no"));
    assert!(failed.is_err());
}

#[test]
fn an_observer_may_ask_for_other_keys() {
    all_events_with(|memo| {
        memo.get("a key of the observer's", || 1).unwrap();
        Function::<length>::of(memo).call("a key of the observer's");
        memo.scope(|| half(1000));
    });
}

#[test]
fn an_observer_may_look() {
    all_events_with(|memo| {
        let function = Function::<length>::of(memo);
        memo.exists(SECRET).unwrap();
        memo.ttl(SECRET).unwrap();
        memo.stats();
        memo.functions();
        function.exists(SECRET);
        function.entry(SECRET);
        memo.scope(|| half::exists(4));
    });
}

#[test]
fn an_observer_may_remove() {
    let told = events_with(|memo| {
        let function = Function::<length>::of(memo);
        memo.delete(SECRET).unwrap();
        function.delete(SECRET).unwrap();
        function.clear().unwrap();
        memo.clear().unwrap();
        memo.scope(|| half::clear().unwrap());
    });
    assert!(told.contains("built"));
}

#[test]
fn an_observer_may_change_the_settings() {
    all_events_with(|memo| {
        memo.set_region("observed", Options::new().max_age(secs(1)))
            .unwrap();
        memo.set_defaults(Options::clone);
        memo.add_observer(Silent);
        let function = Function::<length>::of(memo);
        function.set_options(function.options());
    });
}

struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &Origin<'_>, _: &Event<'_>) {}
}

/// While a build goes on, that is a circle; at any other time it is a call.
#[test]
fn an_observer_that_asks_for_the_very_key_gets_an_answer() {
    all_events_with(|memo| {
        for key in [SECRET, "error", "panic", "lock true", "lock false"] {
            _ = memo.get(key, || 1);
        }
        _ = Function::<length>::of(memo).get(Options::new(), SECRET);
    });
}

/// A circle too, where it comes from the build's own thread.
#[test]
fn an_observer_that_asks_a_store_that_fails_for_the_very_key_gets_an_answer() {
    in_time(|| {
        let store = Faulty::default();
        store.fail_reads(true);
        store.fail_writes(true);
        let call = |memo: &Memoizer| _ = memo.get(SECRET, || 1);
        let (memo, told) = CallsBack::observe(Memoizer::new(store), &["store_fault"], call);
        assert_eq!(memo.get(SECRET, || 2).unwrap(), 2);
        assert!(!told.lock().unwrap().is_empty());
    });
}

#[track_caller]
fn many_with(on: &'static [&'static str], memo: impl FnOnce() -> Memoizer + Send + 'static) {
    in_time(move || {
        let call = |memo: &Memoizer| {
            _ = memo.get("first", || 1);
            _ = memo.get("second", || 1);
        };
        let (memo, told) = CallsBack::observe(memo(), on, call);
        let keys = ["first", "second"];
        fail_many(&memo, &keys, &Options::new().etag("a"));
        let many = |missing: &[&str]| vec![2; missing.len()];
        let got = memo.get_many(&keys, Options::new().etag("b"), many);
        assert_eq!(got.unwrap().len(), 2);
        assert_eq!(
            *told.lock().unwrap(),
            BTreeSet::from_iter(on.iter().copied())
        );
    });
}

#[test]
fn an_observer_of_a_build_of_several_keys_may_ask_for_them() {
    many_with(&["built"], Memoizer::in_memory);
}

#[test]
fn an_observer_of_a_failure_of_several_keys_may_ask_for_them() {
    many_with(&["failed"], Memoizer::in_memory);
}

#[test]
fn an_observer_of_the_locks_of_several_keys_may_ask_for_them() {
    many_with(&["lock_waited"], || {
        let lock = Options::new().lock(Answering(|| Ok(true)));
        Memoizer::in_memory().defaults(lock)
    });
}

#[test]
fn an_observer_of_faults_with_several_keys_may_ask_for_them() {
    many_with(&["store_fault"], || {
        let store = Faulty::default();
        store.fail_reads(true);
        store.fail_writes(true);
        Memoizer::new(store)
    });
}

#[test]
fn a_panic_of_an_observer_is_one_of_the_call_and_leaves_nothing_behind() {
    struct Panics;
    impl Observer for Panics {
        fn observe(&self, origin: &Origin<'_>, event: &Event<'_>) {
            if origin.region == Some("feared") {
                panic!("{}", event.name());
            }
        }
    }
    in_time(|| {
        let memo = Memoizer::in_memory()
            .region("feared", Options::new())
            .observer(Panics);
        let feared = Options::new().region("feared");
        let get = || memo.get_with(SECRET, &feared, || 1);
        assert!(catch_unwind(AssertUnwindSafe(get)).is_err());
        let refresh = || {
            let memo = memo.with(feared.clone());
            memo.refresh(SECRET, || 2)
        };
        assert!(catch_unwind(AssertUnwindSafe(refresh)).is_err());
        assert!(memo.get(SECRET, || 3_u8).is_ok());
        assert!(memo.exists(SECRET).unwrap());
    });
}
