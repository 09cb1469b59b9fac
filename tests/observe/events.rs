//! What an observer is told, in which order, and of what.

use crate::support::{Answering, Faulty, Log, SECRET, fail, in_time, secs};
use mementos::clock::FakeClock;
use mementos::key::Lookup;
use mementos::store::StoreError;
use mementos::{
    BuildError, Function, LocalFunction, Memoized, Memoizer, OnLockTimeout, Options, memoize,
};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

type Answer<V> = Result<V, BuildError<Infallible>>;

/// A memoizer that writes down what happens, by a clock that stands still.
fn observed() -> (Memoizer, Log, FakeClock) {
    let (log, clock) = (Log::default(), FakeClock::new());
    let memo = Memoizer::in_memory()
        .clock(clock.clone())
        .observer(log.clone());
    (memo, log, clock)
}

#[memoize(max_age = "60s")]
fn length(text: &str) -> usize {
    text.len()
}

mod by_hand {
    use super::*;

    #[test]
    fn a_miss_is_built_and_then_hit() {
        let (memo, log, clock) = observed();
        let build = || {
            clock.advance(secs(3));
            1
        };
        let _: Answer<i32> = memo.get(SECRET, build);
        assert_eq!(log.events(), ["miss", "built in 3s"]);
        let _: Answer<i32> = memo.get(SECRET, build);
        assert_eq!(log.events(), ["hit"]);
    }

    #[test]
    fn what_has_expired_is_told_before_it_is_built() {
        let (memo, log, clock) = observed();
        let minute = Options::new().max_age(secs(60));
        memo.get_with(SECRET, &minute, || 1).unwrap();
        clock.advance(secs(60));
        memo.get_with(SECRET, &minute, || 2).unwrap();
        assert_eq!(
            log.events(),
            ["miss", "built in 0ns", "expired", "built in 0ns"]
        );
    }

    #[test]
    fn another_etag_is_told_before_it_is_built() {
        let (memo, log, _) = observed();
        for etag in ["a", "a", "b"] {
            memo.get_with(SECRET, Options::new().etag(etag), || 1)
                .unwrap();
        }
        let [miss, built] = ["miss", "built in 0ns"];
        assert_eq!(log.events(), [miss, built, "hit", "etag_changed", built]);
    }

    #[test]
    fn a_failure_is_told_and_not_as_a_build() {
        let (memo, log, _) = observed();
        fail(&memo, SECRET, &Options::new());
        assert_eq!(log.events(), ["miss", "failed"]);
        let panicked = catch_unwind(AssertUnwindSafe(|| -> Answer<i32> {
            memo.get(SECRET, || -> i32 { panic!("no") })
        }));
        assert!(panicked.is_err());
        assert_eq!(log.events(), ["miss", "failed"]);
    }

    #[test]
    fn a_failure_that_is_kept_is_hit() {
        let (memo, log, _) = observed();
        let options = Options::new().error_age(secs(1));
        fail(&memo, SECRET, &options);
        fail(&memo, SECRET, &options);
        assert_eq!(log.events(), ["miss", "failed", "hit"]);
    }

    #[test]
    fn a_refresh_is_a_build_and_nothing_else() {
        let (memo, log, _) = observed();
        let _: Answer<i32> = memo.refresh(SECRET, || 1);
        let _: Answer<i32> = memo.refresh(SECRET, || 2);
        assert_eq!(log.events(), ["built in 0ns", "built in 0ns"]);
    }

    #[test]
    fn several_keys_are_told_one_by_one() {
        let (memo, log, _) = observed();
        memo.get(SECRET, || 0).unwrap();
        log.take();
        let keys = [SECRET, "other secret", "third secret"];
        let got: Answer<Vec<i32>> =
            memo.get_many(&keys, Options::new(), |missing| vec![1; missing.len()]);
        assert_eq!(got.unwrap(), [0, 1, 1]);
        let built = "built in 0ns";
        assert_eq!(log.events(), ["hit", "miss", "miss", built, built]);
    }

