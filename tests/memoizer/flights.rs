//! One build for all who ask meanwhile.

use crate::support::*;
use mementos::{BuildError, Memoizer, Options, memoize};
use std::cell::Cell;
use std::sync::Barrier;
use std::thread;

const CALLERS: usize = 8;

/// Runs `call` in each of `CALLERS` threads, inside of the same scope; has `then`
/// run while they do.
fn callers<R: Send>(memo: &Memoizer, call: impl Fn() -> R + Sync, then: impl FnOnce()) -> Vec<R> {
    thread::scope(|threads| {
        let each = || threads.spawn(|| memo.scope(&call));
        let all: Vec<_> = (0..CALLERS).map(|_| each()).collect();
        then();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn eight_callers_of_a_function_have_one_run() {
    static RUNS: Runs = Runs::new();
    static DOOR: Door = Door::new();

    #[memoize]
    fn slow(name: Watched) -> String {
        RUNS.count();
        DOOR.pass();
        name.0.to_owned()
    }

    let (memo, _) = in_memory();
    let asked = Watched::new("a");
    let all = callers(
        &memo,
        || slow(asked.clone()),
        || {
            asked.until_joined(CALLERS - 1);
            DOOR.open();
        },
    );
    assert_eq!(all, vec!["a"; CALLERS]);
    assert_eq!(RUNS.so_far(), 1);
    let stats = memo.scope(slow::stats);
    assert_eq!((stats.builds, stats.joins), (1, CALLERS as u64 - 1));
}

#[test]
fn eight_callers_by_hand_have_one_run() {
    let nested = Nested::alone();
    let (memo, _, _) = over_rows();
    let (runs, door, callers_of) = (Runs::new(), Door::new(), Runs::new());
    let slow = || {
        runs.count();
        door.pass();
        7_u32
    };
    // Each asks from inside a build of its own, so that its wait can be counted.
    let ask = || {
        let own = callers_of.count().to_string();
        memo.get(&own, || memo.get("key", slow).unwrap()).unwrap()
    };
    let all = callers(&memo, ask, || {
        nested.until_waiting(CALLERS - 1);
        door.open();
    });
    assert_eq!(all, [7; CALLERS]);
    assert_eq!(runs.so_far(), 1);
    assert_eq!(memo.stats().joins, CALLERS as u64 - 1);
}

#[test]
fn eight_callers_of_a_failing_function_have_one_run() {
    static RUNS: Runs = Runs::new();
    static DOOR: Door = Door::new();

    #[memoize]
    fn fails(name: Watched) -> Result<u32, String> {
        RUNS.count();
        DOOR.pass();
        Err(name.0.to_owned())
    }

    let (memo, _) = in_memory();
    let asked = Watched::new("a");
    let all = callers(
        &memo,
        || fails(asked.clone()),
        || {
            asked.until_joined(CALLERS - 1);
            DOOR.open();
        },
    );
    assert_eq!(all, vec![Err("a".to_owned()); CALLERS]);
    assert_eq!(RUNS.so_far(), 1);
    memo.scope(|| {
        assert!(!fails::exists(asked.clone()));
        assert!(fails(asked.clone()).is_err());
        assert_eq!(RUNS.so_far(), 2, "the next builds anew");
        assert_eq!(fails::stats().joins, CALLERS as u64 - 1);
    });
}

#[test]
fn eight_callers_by_hand_of_what_fails_have_one_run_and_one_error() {
    let nested = Nested::alone();
    let (memo, _, _) = over_rows();
    let (runs, door, callers_of) = (Runs::new(), Door::new(), Runs::new());
    let fails = || {
        runs.count();
        door.pass();
        Err::<u32, &str>("no")
    };
    let ask = || {
        let own = callers_of.count().to_string();
        let inner = || memo.get::<u32, _>("key", fails).unwrap_err();
        memo.get(&own, || *inner().failure().unwrap()).unwrap()
    };
    let all = callers(&memo, ask, || {
        nested.until_waiting(CALLERS - 1);
        door.open();
    });
    assert_eq!(all, ["no"; CALLERS]);
    assert_eq!(runs.so_far(), 1);
    assert!(!memo.exists("key").unwrap());
    let joins = memo.stats().joins;
    assert_eq!(
        joins,
        CALLERS as u64 - 1,
        "who is given an error has joined too"
    );
}

#[test]
fn an_error_without_a_clone_reaches_every_caller() {
    static RUNS: Runs = Runs::new();
    static DOOR: Door = Door::new();

    struct NoClone(u32);

    #[memoize]
    fn fails(name: Watched) -> Result<u32, NoClone> {
        _ = name;
        let run = RUNS.count();
        DOOR.pass();
        Err(NoClone(run))
    }

    for memo in [in_memory().0, over_rows().0] {
        let asked = Watched::new("a");
        let before = RUNS.so_far();
        let all = callers(
            &memo,
            || fails(asked.clone()),
            || {
                DOOR.until_came(before + 1);
                DOOR.open();
            },
        );
        let mut runs: Vec<_> = all.into_iter().map(|one| one.unwrap_err().0).collect();
        runs.sort_unstable();
        runs.dedup();
        assert_eq!(runs.len(), CALLERS, "each has an error of its own");
    }
}

#[test]
fn a_value_beside_an_error_without_a_clone_is_shared() {
    static RUNS: Runs = Runs::new();
    static DOOR: Door = Door::new();

    struct NoClone;

    #[memoize]
    fn works(name: Watched) -> Result<u32, NoClone> {
        _ = name;
        RUNS.count();
        DOOR.pass();
        Ok(1)
    }

    let (memo, _) = in_memory();
    let asked = Watched::new("a");
    let all = callers(
        &memo,
        || works(asked.clone()),
        || {
            asked.until_joined(CALLERS - 1);
            DOOR.open();
        },
    );
    assert!(all.iter().all(|one| matches!(one, Ok(1))));
    assert_eq!(RUNS.so_far(), 1);
}

#[test]
fn a_panic_reaches_the_leader_and_is_an_error_to_the_rest() {
    static RUNS: Runs = Runs::new();
    static DOOR: Door = Door::new();

    #[memoize]
    fn panics(name: Watched) -> u32 {
        _ = name;
        RUNS.count();
        DOOR.pass();
        panic!("on purpose")
    }

    let (memo, _) = in_memory();
    let asked = Watched::new("a");
    let call = || {
        let call = || panics::get(Options::new(), asked.clone());
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(call))
    };
    let all = callers(&memo, call, || {
        asked.until_joined(CALLERS - 1);
        DOOR.open();
    });
    assert_eq!(RUNS.so_far(), 1);
    let leaders = all.iter().filter(|one| one.is_err()).count();
    assert_eq!(leaders, 1);
    for joined in all.into_iter().flatten() {
        let Err(BuildError::Panicked(panicked)) = joined else {
            panic!("{joined:?}");
        };
        assert_eq!(panicked.message(), "on purpose");
    }
}

#[test]
fn a_none_that_is_not_kept_is_shared_with_who_joined() {
    static RUNS: Runs = Runs::new();
    static DOOR: Door = Door::new();

    #[memoize]
    fn none(name: Watched) -> Option<u32> {
        _ = name;
        RUNS.count();
        DOOR.pass();
        None
    }

    let (memo, _) = in_memory();
    let asked = Watched::new("a");
    let all = callers(
        &memo,
        || none(asked.clone()),
        || {
            asked.until_joined(CALLERS - 1);
            DOOR.open();
        },
    );
    assert_eq!(all, [None; CALLERS]);
    assert_eq!(RUNS.so_far(), 1);
    assert!(!memo.scope(|| none::exists(asked.clone())));
}

const THREADS: usize = 32;
const COLD: u32 = 200;

/// Has 32 threads ask for 200 keys at once, each from another key on.
fn cold(ask: impl Fn(u32) + Sync) {
    let ready = Barrier::new(THREADS);
    thread::scope(|threads| {
        for thread in 0..THREADS as u32 {
            let (ready, ask) = (&ready, &ask);
            threads.spawn(move || {
                ready.wait();
                (0..COLD).for_each(|key| ask((key + 7 * thread) % COLD));
            });
        }
    });
}

#[test]
fn two_hundred_cold_keys_are_two_hundred_runs_of_a_function() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn double(x: u32) -> u32 {
        RUNS.count();
        thread::yield_now();
        2 * x
    }

    cold(|x| assert_eq!(double(x), 2 * x));
    assert_eq!(RUNS.so_far(), COLD);
    let memo = over_rows().0;
    cold(|x| assert_eq!(memo.scope(|| double(x)), 2 * x));
    assert_eq!(RUNS.so_far(), 2 * COLD, "and as many in a shared store");
}

#[test]
fn two_hundred_cold_keys_are_two_hundred_runs_by_hand() {
    for memo in [in_memory().0, over_rows().0] {
        let runs = Runs::new();
        cold(|x| {
            let run = || {
                runs.count();
                thread::yield_now();
                2 * x
            };
            assert_eq!(memo.get(&x.to_string(), run).unwrap(), 2 * x);
        });
        assert_eq!(runs.so_far(), COLD);
        assert_eq!(memo.stats().builds, u64::from(COLD));
    }
}

#[test]
fn who_wants_another_type_does_not_take_the_joined_value() {
    let nested = Nested::alone();
    let (memo, _, _) = over_rows();
    let door = Door::new();
    thread::scope(|threads| {
        let number = threads.spawn(|| {
            let slow = || {
                door.pass();
                1_u32
            };
            memo.get("key", slow).unwrap()
        });
        door.until_came(1);
        let text = threads.spawn(|| {
            let text = || memo.get("key", || "text".to_owned()).unwrap();
            memo.get("own", text).unwrap()
        });
        nested.until_waiting(1);
        door.open();
        assert_eq!(number.join().unwrap(), 1);
        assert_eq!(text.join().unwrap(), "text");
    });
}

#[test]
fn who_gives_another_etag_does_not_take_the_joined_value() {
    static DOOR: Door = Door::new();
    static RUNS: Runs = Runs::new();

    #[memoize(key(name), etag = |_, version| version)]
    fn page(name: Watched, version: u32) -> u32 {
        _ = name;
        if RUNS.count() == 1 {
            DOOR.pass();
        }
        version
    }

    let memo = in_memory().0;
    let asked = Watched::new("a");
    thread::scope(|threads| {
        let first = threads.spawn(|| memo.scope(|| page(asked.clone(), 1)));
        DOOR.until_came(1);
        let second = threads.spawn(|| memo.scope(|| page(asked.clone(), 2)));
        asked.until_joined(1);
        DOOR.open();
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (1, 2));
    });
}

