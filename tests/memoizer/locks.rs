//! Locks around builds.

use crate::support::*;
use mementos::store::{Lock, StoreError};
use mementos::{BuildError, Memoizer, OnLockTimeout, Options, memoize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

fn noted(answers: Answers) -> (Options, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let lock = NotedLock(Arc::clone(&notes), answers);
    (Options::new().lock(lock), notes)
}

#[test]
fn the_lock_is_held_from_before_the_call_until_after_the_put() {
    let (options, notes) = noted(Answers::Yes);
    let told = Arc::clone(&notes);
    let memo = Memoizer::new(Hooked::new(move |doing| {
        if let Doing::Put(key, _) = doing {
            told.note(format!("put {key}"));
        }
        Ok(())
    }));
    memo.get_with("key", options, || notes.note("call"))
        .unwrap();
    assert_eq!(notes.taken(), ["lock key", "call", "put key", "unlock key"]);
}

#[test]
fn the_value_is_there_when_the_lock_is_released() {
    static FOUND: Runs = Runs::new();

    struct Looks;

    impl Lock for Looks {
        fn acquire(&self, key: &str, _: Duration) -> Result<bool, StoreError> {
            assert_eq!(key, "one(1)");
            Ok(true)
        }

        fn release(&self, _: &str) {
            if one::exists(1) {
                FOUND.count();
            }
        }
    }

    #[memoize(lock = Looks, prefix = "one")]
    fn one(x: u32) -> u32 {
        x
    }

    assert_eq!(one(1), 1);
    assert_eq!(FOUND.so_far(), 1);
    assert_eq!(over_rows().0.scope(|| one(1)), 1);
}

#[test]
fn the_lock_of_a_function_is_named_by_its_key() {
    #[memoize(prefix = "one")]
    fn one(x: u32) -> u32 {
        x
    }

    let (options, notes) = noted(Answers::Yes);
    let names = ["lock ns:one(1)", "unlock ns:one(1)"];
    for memo in [in_memory().0, over_rows().0] {
        memo.namespace("ns").scope(|| {
            one::get(&options, 1).unwrap();
            assert_eq!(notes.taken(), names);
            one::get(&options, 1).unwrap();
            assert!(notes.taken().is_empty(), "a hit takes no lock");
        });
    }
}

/// Puts a value into the store when it is acquired, as another process would that
/// has held it.
struct Other(Memoizer);

impl Lock for Other {
    fn acquire(&self, _: &str, _: Duration) -> Result<bool, StoreError> {
        self.0.get("key", || 1_u32).unwrap();
        Ok(true)
    }

    fn release(&self, _: &str) {}
}

#[test]
fn who_has_acquired_the_lock_looks_again() {
    let (memo, rows, _) = over_rows();
    let other = Other(Memoizer::new(Arc::clone(&rows)));
    let runs = Runs::new();
    let got = memo.get_with("key", Options::new().lock(other), || runs.count());
    assert_eq!((got.unwrap(), runs.so_far()), (1, 0));
}

#[test]
fn a_refresh_does_not_look_again() {
    let (memo, rows, _) = over_rows();
    let other = Other(Memoizer::new(Arc::clone(&rows)));
    let memo = memo.with(Options::new().lock(other));
    assert_eq!(memo.refresh("key", || 2_u32).unwrap(), 2);
    assert_eq!(memo.get("key", || 3_u32).unwrap(), 2);
}

#[test]
fn the_lock_is_released_after_an_error() {
    let (options, notes) = noted(Answers::Yes);
    let memo = over_rows().0;
    memo.get_with::<u32, _>("key", &options, || Err("no"))
        .unwrap_err();
    assert_eq!(notes.taken(), ["lock key", "unlock key"]);
}

#[test]
fn the_lock_is_released_after_a_panic() {
    static NOTES: LazyLock<Arc<Notes>> = LazyLock::new(Arc::default);

    #[memoize(lock = NotedLock(NOTES.clone(), Answers::Yes), prefix = "panics")]
    fn panics(x: u32) -> u32 {
        panic!("{x}")
    }

    for memo in [in_memory().0, over_rows().0] {
        catch_unwind(AssertUnwindSafe(|| memo.scope(|| panics(1)))).unwrap_err();
        assert_eq!(NOTES.taken(), ["lock panics(1)", "unlock panics(1)"]);
    }
}

#[test]
fn a_lock_that_is_not_acquired_is_not_released() {
    for answers in [Answers::No, Answers::Fails] {
        let (options, notes) = noted(answers);
        let memo = over_rows().0;
        memo.get_with("key", &options, || 1).unwrap();
        assert_eq!(notes.taken(), ["lock key"]);
        let error = options.on_lock_timeout(OnLockTimeout::Error);
        memo.get_with("key", error, || 1).unwrap_err();
        assert_eq!(notes.taken(), ["lock key"]);
    }
}

#[test]
fn without_the_lock_the_result_is_built_and_not_kept() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    for answers in [Answers::No, Answers::Fails] {
        let (options, _) = noted(answers);
        let (memo, rows, _) = over_rows();
        assert_eq!(memo.get_with("key", &options, || 1).unwrap(), 1);
        assert!(keys(&rows).is_empty());
        in_memory().0.scope(|| {
            assert_eq!(one::get(&options, 1).unwrap(), 1);
            assert!(!one::exists(1));
        });
    }
}

