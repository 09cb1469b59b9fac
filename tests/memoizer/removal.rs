//! Removal wins: what was deleted does not come back.

use crate::support::*;
use mementos::{MemoError, Memoizer, memoize};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

const ROUNDS: u32 = 10_000;

/// What a function reads that is memoized, and what is asked of it.
struct Source<'s> {
    version: &'s AtomicU32,
    get: &'s (dyn Fn() -> u32 + Sync),
    forget: &'s (dyn Fn() + Sync),
}

/// In each round one thread gets the value while another changes its source, and
/// forgets the value. What it gets then is the new one.
fn the_old_never_appears(source: &Source<'_>) {
    let ready = Barrier::new(2);
    thread::scope(|threads| {
        threads.spawn(|| {
            for round in 0..ROUNDS {
                ready.wait();
                let got = (source.get)();
                assert!(got == round || got == round + 1, "{got} in {round}");
            }
        });
        for round in 0..ROUNDS {
            ready.wait();
            source.version.store(round + 1, Ordering::SeqCst);
            (source.forget)();
            assert_eq!((source.get)(), round + 1, "the old value is back");
        }
    });
}

/// What `read` reads. The tests that use it take turns.
static VERSION: AtomicU32 = AtomicU32::new(0);
static TURN: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

#[memoize]
fn read(x: u32) -> u32 {
    _ = x;
    let read = VERSION.load(Ordering::SeqCst);
    thread::yield_now();
    read
}

/// Both threads are in the scope of one memoizer.
fn of_a_function(memo: &Memoizer, forget: fn()) {
    let _turn = TURN.lock();
    VERSION.store(0, Ordering::SeqCst);
    the_old_never_appears(&Source {
        version: &VERSION,
        get: &|| memo.scope(|| read(1)),
        forget: &|| memo.scope(forget),
    });
}

#[test]
fn deleting_during_a_build_wins_in_a_functions_own_table() {
    of_a_function(&in_memory().0, || _ = read::delete(1).unwrap());
}

#[test]
fn deleting_during_a_build_wins_in_a_shared_store() {
    of_a_function(&over_rows().0, || _ = read::delete(1).unwrap());
}

#[test]
fn clearing_during_a_build_wins_in_a_functions_own_table() {
    of_a_function(&in_memory().0, || read::clear().unwrap());
}

#[test]
fn clearing_during_a_build_wins_in_a_shared_store() {
    of_a_function(&over_rows().0, || read::clear().unwrap());
}

#[cfg(feature = "bounded")]
#[test]
fn deleting_during_a_build_wins_in_a_bounded_table() {
    static VERSION: AtomicU32 = AtomicU32::new(0);

    #[memoize(capacity = 10)]
    fn read(x: u32) -> u32 {
        _ = x;
        let read = VERSION.load(Ordering::SeqCst);
        thread::yield_now();
        read
    }

    for forget in [|| _ = read::delete(1).unwrap(), || read::clear().unwrap()] {
        VERSION.store(0, Ordering::SeqCst);
        read::clear().unwrap();
        the_old_never_appears(&Source {
            version: &VERSION,
            get: &|| read(1),
            forget: &forget,
        });
    }
}

#[test]
fn clearing_the_memoizer_during_a_build_wins() {
    let clear = || Memoizer::current().clear().unwrap();
    of_a_function(&in_memory().0, clear);
    of_a_function(&over_rows().0, clear);
}

#[test]
fn deleting_during_a_build_wins_by_hand() {
    for memo in [in_memory().0, over_rows().0] {
        let version = AtomicU32::new(0);
        let read = || {
            let read = version.load(Ordering::SeqCst);
            thread::yield_now();
            read
        };
        the_old_never_appears(&Source {
            version: &version,
            get: &|| memo.get("key", read).unwrap(),
            forget: &|| _ = memo.delete("key").unwrap(),
        });
    }
}

#[test]
fn clearing_during_a_build_wins_by_hand() {
    let memo = over_rows().0;
    let version = AtomicU32::new(0);
    let read = || {
        let read = version.load(Ordering::SeqCst);
        thread::yield_now();
        read
    };
    the_old_never_appears(&Source {
        version: &version,
        get: &|| memo.get("key", read).unwrap(),
        forget: &|| memo.clear().unwrap(),
    });
}

