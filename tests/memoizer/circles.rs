//! Builds that wait for each other get an error, and do not hang.

use crate::support::*;
use mementos::{BuildError, MemoError, Memoizer, Options, memoize};
use std::convert::Infallible;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn is_recursion<E>(error: &BuildError<E>) -> bool {
    matches!(error, BuildError::Recursion(_))
}

#[test]
fn a_function_that_gets_its_own_result_has_the_recursion() {
    #[memoize]
    fn same(x: u32) -> u32 {
        let error = same::get(Options::new(), x).unwrap_err();
        assert!(is_recursion(&error), "{error:?}");
        x
    }

    for memo in [in_memory().0, over_rows().0] {
        assert_eq!(memo.scope(|| same(1)), 1);
    }
}

#[test]
fn a_function_that_calls_itself_alike_gives_the_recursion() {
    #[memoize(prefix = "same")]
    fn same(x: u32) -> u32 {
        same(x)
    }

    for memo in [in_memory().0, over_rows().0] {
        memo.scope(|| {
            let error = same::get(Options::new(), 1).unwrap_err();
            assert!(is_recursion(&error), "{error:?}");
            assert!(error.to_string().contains("same(1"), "{error}");
            assert!(!same::exists(1));
        });
    }
}

#[test]
fn a_function_that_calls_itself_alike_panics_with_the_recursion() {
    #[memoize]
    fn same(x: u32) -> u32 {
        same(x)
    }

    let payload = std::panic::catch_unwind(|| in_memory().0.scope(|| same(1))).unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("asks for itself"), "{message}");
}

#[test]
fn asking_by_hand_for_the_key_that_is_built_is_the_recursion() {
    for memo in [in_memory().0, over_rows().0] {
        let inner = || memo.get("key", || 1).unwrap_err();
        let outer = memo.get("key", || is_recursion(&inner()));
        assert!(outer.unwrap(), "and the outer build goes on");
    }
}

#[test]
fn recursion_with_other_arguments_is_none() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn fib(n: u64) -> u64 {
        RUNS.count();
        if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
    }

    assert_eq!(over_rows().0.scope(|| fib(90)), 2_880_067_194_370_816_120);
    assert_eq!(RUNS.so_far(), 91);
}

#[test]
fn functions_that_wait_for_each_other_on_one_thread_are_a_cycle() {
    #[memoize(prefix = "chicken")]
    fn chicken(x: u32) -> u32 {
        egg(x)
    }

    #[memoize(prefix = "egg")]
    fn egg(x: u32) -> u32 {
        chicken(x)
    }

    in_memory().0.scope(|| {
        let error = chicken::get(Options::new(), 1).unwrap_err();
        let BuildError::Cycle(circle) = &error else {
            panic!("{error:?}");
        };
        assert_eq!(circle.sites().len(), 2);
        assert!(error.to_string().contains("chicken") && error.to_string().contains("egg"));
    });
}

#[test]
fn functions_that_wait_for_each_other_on_two_threads_are_a_cycle() {
    static BOTH: Barrier = Barrier::new(2);

    #[memoize]
    fn chicken(x: u32) -> u32 {
        BOTH.wait();
        egg(x)
    }

    #[memoize]
    fn egg(x: u32) -> u32 {
        BOTH.wait();
        chicken(x)
    }

    let _alone = Nested::alone();
    for memo in [in_memory().0, over_rows().0] {
        thread::scope(|threads| {
            let one = threads.spawn(|| memo.scope(|| chicken::get(Options::new(), 1)));
            let two = threads.spawn(|| memo.scope(|| egg::get(Options::new(), 1)));
            let (one, two) = (one.join().unwrap(), two.join().unwrap());
            assert!(matches!(one, Err(BuildError::Cycle(_))), "{one:?}");
            assert!(matches!(two, Err(BuildError::Cycle(_))), "{two:?}");
        });
        memo.scope(|| assert!(!chicken::exists(1) && !egg::exists(1)));
    }
}

