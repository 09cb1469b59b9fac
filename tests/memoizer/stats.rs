//! What is counted, and what observers are told.

use crate::support::*;
use mementos::clock::FakeClock;
use mementos::{Memoizer, Options, memoize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

#[test]
fn hits_are_counted_where_that_is_switched_on() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    in_memory().0.scope(|| {
        one(1);
        one(1);
        assert_eq!(one::stats().hits, 0);
        one::function().count_hits(true);
        one(1);
        one(1);
        one(2);
        assert_eq!(one::stats().hits, 2);
        one::function().count_hits(false);
        one(1);
        assert_eq!(one::stats().hits, 2);
    });

    let (memo, _, _) = over_rows();
    memo.count_hits(true);
    for _ in 0..3 {
        memo.get("key", || 1).unwrap();
    }
    assert_eq!(memo.stats().hits, 2);
}

#[test]
fn builds_and_their_time_are_counted() {
    static CLOCK: LazyLock<FakeClock> = LazyLock::new(FakeClock::new);

    #[memoize]
    fn slow(x: u32) -> u32 {
        CLOCK.advance(secs(2));
        x
    }

    Memoizer::in_memory().clock(CLOCK.clone()).scope(|| {
        slow(1);
        slow(2);
        slow(1);
        let stats = slow::stats();
        assert_eq!((stats.builds, stats.build_time), (2, secs(4)));
        slow::refresh(1).unwrap();
        assert_eq!(slow::stats().builds, 3);
    });
}

#[test]
fn failures_are_counted_and_are_no_builds() {
    #[memoize]
    fn fails(x: u32) -> Result<u32, String> {
        match x {
            0 => Err("zero".to_owned()),
            1 => panic!("one"),
            2 => fails(2),
            x => Ok(x),
        }
    }

    in_memory().0.scope(|| {
        _ = fails(0);
        catch_unwind(|| fails(1)).unwrap_err();
        fails::get(Options::new(), 2).unwrap_err();
        fails(3).unwrap();
        let stats = fails::stats();
        assert_eq!((stats.failures, stats.builds), (3, 1));
    });
}

#[test]
fn failures_by_hand_are_counted_and_are_no_builds() {
    let (memo, _, _) = over_rows();
    memo.get::<u32, _>("error", || Err("no")).unwrap_err();
    let panics = || memo.get::<u32, _>("panic", || -> u32 { panic!("no") });
    catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    let stats = memo.stats();
    assert_eq!((stats.failures, stats.builds), (2, 0));
}

#[test]
fn what_has_expired_or_changed_is_counted() {
    #[memoize(max_age = "1s")]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        one(1);
        clock.advance(secs(1));
        one(1);
        assert_eq!(one::stats().expired, 1);
        one::get(Options::new().etag("a"), 1).unwrap();
        assert_eq!(one::stats().changed, 1);
    });
}

#[test]
fn removals_are_counted() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    in_memory().0.scope(|| {
        (0..5).for_each(|x| _ = one(x));
        one::delete(0).unwrap();
        one::delete(0).unwrap();
        assert_eq!(one::stats().removals, 1);
        one::clear().unwrap();
        assert_eq!(one::stats().removals, 5);
    });
}

#[test]
fn what_is_swept_is_counted() {
    #[memoize(max_age = "1s")]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        (0..100).for_each(|x| _ = one(x));
        clock.advance(secs(1));
        (1000..3000).for_each(|x| _ = one(x));
        assert_eq!(one::stats().evicted, 100);
    });
}

#[cfg(feature = "bounded")]
#[test]
fn what_a_bound_pushes_out_is_counted() {
    #[memoize(capacity = 10)]
    fn one(x: u32) -> u32 {
        x
    }

    in_memory().0.scope(|| {
        (0..100).for_each(|x| _ = one(x));
        let kept = one::function().len() as u64;
        assert_eq!(one::stats().evicted + kept, 100);
    });
}

#[test]
fn calls_by_hand_and_functions_are_counted_apart() {
    #[memoize(prefix = "one")]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, _, _) = over_rows();
    memo.get("key", || 1).unwrap();
    memo.scope(|| (one(1), one(2)));
    assert_eq!(memo.stats().builds, 1);
    let functions = memo.functions();
    assert_eq!(functions.len(), 1);
    assert_eq!((functions[0].0, functions[0].1.builds), ("one", 2));
}

#[test]
fn observers_are_told_in_order() {
    #[memoize(max_age = "1s")]
    fn one(x: u32) -> u32 {
        x
    }

    let notes = Arc::new(Notes::default());
    let (memo, clock) = in_memory();
    let memo = memo.observer(Arc::clone(&notes));
    memo.scope(|| {
        one(1);
        one(1);
        assert_eq!(notes.taken(), ["miss", "built", "hit"]);
        clock.advance(secs(1));
        one(1);
        assert_eq!(notes.taken(), ["expired", "built",]);
        one::get(Options::new().etag("a"), 1).unwrap();
        assert_eq!(notes.taken(), ["etag_changed", "built"]);
    });
}

#[test]
fn an_observer_that_comes_later_is_told_of_hits() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, _) = in_memory();
    memo.scope(|| {
        one(1);
        one(1);
        let notes = Arc::new(Notes::default());
        memo.add_observer(Arc::clone(&notes));
        one(1);
        assert_eq!(notes.taken(), ["hit"]);
    });
}

#[test]
fn stats_can_be_read_by_a_person() {
    let (memo, _, _) = over_rows();
    memo.get("key", || 1).unwrap();
    let text = memo.stats().to_string();
    assert!(text.contains("1 builds"), "{text}");
}