    #[test]
    fn what_is_swept_is_told_after_the_build_that_paid_for_it() {
        let (memo, log, clock) = observed();
        let second = Options::new().max_age(secs(1));
        for n in 0..1000 {
            memo.get_with(&format!("{SECRET}{n}"), &second, || n)
                .unwrap();
        }
        clock.advance(secs(2));
        log.take();
        let mut evicted = 0;
        for n in 1000..2000 {
            memo.get_with(&format!("{SECRET}{n}"), &second, || n)
                .unwrap();
            let events = log.events();
            assert_eq!(events[..2], ["miss", "built in 0ns"]);
            for event in &events[2..] {
                let count = event
                    .strip_prefix("evicted ")
                    .expect("nothing else follows");
                evicted += count.parse::<u64>().unwrap();
            }
        }
        assert_eq!(evicted, 1000);
        assert_eq!(memo.stats().evicted, evicted);
    }
}

mod by_function {
    use super::*;

    #[test]
    fn the_events_are_those_of_calls_by_hand() {
        let (memo, log, clock) = observed();
        let function = Function::<length>::of(&memo);
        function.call(SECRET);
        function.call(SECRET);
        clock.advance(secs(60));
        function.call(SECRET);
        let built = "built in 0ns";
        assert_eq!(log.events(), ["miss", built, "hit", "expired", built]);
        function.change_rules(|rules| rules.etag_by(|text: &&str| text.len()));
        function.call(SECRET);
        function.refresh(SECRET).unwrap();
        assert_eq!(log.events(), ["etag_changed", built, built]);
    }

    #[test]
    fn an_error_is_told_as_a_failure_though_it_is_what_the_function_returns() {
        #[memoize]
        fn number(text: &str) -> Result<i32, std::num::ParseIntError> {
            text.parse()
        }
        let (memo, log, _) = observed();
        let function = Function::<number>::of(&memo);
        assert!(function.call(SECRET).is_err());
        assert_eq!(log.events(), ["miss", "failed"]);
        assert!(function.call("1").is_ok());
        assert_eq!(log.events(), ["miss", "built in 0ns"]);
    }

    #[test]
    fn a_circle_is_one_failure() {
        #[memoize]
        fn circle(text: &str) -> usize {
            circle(text)
        }
        let (memo, log, _) = observed();
        let asked = memo.scope(|| circle::function().get(Options::new(), SECRET));
        assert!(asked.is_err());
        assert_eq!(log.events(), ["miss", "miss", "failed"]);
    }

    #[test]
    fn nested_builds_are_told_from_the_inside() {
        #[memoize]
        fn outer(text: &str) -> usize {
            length(text)
        }
        let (memo, log, _) = observed();
        memo.scope(|| outer(SECRET));
        let told = log.take();
        let told = told.iter().map(|told| {
            let name = told.function.rsplit("::").next().unwrap();
            format!("{name}: {}", told.event)
        });
        let built = "built in 0ns";
        let expected = ["outer: miss", "length: miss"].map(str::to_owned);
        let expected = expected
            .into_iter()
            .chain(["length", "outer"].map(|name| format!("{name}: {built}")));
        assert!(told.eq(expected));
    }

    #[test]
    fn a_function_that_stays_on_its_thread_tells_the_same() {
        #[memoize(local, max_age = "60s")]
        fn half(n: u32) -> Option<u32> {
            if n == 0 {
                panic!("nothing has no half");
            }
            n.is_multiple_of(2).then_some(n / 2)
        }
        let (memo, log, clock) = observed();
        memo.scope(|| {
            let function = LocalFunction::<half>::new();
            function.call(4);
            function.call(4);
            clock.advance(secs(60));
            function.call(4);
            let built = "built in 0ns";
            assert_eq!(log.events(), ["miss", built, "hit", "expired", built]);
            let panicked = catch_unwind(AssertUnwindSafe(|| function.call(0)));
            assert!(panicked.is_err());
            assert_eq!(log.events(), ["miss", "failed"]);
        });
    }

    #[cfg(feature = "bounded")]
    #[test]
    fn what_gives_way_to_others_is_told() {
        #[memoize(capacity = 10)]
        fn twice(n: u64) -> u64 {
            2 * n
        }
        let (memo, log, _) = observed();
        let function = Function::<twice>::of(&memo);
        (0..30).for_each(|n| _ = function.call(n));
        let events = log.events();
        let evicted = events
            .iter()
            .filter_map(|event| event.strip_prefix("evicted "));
        let evicted: u64 = evicted.map(|count| count.parse::<u64>().unwrap()).sum();
        assert_eq!(evicted, 20, "{events:?}");
        assert_eq!(function.stats().evicted, 20);
    }
}

mod joined {
    use super::*;

    /// A key that says when it is compared: for the first time by who joins a build,
    /// since nothing is kept yet.
    #[derive(Clone, Debug)]
    struct Compared(Arc<Mutex<mpsc::Sender<()>>>);