#[test]
fn a_refresh_does_not_take_the_joined_value() {
    static DOOR: Door = Door::new();
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(name: Watched) -> u32 {
        _ = name;
        let run = RUNS.count();
        if run == 1 {
            DOOR.pass();
        }
        run
    }

    let memo = in_memory().0;
    let asked = Watched::new("a");
    thread::scope(|threads| {
        let first = threads.spawn(|| memo.scope(|| run(asked.clone())));
        DOOR.until_came(1);
        let fresh = threads.spawn(|| memo.scope(|| run::refresh(asked.clone()).unwrap()));
        asked.until_joined(1);
        DOOR.open();
        assert_eq!((first.join().unwrap(), fresh.join().unwrap()), (1, 2));
    });
    assert_eq!(memo.scope(|| run(asked.clone())), 2);
}

/// A value of which the leader can make so many copies and no more.
#[derive(Debug, PartialEq)]
struct Brittle;

thread_local!(static COPIES: Cell<u32> = const { Cell::new(u32::MAX) });

impl Clone for Brittle {
    fn clone(&self) -> Self {
        let left = COPIES.get().checked_sub(1).expect("no copy is left");
        COPIES.set(left);
        Brittle
    }
}

#[test]
fn a_copy_that_panics_as_the_value_is_kept_leaves_nobody_waiting() {
    static DOOR: Door = Door::new();
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn brittle(name: Watched) -> Brittle {
        _ = name;
        if RUNS.count() == 1 {
            DOOR.pass();
            COPIES.set(1);
        }
        Brittle
    }

    let memo = in_memory().0;
    let asked = Watched::new("a");
    thread::scope(|threads| {
        let first = threads.spawn(|| memo.scope(|| brittle(asked.clone())));
        DOOR.until_came(1);
        let second = threads.spawn(|| memo.scope(|| brittle(asked.clone())));
        asked.until_joined(1);
        DOOR.open();
        assert!(first.join().is_err());
        assert_eq!(second.join().unwrap(), Brittle);
    });
    assert_eq!(RUNS.so_far(), 2);
}

/// An argument that has something to say as it is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Loud;

thread_local!(static SAYS: Cell<Option<fn()>> = const { Cell::new(None) });

impl Drop for Loud {
    fn drop(&mut self) {
        if let Some(says) = SAYS.take() {
            says();
        }
    }
}

#[test]
fn a_key_whose_result_is_not_kept_is_dropped_with_nothing_locked() {
    #[memoize(key(name))]
    fn fails(name: &Loud) -> Result<u32, String> {
        _ = name;
        SAYS.set(Some(|| {
            fails::delete(&Loud).unwrap();
        }));
        Err("on purpose".to_owned())
    }

    let (done, is_done) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let failed = in_memory().0.scope(|| fails(&Loud));
        done.send(failed.is_err()).unwrap();
    });
    assert_eq!(is_done.recv_timeout(secs(60)), Ok(true));
}