#[test]
fn a_build_that_is_overtaken_answers_its_callers_and_is_not_kept() {
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
        let leads = threads.spawn(|| memo.scope(|| run(asked.clone())));
        DOOR.until_came(1);
        let joins = threads.spawn(|| memo.scope(|| run(asked.clone())));
        asked.until_joined(1);
        memo.scope(|| {
            assert!(!run::delete(asked.clone()).unwrap(), "nothing was kept yet");
            assert_eq!(run(asked.clone()), 2, "who comes now is not kept waiting");
        });
        DOOR.open();
        assert_eq!((leads.join().unwrap(), joins.join().unwrap()), (1, 1));
    });
    assert_eq!(memo.scope(|| run(asked.clone())), 2);
}

/// In each round `one` and `other` run at once after `before`, and `after` looks.
fn at_once(
    rounds: u32,
    before: impl Fn() + Sync,
    one: impl Fn() + Sync,
    other: impl Fn() + Sync,
    after: impl Fn() + Sync,
) {
    let turn = Barrier::new(2);
    thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..rounds {
                turn.wait();
                one();
                turn.wait();
            }
        });
        for _ in 0..rounds {
            before();
            turn.wait();
            other();
            turn.wait();
            after();
        }
    });
}

#[test]
fn expiring_does_not_bring_back_what_is_deleted_meanwhile() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    for memo in [in_memory().0, over_rows().0] {
        at_once(
            ROUNDS / 4,
            || _ = memo.scope(|| one(1)),
            || _ = memo.scope(|| one::expire(secs(60), 1).unwrap()),
            || assert!(memo.scope(|| one::delete(1).unwrap())),
            || assert!(!memo.scope(|| one::exists(1)), "it is back"),
        );
        at_once(
            ROUNDS / 4,
            || _ = memo.get("key", || 1).unwrap(),
            || _ = memo.expire("key", secs(60)).unwrap(),
            || assert!(memo.delete("key").unwrap()),
            || assert!(!memo.exists("key").unwrap(), "it is back"),
        );
    }
}

#[test]
fn expiring_does_not_bring_back_what_is_replaced_meanwhile() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    for memo in [in_memory().0, over_rows().0] {
        memo.scope(|| run(1));
        at_once(
            ROUNDS / 4,
            || (),
            || _ = memo.scope(|| run::expire(secs(60), 1).unwrap()),
            || _ = memo.scope(|| run::refresh(1).unwrap()),
            || assert_eq!(memo.scope(|| run(1)), RUNS.so_far(), "the old one is back"),
        );
        let versions = Runs::new();
        memo.get("key", || versions.count()).unwrap();
        at_once(
            ROUNDS / 4,
            || (),
            || _ = memo.expire("key", secs(60)).unwrap(),
            || _ = memo.refresh("key", || versions.count()).unwrap(),
            || assert_eq!(memo.get("key", || 0).unwrap(), versions.so_far()),
        );
    }
}

#[test]
fn deleting_twice_removes_once() {
    let (memo, _, _) = over_rows();
    let removed = Runs::new();
    let delete = || match memo.delete("key") {
        Ok(true) => _ = removed.count(),
        Ok(false) => {}
        Err(error) => panic!("{error}"),
    };
    at_once(
        1000,
        || _ = memo.get("key", || 1).unwrap(),
        delete,
        delete,
        || (),
    );
    assert_eq!(removed.so_far(), 1000);
    assert_eq!(memo.stats().removals, 1000);
}

#[test]
fn a_delete_that_fails_says_so_and_the_build_is_not_kept_all_the_same() {
    let door = Door::new();
    let memo = Memoizer::new(Hooked::new(|doing| match doing {
        Doing::Delete(_) => Err(mementos::store::StoreError::new("deleting", "no")),
        _ => Ok(()),
    }));
    let slow = || {
        door.pass();
        1
    };
    thread::scope(|threads| {
        let built = threads.spawn(|| memo.get("key", slow).unwrap());
        door.until_came(1);
        assert!(matches!(memo.delete("key"), Err(MemoError::Store(_))));
        door.open();
        assert_eq!(built.join().unwrap(), 1);
    });
    assert!(!memo.exists("key").unwrap());
}