    impl PartialEq for Compared {
        fn eq(&self, _: &Self) -> bool {
            _ = self.0.lock().unwrap().send(());
            true
        }
    }

    impl Eq for Compared {}

    impl std::hash::Hash for Compared {
        fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
    }

    struct Slow;

    /// What a caller brings, in case that it leads: whom to tell, and for what to
    /// wait.
    type Ends = (mpsc::Sender<()>, mpsc::Receiver<()>);

    impl Memoized for Slow {
        type Args<'a> = (Compared, &'a Ends);
        type Key = Compared;
        type Output = u8;
        const NAME: &'static str = "slow";

        fn lookup<'r, 'a: 'r>(args: &'r Self::Args<'a>) -> impl Lookup<Compared> {
            &args.0
        }

        fn run((_, (leads, is_joined)): Self::Args<'_>) -> u8 {
            leads.send(()).unwrap();
            is_joined.recv().unwrap();
            1
        }

        fn copy(output: &u8) -> Option<u8> {
            Some(*output)
        }
    }

    #[test]
    fn who_joins_a_build_is_told_so() {
        in_time(|| {
            let (memo, log, _) = observed();
            let function = Function::<Slow>::of(&memo);
            let (says, is_joined) = mpsc::channel();
            let key = Compared(Arc::new(Mutex::new(says)));
            let (leads, is_led) = mpsc::channel();
            let (never_leads, never) = mpsc::channel();
            thread::scope(|scope| {
                let (function, key) = (&function, &key);
                scope.spawn(move || function.call((key.clone(), &(leads, is_joined))));
                is_led.recv().unwrap();
                let joined = function.call((key.clone(), &(never_leads, never)));
                assert_eq!(joined, 1);
            });
            let mut events = log.events();
            // The two threads go on side by side.
            events[2..].sort();
            assert_eq!(events, ["miss", "miss", "built in 0ns", "joined"]);
        });
    }
}

mod locks {
    use super::*;

    fn with_lock(
        memo: &Memoizer,
        then: OnLockTimeout,
        answer: impl Fn() -> Result<bool, StoreError> + Send + Sync + 'static,
    ) -> Answer<i32> {
        let options = Options::new().lock(Answering(answer)).on_lock_timeout(then);
        memo.get_with(SECRET, options, || 1)
    }

    #[test]
    fn a_lock_is_told_with_how_long_it_was_waited_for() {
        let (memo, log, clock) = observed();
        let got = with_lock(&memo, OnLockTimeout::Build, move || {
            clock.advance(secs(2));
            Ok(true)
        });
        assert!(got.is_ok());
        assert_eq!(log.events(), ["miss", "lock_waited 2s", "built in 0ns"]);
    }

    #[test]
    fn a_lock_that_is_not_acquired_is_told_whether_there_is_a_build_or_not() {
        let (memo, log, clock) = observed();
        let answer = move || {
            clock.advance(secs(10));
            Ok(false)
        };
        let got = with_lock(&memo, OnLockTimeout::Build, answer.clone());
        assert!(got.is_ok());
        let [miss, waited] = ["miss", "lock_waited 10s in vain"];
        assert_eq!(log.events(), [miss, waited, "built in 0ns"]);
        let got = with_lock(&memo, OnLockTimeout::Error, answer);
        assert!(got.is_err());
        assert_eq!(
            log.events(),
            [miss, waited],
            "nothing was built, so nothing failed"
        );
    }

    #[test]
    fn a_lock_that_cannot_be_asked_for_is_a_fault_too() {
        let (memo, log, _) = observed();
        let got = with_lock(&memo, OnLockTimeout::Build, || {
            Err(StoreError::new("locking", "out of order"))
        });
        assert!(got.is_ok());
        let waited = "lock_waited 0ns in vain";
        assert_eq!(
            log.events(),
            ["miss", waited, "store_fault", "built in 0ns"]
        );
    }

    #[test]
    fn what_lands_while_a_lock_is_waited_for_is_a_hit() {
        let map: Arc<Mutex<BTreeMap<_, _>>> = Arc::default();
        let elsewhere = Memoizer::new(Arc::clone(&map));
        let log = Log::default();
        let here = Memoizer::new(map)
            .clock(FakeClock::new())
            .observer(log.clone());
        let got = with_lock(&here, OnLockTimeout::Build, move || {
            elsewhere.get(SECRET, || 7).unwrap();
            Ok(true)
        });
        assert_eq!(got.unwrap(), 7);
        assert_eq!(log.events(), ["miss", "lock_waited 0ns", "hit"]);
    }