#[test]
fn calls_by_hand_that_wait_for_each_other_on_two_threads_are_a_cycle() {
    let _alone = Nested::alone();
    let both = Barrier::new(2);
    let (memo, _, _) = over_rows();
    // Whether the inner call closed the circle. Whoever closes it goes on, and so
    // the other is given a value.
    let closes = |own: &str, other: &str| {
        let build = || {
            both.wait();
            matches!(memo.get(other, || true), Err(BuildError::Cycle(_)))
        };
        memo.get(own, build).unwrap()
    };
    thread::scope(|threads| {
        let one = threads.spawn(|| closes("a", "b"));
        let two = threads.spawn(|| closes("b", "a"));
        let (one, two) = (one.join().unwrap(), two.join().unwrap());
        assert!(one != two, "one of them closed it: {one}, {two}");
    });
}

#[test]
fn expiring_the_key_that_is_built_is_a_circle() {
    let (memo, _, _) = over_rows();
    let expired = |memo: &Memoizer| memo.expire("key", secs(1)).unwrap_err();
    let built = memo.get("key", || matches!(expired(&memo), MemoError::Circle(_)));
    assert!(built.unwrap());
}

#[test]
fn a_build_may_delete_what_it_builds() {
    #[memoize]
    fn shy(x: u32) -> u32 {
        assert!(!shy::delete(x).unwrap());
        x
    }

    for memo in [in_memory().0, over_rows().0] {
        memo.scope(|| {
            assert_eq!(shy(1), 1);
            assert!(!shy::exists(1), "the delete came before the result");
        });
        memo.get("key", || memo.delete("key").unwrap()).unwrap();
        assert!(!memo.exists("key").unwrap());
    }
}

fn told(error: BuildError<Infallible>) -> String {
    assert!(error.circle().is_some(), "{error:?}");
    error.to_string()
}

#[test]
fn a_circle_through_a_job_is_an_error() {
    // Without limits to both waits; and with one to each, which is not waited for. Whoever
    // waits last is told.
    let limited = Options::new().timeout(HOUR);
    for (limit, there) in [(Duration::MAX, Options::new()), (HOUR, limited)] {
        let (memo, _) = in_memory();
        let there = &there;
        let here: Result<u32, BuildError<String>> = memo.get("here", || {
            let (asks, there) = (memo.clone(), there.clone());
            let build = move || asks.get_with("here", &there, || 0_u32).map_err(told);
            let options = Options::new().hard_timeout(limit);
            let got: Result<u32, BuildError<String>> = memo.get_refreshing("there", options, build);
            let error = got.unwrap_err();
            Err::<u32, String>(error.failure().cloned().unwrap_or(format!("{error:?}")))
        });
        let error = here.unwrap_err();
        let told = error.failure().unwrap();
        assert!(told.contains(r#""here" -> "there""#), "{told}");
    }
}

#[test]
fn who_would_wait_for_a_job_that_waits_for_it_is_told() {
    let nested = Nested::alone();
    let (memo, _) = in_memory();
    let here = memo.get::<u32, _>("own", || {
        let ask = |limit| {
            let asks = memo.clone();
            let options = Options::new().hard_timeout(limit);
            memo.get_refreshing::<u32, _>("other", options, move || {
                asks.get::<u32, _>("own", || 0_u32).unwrap()
            })
        };
        let late = ask(Duration::ZERO);
        assert!(matches!(late, Err(BuildError::TimedOut(_))), "{late:?}");
        nested.until_waiting(1);
        let Err(BuildError::Cycle(circle)) = ask(HOUR) else {
            panic!("it waits");
        };
        let keys: Vec<_> = circle.sites().iter().map(|site| site.key()).collect();
        assert_eq!(keys, ["\"other\"", "\"own\""]);
        1
    });
    assert_eq!(here.unwrap(), 1);
    memo.drain();
    let other = memo.get::<u32, _>("other", || 2);
    assert_eq!(other.unwrap(), 1, "the job goes on");
}
