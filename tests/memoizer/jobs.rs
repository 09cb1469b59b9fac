//! Work in the background, and what comes in between.

use crate::support::*;
use mementos::background::{Background, Full, Work};
use mementos::{Answered, BuildError, Memoizer, Options, memoize};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// For calls whose builds are done in the background.
fn limited() -> Options {
    Options::new().hard_timeout(secs(5))
}

/// Has the build of a key be under way in the background, with somebody who waits for it;
/// and says how often the function has run.
fn while_building(memo: &Memoizer, meanwhile: impl FnOnce(&dyn Fn() -> u32)) {
    let (door, runs) = (Arc::new(Door::new()), Arc::new(Runs::new()));
    let ask = || {
        let (door, runs) = (Arc::clone(&door), Arc::clone(&runs));
        let got = memo.get_refreshing("key", limited(), move || {
            let run = runs.count();
            if run == 1 {
                door.pass();
            }
            run
        });
        got.unwrap()
    };
    thread::scope(|threads| {
        let waits = threads.spawn(ask);
        door.until_came(1);
        meanwhile(&ask);
        door.open();
        assert_eq!(waits.join().unwrap(), 1, "it is answered all the same");
    });
    memo.drain();
    assert_eq!(ask(), 2, "what was built before is not kept");
}

#[test]
fn who_comes_after_a_delete_gets_nothing_that_was_begun_before() {
    let memo = Memoizer::in_memory();
    while_building(&memo, |ask| {
        memo.delete("key").unwrap();
        assert_eq!(ask(), 2);
    });
}

#[test]
fn nor_after_everything_was_cleared() {
    let memo = Memoizer::in_memory();
    while_building(&memo, |ask| {
        memo.clear().unwrap();
        assert_eq!(ask(), 2);
    });
}

#[test]
fn nor_of_a_function() {
    static DOOR: Door = Door::new();
    static RUNS: Runs = Runs::new();

    /// Its odd runs wait.
    #[memoize(hard_timeout = "5s")]
    fn run(x: u32) -> u32 {
        _ = x;
        let run = RUNS.count();
        if run % 2 == 1 {
            DOOR.pass();
        }
        run
    }

    let memo = Memoizer::in_memory();
    let ask = || memo.scope(|| run(1));
    let removals: [&dyn Fn(); 2] = [&|| _ = memo.scope(|| run::delete(1)), &|| {
        memo.clear().unwrap();
    }];
    thread::scope(|threads| {
        for (before, remove) in (0..).step_by(2).zip(removals) {
            let waits = threads.spawn(ask);
            DOOR.until_came(before / 2 + 1);
            remove();
            assert_eq!(ask(), before + 2);
            remove();
            drop(waits);
        }
        DOOR.open();
    });
}

#[test]
fn a_failure_is_over_once_there_is_a_newer_value() {
    let (memo, clock) = in_memory();
    let options = Options::new()
        .max_age(secs(10))
        .stale_for(secs(3600))
        .no_soft_timeout();
    let ask = |options: &Options, value: u32| {
        let got = memo.get_detailed("key", options, || value).unwrap();
        (got.value, got.how)
    };
    let fail = || {
        let got = memo.get_detailed::<u32, _>("key", &options, || Err("out of order"));
        got.unwrap().how
    };
    let only_fresh = options.clone().only_fresh(true);
    ask(&options, 1);
    for value in [10, 20] {
        clock.advance(secs(10));
        assert_eq!(fail(), Answered::Fallback);
        clock.advance(secs(1));
        // By who falls back on nothing, and so takes no note of a success.
        match value {
            10 => assert_eq!(ask(&only_fresh, value), (value, Answered::Built)),
            _ => {
                memo.delete("key").unwrap();
                ask(&options, value);
            }
        }
        clock.advance(secs(10));
        assert_eq!(ask(&options, value + 1), (value + 1, Answered::Built));
    }
}

/// Has no room; and takes its time to say so, until another waits for the same work.
struct NoRoom(Arc<Notes>);

impl Background for NoRoom {
    fn run(&self, work: Work) -> Result<(), Full> {
        until(|| self.0.has("expired"));
        drop(work);
        Err(Full)
    }
}

#[test]
fn who_waits_for_work_that_found_no_room_still_falls_back() {
    let notes = Arc::new(Notes::default());
    let (memo, clock) = in_memory();
    let memo = memo
        .background(NoRoom(Arc::clone(&notes)))
        .observer(Arc::clone(&notes));
    let options = Options::new()
        .max_age(secs(60))
        .stale_for(secs(3600))
        .soft_timeout(secs(60));
    memo.get_with("key", &options, || 1).unwrap();
    clock.advance(secs(60));
    let ask = || memo.get_refreshing::<i32, _>("key", &options, || Err("out of order"));
    thread::scope(|threads| {
        let both = [threads.spawn(ask), threads.spawn(ask)];
        for one in both {
            assert_eq!(one.join().unwrap().unwrap(), 1);
        }
    });
}

#[test]
fn a_build_does_not_wait_for_background_work_that_waits_for_it() {
    let nested = Nested::alone();
    let (memo, _) = in_memory();
    let outer = memo.get::<u32, _>("outer", || {
        let asks = memo.clone();
        let at_once = Options::new().hard_timeout(Duration::ZERO);
        let work = move || asks.get::<u32, _>("outer", || 0_u32).unwrap();
        let late = memo.get_refreshing::<u32, _>("other", at_once, work);
        assert!(matches!(late, Err(BuildError::TimedOut(_))), "{late:?}");
        nested.until_waiting(1);
        memo.drain();
        1
    });
    assert_eq!(outer.unwrap(), 1);
    memo.drain();
    assert_eq!(memo.get::<u32, _>("other", || 2_u32).unwrap(), 1);
}