    #[test]
    fn so_is_each_of_several_keys() {
        let map: Arc<Mutex<BTreeMap<_, _>>> = Arc::default();
        let elsewhere = Memoizer::new(Arc::clone(&map));
        let log = Log::default();
        let here = Memoizer::new(map)
            .clock(FakeClock::new())
            .observer(log.clone());
        let lock = Options::new().lock(Answering(move || {
            elsewhere.get(SECRET, || 7).unwrap();
            Ok(true)
        }));
        let keys = [SECRET, "another"];
        let got: Answer<Vec<i32>> = here.get_many(&keys, lock, |missing| vec![1; missing.len()]);
        assert_eq!(got.unwrap(), [7, 1]);
        let events = log.events();
        assert_eq!(
            events.iter().filter(|event| *event == "hit").count(),
            1,
            "{events:?}"
        );
    }
}

mod faults {
    use super::*;

    #[test]
    fn a_read_that_fails_is_a_fault_and_a_miss() {
        let (memo, log, _) = observed();
        let store = Faulty::default();
        let options = Options::new().store(store.clone());
        store.fail_reads(true);
        memo.get_with(SECRET, &options, || 1).unwrap();
        // The leader's second look is silent.
        assert_eq!(log.events(), ["store_fault", "miss", "built in 0ns"]);
        store.fail_reads(false);
        memo.get_with(SECRET, &options, || 2).unwrap();
        assert_eq!(log.events(), ["hit"]);
    }

    #[test]
    fn a_write_that_fails_is_a_fault_and_the_build_is_told_after_it() {
        let (memo, log, _) = observed();
        let store = Faulty::default();
        let options = Options::new().store(store.clone());
        store.fail_writes(true);
        memo.get_with(SECRET, &options, || 1).unwrap();
        assert_eq!(log.events(), ["miss", "store_fault", "built in 0ns"]);
        let function = Function::<length>::of(&memo);
        function.get(&options, SECRET).unwrap();
        assert_eq!(log.events(), ["miss", "store_fault", "built in 0ns"]);
    }

    #[test]
    fn a_value_of_another_kind_is_a_fault() {
        let (memo, log, _) = observed();
        memo.get(SECRET, || 1_u8).unwrap();
        log.take();
        memo.get(SECRET, || "another secret").unwrap();
        assert_eq!(log.events(), ["store_fault", "miss", "built in 0ns"]);
    }
}

mod origin {
    use super::*;

    #[test]
    fn calls_by_hand_are_told_as_get_and_functions_by_their_full_name() {
        let (memo, log, _) = observed();
        memo.get(SECRET, || 1).unwrap();
        Function::<length>::of(&memo).call(SECRET);
        let told = log.take();
        let names: Vec<&str> = told.iter().map(|told| &*told.function).collect();
        let length = concat!(module_path!(), "::length").replace("::origin", "");
        assert_eq!(names, ["get", "get", &length, &length]);
        assert!(told.iter().all(|told| told.region.is_none()));
    }

    #[test]
    fn the_region_is_the_one_that_the_call_names_or_else_the_function() {
        let (memo, log, _) = observed();
        let memo = memo
            .region("long", Options::new().max_age(secs(3600)))
            .region("short", Options::new().max_age(secs(60)).parent("long"));
        let regions = || -> Vec<_> {
            let told = log.take().into_iter();
            told.map(|told| told.region.unwrap_or_default()).collect()
        };
        memo.get_with(SECRET, Options::new().region("short"), || 1)
            .unwrap();
        assert_eq!(regions(), ["short", "short"]);
        let function = Function::<length>::of(&memo);
        function.set_options(Options::new().region("long"));
        function.call(SECRET);
        function
            .get(Options::new().region("short"), SECRET)
            .unwrap();
        assert_eq!(regions(), ["long", "long", "short"]);
    }
}

mod who_is_told {
    use super::*;

    #[test]
    fn an_observer_hears_of_its_own_memoizer_alone() {
        let (memo, log, _) = observed();
        let other = Memoizer::in_memory();
        other.get(SECRET, || 1).unwrap();
        Function::<length>::of(&other).call(SECRET);
        assert_eq!(log.events(), <[String; 0]>::default());
        memo.with(Options::new().namespace("space"))
            .get(SECRET, || 1)
            .unwrap();
        assert_eq!(log.events(), ["miss", "built in 0ns"]);
    }

