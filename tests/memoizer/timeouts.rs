//! How long a caller waits for another caller's build.

use crate::support::*;
use mementos::{BuildError, Memoizer, OnLockTimeout, Options, memoize};
use std::thread;
use std::time::Duration;

/// Too short for a build that waits at a door.
const BRIEF: Duration = Duration::from_millis(5);

fn brief(then: OnLockTimeout) -> Options {
    Options::new().timeout(BRIEF).on_lock_timeout(then)
}

/// Has another thread build `key` for as long as `meanwhile` takes.
fn while_building(memo: &Memoizer, meanwhile: impl FnOnce()) {
    let door = Door::new();
    let slow = || {
        door.pass();
        1
    };
    thread::scope(|threads| {
        let built = threads.spawn(|| memo.get("key", slow).unwrap());
        door.until_came(1);
        meanwhile();
        door.open();
        assert_eq!(built.join().unwrap(), 1);
    });
}

#[test]
fn the_time_for_another_callers_build_may_be_an_error() {
    let memo = over_rows().0;
    while_building(&memo, || {
        let late = memo.get_with("key", brief(OnLockTimeout::Error), || 2);
        let Err(BuildError::TimedOut(late)) = late else {
            panic!("{late:?}");
        };
        assert_eq!(late.waited(), BRIEF);
        assert!(late.site().key().contains("key"));
    });
    assert_eq!(memo.get("key", || 3).unwrap(), 1, "the build went on");
}

#[test]
fn else_the_caller_builds_alone_and_keeps_nothing() {
    let memo = over_rows().0;
    while_building(&memo, || {
        let alone = memo.get_with("key", brief(OnLockTimeout::Build), || 2);
        assert_eq!(alone.unwrap(), 2);
        assert!(!memo.exists("key").unwrap());
    });
    assert_eq!(memo.get("key", || 3).unwrap(), 1);
}

#[test]
fn an_error_of_who_builds_alone_is_the_functions_own() {
    let memo = over_rows().0;
    while_building(&memo, || {
        let options = brief(OnLockTimeout::Build);
        let failed = memo.get_with::<i32, _>("key", options, || Err("no"));
        assert_eq!(failed.unwrap_err().failure(), Some(&"no"));
    });
}

#[test]
fn a_function_has_the_same_limits() {
    static DOOR: Door = Door::new();
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        let run = RUNS.count();
        if run == 1 {
            DOOR.pass();
        }
        run
    }

    let memo = in_memory().0;
    thread::scope(|threads| {
        let first = threads.spawn(|| memo.scope(|| run(1)));
        DOOR.until_came(1);
        memo.scope(|| {
            let late = run::get(brief(OnLockTimeout::Error), 1);
            assert!(matches!(late, Err(BuildError::TimedOut(_))), "{late:?}");
            assert_eq!(run::get(brief(OnLockTimeout::Build), 1).unwrap(), 2);
            assert!(!run::exists(1));
            assert_eq!(run::stats().builds, 1);
        });
        DOOR.open();
        assert_eq!(first.join().unwrap(), 1);
    });
    assert_eq!(memo.scope(|| run(1)), 1);
}

#[test]
fn without_a_word_the_wait_has_no_limit() {
    let nested = Nested::alone();
    let memo = over_rows().0;
    let door = Door::new();
    let slow = || {
        door.pass();
        1
    };
    thread::scope(|threads| {
        let built = threads.spawn(|| memo.get("key", slow).unwrap());
        door.until_came(1);
        let joined = threads.spawn(|| {
            let inner = || memo.get("key", || 2).unwrap();
            memo.get("own", inner).unwrap()
        });
        nested.until_waiting(1);
        door.open();
        assert_eq!((built.join().unwrap(), joined.join().unwrap()), (1, 1));
    });
}
