//! What is refreshed before it expires, and what does not expire together.

use crate::support::*;
use mementos::{Answered, Options, memoize};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[test]
fn a_value_is_refreshed_from_a_part_of_its_fresh_period_on() {
    static RUNS: Runs = Runs::new();

    #[memoize(max_age = "100s", early_from = 0.8)]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    let (memo, clock) = in_memory();
    let ask = || {
        let got = memo.scope(|| run::detailed(Options::new(), 1).unwrap());
        (got.value, got.how)
    };
    assert_eq!(ask(), (1, Answered::Built));
    clock.advance(secs(79));
    assert_eq!(ask(), (1, Answered::Hit));
    clock.advance(secs(1));
    assert_eq!(ask(), (1, Answered::Early));
    memo.drain();
    assert_eq!(ask(), (2, Answered::Hit));
    assert_eq!(memo.scope(|| run(1)), 2, "nor does a plain call miss it");
    clock.advance(secs(80));
    assert_eq!(memo.scope(|| run(1)), 2);
    memo.drain();
    assert_eq!(memo.scope(|| run(1)), 3);
}

#[test]
fn by_hand_the_first_caller_does_so_itself() {
    let (memo, clock) = in_memory();
    let options = Options::new().max_age(secs(100)).early_from(0.8);
    let ask = |value: u32| {
        let got = memo.get_detailed("key", &options, || value).unwrap();
        (got.value, got.how)
    };
    assert_eq!(ask(1), (1, Answered::Built));
    clock.advance(secs(80));
    assert_eq!(ask(2), (2, Answered::Built));
    assert_eq!(ask(3), (2, Answered::Hit));
}

#[test]
fn an_early_refresh_that_fails_leaves_what_is_fresh_and_waits() {
    let (memo, clock) = in_memory();
    let options = Options::new().max_age(secs(100)).early_from(0.5);
    let fails = || {
        let got = memo.get_detailed::<u32, _>("key", &options, || Err("no"));
        got.map(|got| (got.value, got.how))
    };
    memo.get_with("key", &options, || 1_u32).unwrap();
    clock.advance(secs(50));
    assert_eq!(fails().unwrap(), (1, Answered::Hit));
    let tried = memo.stats().failures;
    clock.advance(secs(29));
    assert_eq!(fails().unwrap(), (1, Answered::Hit));
    assert_eq!(memo.stats().failures, tried, "it is too soon");
    clock.advance(secs(1));
    assert_eq!(fails().unwrap(), (1, Answered::Hit));
    assert_eq!(memo.stats().failures, tried + 1);
    clock.advance(secs(20));
    assert!(fails().is_err(), "it has expired, and has no stale period");
}

/// A build takes a second of the simulated time, in which the calls go on.
#[test]
fn by_chance_a_value_is_refreshed_before_it_expires() {
    const PERIODS: u64 = 1000;
    const CALLS_A_SECOND: u32 = 100;
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    static MAY_END: AtomicU32 = AtomicU32::new(1);

    #[memoize(max_age = "20s", stale_for = "1h", early_beta = 1.0)]
    fn number(x: u32) -> u32 {
        let run = BEGUN.fetch_add(1, Ordering::SeqCst) + 1;
        until(|| MAY_END.load(Ordering::SeqCst) >= run);
        x
    }

    let (memo, clock) = in_memory();
    let second = secs(1);
    memo.scope(|| {
        // The first build takes its second like the others.
        let moved = clock.clone();
        std::thread::scope(|threads| {
            MAY_END.store(0, Ordering::SeqCst);
            threads.spawn(|| {
                until(|| BEGUN.load(Ordering::SeqCst) == 1);
                moved.advance(second);
                MAY_END.store(1, Ordering::SeqCst);
            });
            number(1);
        });
        let call = || {
            clock.advance(second / CALLS_A_SECOND);
            number(1);
        };
        let mut expired = 0;
        for period in 1..=PERIODS {
            let seen = number::stats();
            while number::stats().early == seen.early && number::stats().stale == seen.stale {
                call();
            }
            let run = u32::try_from(period).unwrap() + 1;
            until(|| BEGUN.load(Ordering::SeqCst) == run);
            (0..CALLS_A_SECOND).for_each(|_| call());
            MAY_END.store(run, Ordering::SeqCst);
            memo.drain();
            expired += u64::from(number::stats().stale != seen.stale);
        }
        let most = PERIODS / 1000;
        assert!(expired <= most, "{expired} of {PERIODS} expired first");
        assert_eq!(number::stats().builds, PERIODS + 1, "one build each");
    });
}

#[test]
fn what_was_built_together_does_not_expire_together() {
    const KEYS: u64 = 10_000;
    const MOST: usize = 1200;
    let (memo, _) = in_memory();
    let options = Options::new().max_age(secs(60)).jitter(secs(10));
    let left = (0..KEYS).map(|n| {
        let key = n.to_string();
        memo.get_with(&key, &options, || n).unwrap();
        memo.ttl(&key).unwrap().unwrap()
    });
    let mut left: Vec<Duration> = left.collect();
    left.sort();
    assert!(left[0] >= secs(50) && left[left.len() - 1] <= secs(60));
    // Whenever the second begins.
    for (at, begins) in left.iter().enumerate() {
        let ends = left.partition_point(|left| *left < *begins + secs(1));
        assert!(ends - at <= MOST, "{} from {begins:?} on", ends - at);
    }
}