    #[test]
    fn one_that_comes_later_hears_of_what_happens_from_then_on() {
        let memo = Memoizer::in_memory();
        let function = Function::<length>::of(&memo);
        function.call(SECRET);
        function.call(SECRET);
        let log = Log::default();
        memo.add_observer(log.clone());
        function.call(SECRET);
        assert_eq!(log.events(), ["hit"]);
        function.delete(SECRET).unwrap();
        assert_eq!(log.events(), <[String; 0]>::default());
    }

    #[test]
    fn one_that_comes_later_hears_of_functions_that_stay_on_their_thread_too() {
        #[memoize(local)]
        fn half(n: u32) -> u32 {
            n / 2
        }
        let memo = Memoizer::in_memory();
        memo.scope(|| {
            half(4);
            half(4);
            let log = Log::default();
            memo.add_observer(log.clone());
            half(4);
            assert_eq!(log.events(), ["hit"]);
        });
    }

    #[test]
    fn all_are_told_in_the_order_in_which_they_came() {
        struct Numbered(u8, Arc<Mutex<Vec<u8>>>);
        impl mementos::Observer for Numbered {
            fn observe(&self, _: &mementos::Origin<'_>, _: &mementos::Event<'_>) {
                self.1.lock().unwrap().push(self.0);
            }
        }
        let told = Arc::<Mutex<Vec<u8>>>::default();
        let numbered = |number| Numbered(number, Arc::clone(&told));
        let memo = Memoizer::in_memory()
            .observer(numbered(1))
            .observer(numbered(2));
        memo.get(SECRET, || 1).unwrap();
        assert_eq!(*told.lock().unwrap(), [1, 2, 1, 2]);
    }

    #[test]
    fn nobody_is_told_at_no_cost() {
        let function = Function::<length>::of(&Memoizer::in_memory());
        function.call(SECRET);
        function.call(SECRET);
        let hits = allocation_counter::measure(|| {
            (0..100).for_each(|_| _ = function.call(SECRET));
        });
        assert_eq!(hits.count_total, 0);
    }
}

mod stale {
    use super::*;
    use mementos::{Built, Kept};

    /// Fresh for a minute, and stale for another.
    fn stale() -> Options {
        Options::new().max_age(secs(60)).stale_for(secs(60))
    }

    #[test]
    fn a_stale_answer_is_told_and_then_its_refresh() {
        let (memo, log, clock) = observed();
        let get = || memo.get_refreshing(SECRET, stale(), || 1).unwrap();
        get();
        clock.advance(secs(60));
        log.take();
        get();
        memo.drain();
        let mut events = log.events();
        events.sort();
        assert_eq!(events, ["built in 0ns", "stale"]);
    }

    #[test]
    fn a_fallback_is_told_after_the_failure() {
        let (memo, log, clock) = observed();
        let options = stale().no_soft_timeout();
        memo.get_with(SECRET, &options, || 1).unwrap();
        clock.advance(secs(60));
        log.take();
        let fails = || {
            memo.get_with::<i32, _>(SECRET, &options, || Err("no"))
                .unwrap()
        };
        fails();
        assert_eq!(log.events(), ["expired", "failed", "fallback"]);
        fails();
        assert_eq!(log.events(), ["fallback"]);
    }

    #[test]
    fn an_early_answer_is_told() {
        let (memo, log, clock) = observed();
        let options = Options::new().max_age(secs(60)).early_from(0.5);
        let get = || memo.get_refreshing(SECRET, &options, || 1).unwrap();
        get();
        clock.advance(secs(30));
        log.take();
        get();
        memo.drain();
        let mut events = log.events();
        events.sort();
        assert_eq!(events, ["built in 0ns", "early"]);
    }

    #[test]
    fn a_build_that_changes_nothing_is_told_as_such_too() {
        let (memo, log, clock) = observed();
        let options = stale().no_soft_timeout();
        let get = || {
            let build = |kept: Option<Kept<i32>>| {
                Ok::<_, Infallible>(kept.map_or(Built::new(1), Kept::not_modified))
            };
            memo.get_conditional(SECRET, &options, build).unwrap()
        };
        get();
        clock.advance(secs(60));
        log.take();
        get();
        assert_eq!(log.events(), ["expired", "not_modified", "built in 0ns"]);
    }
}
