//! Options at every level.

use crate::support::*;
use mementos::clock::Clock;
use mementos::{Memoizer, Options, Rules, memoize};
use std::sync::LazyLock;

fn age(seconds: u64) -> Options {
    Options::new().max_age(secs(seconds))
}

#[test]
fn the_nearest_level_that_says_something_holds_by_hand() {
    let (memo, _, _) = over_rows();
    let memo = memo
        .defaults(age(1))
        .region("parent", age(2))
        .region("open", Options::new().parent("parent"))
        .region("own", age(3).parent("parent"));
    let ttl = |key: &str, call: Options| {
        memo.get_with(key, call, || 1).unwrap();
        memo.ttl(key).unwrap().unwrap()
    };
    assert_eq!(ttl("defaults", Options::new()), secs(1));
    assert_eq!(ttl("open", Options::new().region("open")), secs(2));
    assert_eq!(ttl("own", Options::new().region("own")), secs(3));
    assert_eq!(ttl("call", age(4).region("own")), secs(4));
}

#[test]
fn the_nearest_level_that_says_something_holds_for_a_function() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, _) = in_memory();
    let memo = memo
        .defaults(age(1))
        .region("parent", age(2))
        .region("open", Options::new().parent("parent"))
        .region("own", age(3).parent("parent"));
    memo.scope(|| {
        let ttl = |options: Options, x| {
            one::set_options(options);
            one(x);
            one::ttl(x).unwrap()
        };
        assert_eq!(ttl(Options::new(), 1), secs(1));
        assert_eq!(ttl(Options::new().region("open"), 2), secs(2));
        assert_eq!(ttl(Options::new().region("own"), 3), secs(3));
        assert_eq!(ttl(age(4).region("own"), 4), secs(4));
        one::get(age(5), 5).unwrap();
        assert_eq!(one::ttl(5), Some(secs(5)));
        one::get(Options::new().no_max_age(), 6).unwrap();
        assert_eq!(one::ttl(6), None);
    });
}

#[test]
fn a_call_may_choose_another_region_than_its_function() {
    #[memoize(region = "short")]
    fn one(x: u32) -> u32 {
        x
    }

    let memo = in_memory().0.region("short", age(1)).region("long", age(2));
    memo.scope(|| {
        one(1);
        one::get(Options::new().region("long"), 2).unwrap();
        one::get(Options::new().no_region(), 3).unwrap();
        assert_eq!(one::ttl(1), Some(secs(1)));
        assert_eq!(one::ttl(2), Some(secs(2)));
        assert_eq!(one::ttl(3), None);
    });
}

#[test]
fn options_of_a_handle_hold_for_its_calls() {
    let (memo, rows, _) = over_rows();
    let tenant = memo.with(Options::new().namespace("tenant").max_age(secs(5)));
    tenant.get("key", || 1).unwrap();
    assert_eq!(keys(&rows), ["tenant:key"]);
    assert_eq!(tenant.ttl("key").unwrap(), Some(secs(5)));
    assert!(!memo.exists("key").unwrap());
    assert!(tenant.exists("key").unwrap());
    assert!(tenant.expire("key", secs(1)).unwrap());
    assert!(tenant.delete("key").unwrap());
}

#[test]
fn options_of_a_handle_are_not_those_of_functions_in_its_scope() {
    #[memoize(prefix = "one")]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, rows, _) = over_rows();
    let tenant = memo.with(Options::new().namespace("tenant"));
    tenant.scope(|| one(1));
    assert_eq!(keys(&rows), ["one(1)"]);
}

#[test]
fn a_namespace_of_a_call_has_results_of_its_own() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    in_memory().0.scope(|| {
        let tenant = Options::new().namespace("tenant");
        assert_eq!((run(1), run::get(&tenant, 1).unwrap()), (1, 2));
        assert_eq!((run(1), run::get(&tenant, 1).unwrap()), (1, 2));
        assert_eq!(run::function().len(), 2);
        run::clear().unwrap();
        assert_eq!((run(1), run::get(&tenant, 1).unwrap()), (3, 4));
    });
}

#[test]
fn new_options_of_a_function_hold_at_once() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        assert_eq!((run(1), run(1)), (1, 1));
        clock.advance(secs(10));
        run::set_options(age(10));
        assert_eq!((run(1), run(1)), (2, 2), "the kept one is too old now");
        run::set_options(Options::new());
        clock.advance(secs(100));
        assert!(!run::exists(1), "it was put with an end");
    });
}

#[test]
fn new_rules_of_a_function_hold_at_once() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    in_memory().0.scope(|| {
        assert_eq!((run(1), run(1)), (1, 1));
        run::function().change_rules(|rules| rules.etag_by(|x| *x));
        assert_eq!((run(1), run(1)), (2, 2), "the kept one has no etag");
        assert_eq!(run::last_etag(1).unwrap().as_str(), "1");
        run::function().set_rules(Rules::new());
        assert_eq!(run(1), 2);
    });
}

#[test]
fn ages_by_the_value_come_before_those_by_the_arguments() {
    #[memoize(max_age = |x| Some(secs(x)), max_age_of = |x| (*x > 5).then_some(secs(100)))]
    fn one(x: u64) -> u64 {
        x
    }

    in_memory().0.scope(|| {
        one(3);
        one(7);
        assert_eq!(one::ttl(3), Some(secs(3)));
        assert_eq!(one::ttl(7), Some(secs(100)));
    });
}