#[test]
fn without_the_lock_the_call_fails_if_the_options_say_so() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    let runs = Runs::new();
    let (options, _) = noted(Answers::No);
    let options = options
        .timeout(secs(3))
        .on_lock_timeout(OnLockTimeout::Error);
    let memo = over_rows().0;
    let error = memo.get_with("key", &options, || runs.count()).unwrap_err();
    let BuildError::NotLocked(not) = &error else {
        panic!("{error:?}");
    };
    assert_eq!((not.key(), not.waited()), ("key", secs(3)));
    assert_eq!(runs.so_far(), 0);
    let error = memo.scope(|| one::get(&options, 1)).unwrap_err();
    assert!(matches!(error, BuildError::NotLocked(_)), "{error:?}");
}

#[test]
fn a_lock_that_fails_says_why_and_is_counted() {
    let (options, _) = noted(Answers::Fails);
    let options = options.on_lock_timeout(OnLockTimeout::Error);
    let memo = over_rows().0;
    let error = memo.get_with("key", options, || 1).unwrap_err();
    assert!(error.to_string().contains("out of order"), "{error}");
    assert_eq!(memo.stats().store_faults, 1);
}

fn with_own_lock() -> (Memoizer, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let memo = Memoizer::new(Hooked {
        lock: Some(NotedLock(Arc::clone(&notes), Answers::Yes)),
        ..Hooked::new(|_| Ok(()))
    });
    (memo, notes)
}

#[test]
fn a_store_brings_its_own_lock() {
    #[memoize(prefix = "one")]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, notes) = with_own_lock();
    memo.get("key", || notes.note("call")).unwrap();
    assert_eq!(notes.taken(), ["lock key", "call", "unlock key"]);
    memo.scope(|| one(1));
    assert_eq!(notes.taken(), ["lock one(1)", "unlock one(1)"]);
}

#[test]
fn an_option_overrides_the_lock_of_the_store() {
    let (memo, notes) = with_own_lock();
    let (options, others) = noted(Answers::Yes);
    memo.get_with("key", options, || 1).unwrap();
    assert!(notes.taken().is_empty());
    assert_eq!(others.taken(), ["lock key", "unlock key"]);
}

#[test]
fn an_option_switches_the_lock_of_the_store_off() {
    let (memo, notes) = with_own_lock();
    memo.get_with("key", Options::new().no_lock(), || 1)
        .unwrap();
    assert!(notes.taken().is_empty());
}

#[test]
fn the_wait_for_a_lock_is_told() {
    let (options, _) = noted(Answers::Yes);
    let told = Arc::new(Notes::default());
    let memo = over_rows().0.observer(Arc::clone(&told));
    memo.get_with("key", options, || 1).unwrap();
    assert_eq!(told.taken(), ["miss", "lock_waited", "built"]);
}

#[test]
fn a_lock_has_as_long_as_the_options_say() {
    struct Asked(Arc<Notes>);

    impl Lock for Asked {
        fn acquire(&self, _: &str, timeout: Duration) -> Result<bool, StoreError> {
            self.0.note(format!("{timeout:?}"));
            Ok(true)
        }

        fn release(&self, _: &str) {}
    }

    let notes = Arc::new(Notes::default());
    let memo = over_rows().0;
    let memo = memo.defaults(Options::new().lock(Asked(Arc::clone(&notes))));
    memo.get("a", || 1).unwrap();
    memo.get_with("b", Options::new().timeout(secs(1)), || 1)
        .unwrap();
    memo.get_with("c", Options::new().no_timeout(), || 1)
        .unwrap();
    assert_eq!(
        notes.taken(),
        [
            "10s".to_owned(),
            "1s".to_owned(),
            format!("{:?}", Duration::MAX)
        ]
    );
}