#[test]
fn an_age_by_the_value_may_be_longer_than_the_general_one() {
    #[memoize(max_age = "10s")]
    fn one(x: u64) -> u64 {
        x
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        one::function().change_rules(|rules| rules.max_age_of(|_| secs(100)));
        one(1);
        clock.advance(secs(99));
        assert!(one::exists(1));
        assert_eq!((one(1), one::stats().builds), (1, 1));
        one::get(age(50), 1).unwrap();
        assert_eq!(one::stats().builds, 2, "what a call says is a bound");
    });

    let (memo, _, clock) = over_rows();
    let memo = memo.defaults(age(10));
    let long = Options::new().max_age_of(|_: &u32| secs(100));
    memo.get_with("key", &long, || 1_u32).unwrap();
    clock.advance(secs(99));
    assert_eq!(memo.get_with("key", &long, || 2_u32).unwrap(), 1);
    clock.advance(secs(1));
    assert_eq!(memo.get_with("key", &long, || 3_u32).unwrap(), 3);
}

#[test]
fn an_age_of_values_of_another_type_leaves_it_to_the_general_one() {
    let (memo, _, _) = over_rows();
    let other = age(10).max_age_of(|_: &String| secs(100));
    memo.get_with("key", other, || 1_u32).unwrap();
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(10)));
}

#[test]
fn ages_by_the_arguments_may_leave_it_to_the_options() {
    static CLOCK: LazyLock<mementos::clock::FakeClock> = LazyLock::new(Default::default);

    #[memoize]
    fn one(x: u64) -> u64 {
        x
    }

    Memoizer::in_memory().clock(CLOCK.clone()).scope(|| {
        one::set_options(age(50));
        one::max_age_by(|x| (*x > 5).then(|| secs(*x)));
        one(3);
        one(7);
        assert_eq!((one::ttl(3), one::ttl(7)), (Some(secs(50)), Some(secs(7))));
        one::expiry_by(|_| CLOCK.now() + secs(4));
        one(9);
        assert_eq!(one::ttl(9), Some(secs(4)));
    });
}

#[test]
fn an_etag_of_the_value_is_kept_and_compared() {
    static RUNS: Runs = Runs::new();

    #[memoize(etag_of = |text| text.len())]
    fn text(x: usize) -> String {
        RUNS.count();
        "x".repeat(x)
    }

    in_memory().0.scope(|| {
        text(3);
        assert_eq!(text::last_etag(3).unwrap().as_str(), "3");
        text::get(Options::new().etag(3), 3).unwrap();
        assert_eq!(RUNS.so_far(), 1);
        text::get(Options::new().etag(4), 3).unwrap();
        assert_eq!(RUNS.so_far(), 2);
        assert_eq!(text::last_etag(3).unwrap().as_str(), "3");
    });
}

#[test]
fn jitter_shortens_ages_by_no_more_than_is_said() {
    #[memoize(max_age = "60s", jitter = "10s")]
    fn one(x: u32) -> u32 {
        x
    }

    in_memory().0.scope(|| {
        let ttl = |x| {
            one(x);
            one::ttl(x).unwrap()
        };
        let mut all: Vec<_> = (0..100).map(ttl).collect();
        assert!(all.iter().all(|ttl| (secs(50)..=secs(60)).contains(ttl)));
        all.sort();
        all.dedup();
        assert!(all.len() > 50, "they do not end together: {}", all.len());
    });

    let (memo, _, _) = over_rows();
    let jitter = age(60).jitter(secs(10));
    let ttl = |key: u32| {
        memo.get_with(&key.to_string(), &jitter, || 1).unwrap();
        memo.ttl(&key.to_string()).unwrap().unwrap()
    };
    let all: Vec<_> = (0..100).map(ttl).collect();
    assert!(all.iter().all(|ttl| (secs(50)..=secs(60)).contains(ttl)));
    assert!(all.iter().any(|ttl| *ttl != all[0]));
}

#[test]
fn jitter_leaves_an_endless_age_endless() {
    let (memo, _, _) = over_rows();
    let jitter = Options::new().jitter(secs(10));
    memo.get_with("key", jitter, || 1).unwrap();
    assert_eq!(memo.ttl("key").unwrap(), None);
}

#[test]
fn an_age_of_nothing_keeps_nothing_for_the_next() {
    static RUNS: Runs = Runs::new();

    #[memoize(max_age = "0s")]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    in_memory().0.scope(|| assert_eq!((run(1), run(1)), (1, 2)));
}

#[test]
fn an_age_beyond_the_clock_is_endless() {
    let (memo, _, clock) = over_rows();
    let long = Options::new().max_age(std::time::Duration::MAX);
    memo.get_with("key", &long, || 1).unwrap();
    clock.advance(secs(3600 * 24 * 365 * 100));
    assert_eq!(memo.get_with("key", &long, || 2).unwrap(), 1);
    assert_eq!(memo.ttl("key").unwrap(), None);
}

#[test]
fn an_expiry_that_has_passed_builds_each_time() {
    let (memo, _, clock) = over_rows();
    let past = Options::new().expiry(clock.now() - secs(1));
    assert_eq!(memo.get_with("key", &past, || 1).unwrap(), 1);
    assert_eq!(memo.get_with("key", &past, || 2).unwrap(), 2);
}
