//! One build per key, and what becomes of its callers.

use crate::support::until;
use mementos::{BuildError, memento};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn sixty_four_threads_and_a_thousand_cold_keys_make_a_thousand_builds() {
    struct Thing(u32);
    static BUILDS: AtomicU32 = AtomicU32::new(0);

    #[memento]
    impl Thing {
        fn new(n: u32) -> Self {
            BUILDS.fetch_add(1, SeqCst);
            Thing(n)
        }
    }

    let start = Barrier::new(64);
    thread::scope(|scope| {
        for thread in 0..64_u32 {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for at in 0..1000 {
                    // Every thread begins elsewhere.
                    let n = (at + thread * 16) % 1000;
                    assert_eq!(Thing::memento(n).0, n);
                }
            });
        }
    });
    assert_eq!(BUILDS.load(SeqCst), 1000);
    assert_eq!(Thing::mementos().len(), 1000);
    assert_eq!(Thing::mementos().stats().builds, 1000);
    assert!(Thing::mementos().building().is_empty());
}

#[test]
fn all_callers_get_the_same_instance() {
    struct Thing;

    #[memento]
    impl Thing {
        fn new(_name: &str) -> Self {
            until(|| Thing::mementos().stats().joins == 7);
            Thing
        }
    }

    let all: Vec<Arc<Thing>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Thing::memento("one")))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(all.iter().all(|thing| Arc::ptr_eq(thing, &all[0])));
}

#[test]
fn an_error_is_shared_by_the_joined_and_not_kept() {
    #[derive(Debug)]
    struct Thing;
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[memento]
    impl Thing {
        fn new(_name: &str) -> Result<Self, String> {
            if RUNS.fetch_add(1, SeqCst) == 0 {
                until(|| Thing::mementos().stats().joins == 63);
                return Err("not yet".to_owned());
            }
            Ok(Thing)
        }
    }

    let errors: Vec<BuildError<String>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..64)
            .map(|_| scope.spawn(|| Thing::try_memento("one").unwrap_err()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(RUNS.load(SeqCst), 1);
    for error in &errors {
        assert_eq!(error.failure().unwrap(), "not yet");
        assert!(std::ptr::eq(
            error.failure().unwrap(),
            errors[0].failure().unwrap()
        ));
    }
    assert!(Thing::mementos().is_empty());
    assert_eq!(Thing::mementos().stats().failures, 1);
    assert!(Thing::try_memento("one").is_ok());
    assert_eq!(RUNS.load(SeqCst), 2);
}

#[test]
fn a_panic_reaches_the_leader_and_the_joined_get_an_error_at_once() {
    #[derive(Debug)]
    struct Thing;
    static RUNS: AtomicU32 = AtomicU32::new(0);
    static PANICKED_AT: Mutex<Option<Instant>> = Mutex::new(None);

    /// Notes when the unwinding begins: the panic's message is printed by then.
    struct Note;

    impl Drop for Note {
        fn drop(&mut self) {
            *PANICKED_AT.lock().unwrap() = Some(Instant::now());
        }
    }

    #[memento]
    impl Thing {
        fn new(name: &str) -> Self {
            if RUNS.fetch_add(1, SeqCst) == 0 {
                until(|| Thing::mementos().stats().joins == 7);
                let _note = Note;
                panic!("out of {name}");
            }
            Thing
        }
    }

    let (leader, joined): (Vec<_>, Vec<_>) = thread::scope(|scope| {
        let call = || (catch_unwind(|| Thing::try_memento("one")), Instant::now());
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(call)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .partition(|(outcome, _)| outcome.is_err())
    });
    assert_eq!(leader.len(), 1);
    let payload = leader.into_iter().next().unwrap().0.unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "out of one");

    let panicked_at = PANICKED_AT.lock().unwrap().unwrap();
    assert_eq!(joined.len(), 7);
    // Miri is some hundred times slower.
    let soon = Duration::from_millis(if cfg!(miri) { 10_000 } else { 100 });
    for (outcome, at) in joined {
        let Ok(Err(BuildError::Panicked(panicked))) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(panicked.message(), "out of one");
        assert_eq!(panicked.site().key(), r#""one""#);
        assert!(at - panicked_at < soon);
    }
    Thing::memento("one");
    assert_eq!(RUNS.load(SeqCst), 2);
}

#[test]
fn a_panic_on_the_callers_own_thread_leaves_nothing_behind() {
    struct Thing;

    #[memento]
    impl Thing {
        fn new(name: &str) -> Self {
            assert_ne!(name, "bad", "a bad name");
            Thing
        }
    }

    for _ in 0..3 {
        assert!(catch_unwind(|| Thing::memento("bad")).is_err());
        assert!(Thing::mementos().building().is_empty());
        Thing::memento("good");
    }
    assert_eq!(Thing::mementos().len(), 1);
}

#[test]
fn different_keys_build_at_the_same_time() {
    struct Thing;
    // Both constructors must be running for either to get on.
    static MEET: Mutex<Option<Arc<Barrier>>> = Mutex::new(None);

    #[memento]
    impl Thing {
        fn new(_n: u32) -> Self {
            let meet = MEET.lock().unwrap().clone();
            meet.unwrap().wait();
            Thing
        }
    }

    // Enough keys that some share a shard.
    *MEET.lock().unwrap() = Some(Arc::new(Barrier::new(32)));
    thread::scope(|scope| {
        for n in 0..32 {
            scope.spawn(move || Thing::memento(n));
        }
    });
    assert_eq!(Thing::mementos().len(), 32);
}

#[test]
fn a_wait_for_another_build_can_be_bounded() {
    #[derive(Debug)]
    struct Thing;
    static GO: Barrier = Barrier::new(2);
    static GOING: Barrier = Barrier::new(2);

    #[memento]
    impl Thing {
        fn new(_name: &str) -> Self {
            GOING.wait();
            GO.wait();
            Thing
        }
    }

    thread::scope(|scope| {
        let leader = scope.spawn(|| Thing::memento("one"));
        GOING.wait();
        let late = Thing::try_memento_for(Duration::from_millis(5), "one").unwrap_err();
        let BuildError::TimedOut(late) = late else {
            panic!("{late:?}")
        };
        assert_eq!(late.site().key(), r#""one""#);
        assert_eq!(late.waited(), Duration::from_millis(5));
        GO.wait();
        let built = leader.join().unwrap();
        let kept = Thing::try_memento_for(Duration::ZERO, "one").unwrap();
        assert!(Arc::ptr_eq(&built, &kept), "the build went on");
    });
}

#[test]
fn what_is_under_construction_can_be_seen() {
    struct Thing;

    #[memento]
    impl Thing {
        fn new(_name: &str) -> Self {
            let building = Thing::mementos().building();
            assert_eq!(building.len(), 1);
            assert_eq!(building[0].key, "one");
            assert_eq!(building[0].thread.id(), thread::current().id());
            assert!(building[0].since <= Instant::now());
            Thing
        }
    }

    Thing::memento("one");
    assert!(Thing::mementos().building().is_empty());
}

#[test]
fn a_key_whose_eq_panics_poisons_nothing() {
    #[derive(Clone, Debug, Eq)]
    struct Touchy(u32);

    impl Hash for Touchy {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    static TOUCHED: AtomicU32 = AtomicU32::new(0);

    impl PartialEq for Touchy {
        fn eq(&self, other: &Self) -> bool {
            assert_ne!(TOUCHED.load(SeqCst), 1, "touched");
            self.0 == other.0
        }
    }

    struct Thing;

    #[memento]
    impl Thing {
        fn new(_key: Touchy) -> Self {
            Thing
        }
    }

    let first = Thing::memento(Touchy(1));
    TOUCHED.store(1, SeqCst);
    assert!(catch_unwind(|| Thing::memento(Touchy(1))).is_err());
    TOUCHED.store(0, SeqCst);
    assert!(Arc::ptr_eq(&first, &Thing::memento(Touchy(1))));
    Thing::memento(Touchy(2));
    assert_eq!(Thing::mementos().len(), 2);
}

#[test]
fn an_instance_may_ask_for_others_as_it_is_dropped() {
    struct Other;

    #[memento]
    impl Other {
        fn new(_n: u32) -> Self {
            Other
        }
    }

    struct Thing;

    #[memento]
    impl Thing {
        fn new(_n: u32) -> Self {
            Thing
        }
    }

    impl Drop for Thing {
        fn drop(&mut self) {
            Other::memento(1);
            // Of its own partition too: nothing is locked while values drop.
            assert!(Thing::mementos().peek(77).is_none());
        }
    }

    for n in 0..10 {
        Thing::memento(n);
    }
    drop(Thing::mementos().remove(3));
    Thing::mementos().clear();
    assert!(Thing::mementos().is_empty());
    assert_eq!(Other::mementos().len(), 1);
}

#[test]
fn a_caller_that_joins_a_leader_who_gives_up_builds_itself() {
    struct Thing(u32);

    #[memento(key())]
    impl Thing {
        fn new(n: u32) -> Self {
            Thing(n)
        }
    }

    let (claimed, is_claimed) = channel();
    let (drop_it, may_drop) = channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let claim = Thing::mementos().claim(()).unwrap();
            claimed.send(()).unwrap();
            may_drop.recv().unwrap();
            drop(claim);
        });
        is_claimed.recv().unwrap();
        let joined = scope.spawn(|| Thing::memento(7));
        until(|| Thing::mementos().stats().joins == 1);
        drop_it.send(()).unwrap();
        assert_eq!(joined.join().unwrap().0, 7);
    });
}

#[test]
fn a_panicking_payload_is_handed_on_as_it_is() {
    struct Thing;

    #[memento]
    impl Thing {
        fn new(_name: &str) -> Self {
            std::panic::panic_any(42_u8)
        }
    }

    let payload = catch_unwind(AssertUnwindSafe(|| Thing::memento("one")))
        .map(drop)
        .unwrap_err();
    assert_eq!(*payload.downcast::<u8>().unwrap(), 42);
}

#[test]
fn the_key_function_runs_once_per_call() {
    struct Thing;
    static RUNS: AtomicU32 = AtomicU32::new(0);

    fn counted(n: u32) -> u32 {
        RUNS.fetch_add(1, SeqCst);
        n
    }

    #[memento(key = |n: u32| counted(n), keep = "static")]
    impl Thing {
        fn new(_n: u32) -> Self {
            Thing
        }
    }

    let runs = |call: &dyn Fn()| {
        let before = RUNS.load(SeqCst);
        call();
        RUNS.load(SeqCst) - before
    };
    assert_eq!(
        runs(&|| drop(Thing::memento(1))),
        1,
        "the first of the type"
    );
    assert_eq!(runs(&|| drop(Thing::memento(2))), 1, "a build");
    assert_eq!(runs(&|| drop(Thing::memento(2))), 1, "a hit");
    assert_eq!(runs(&|| _ = Thing::memento_ref(3)), 1, "a build for ever");
    assert_eq!(runs(&|| drop(Thing::try_memento(4))), 1, "a try");
}

/// Panics when an error wants to name it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Shy(u32);

impl std::fmt::Debug for Shy {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("too shy")
    }
}

#[test]
fn a_key_that_cannot_be_printed_hides_no_failure() {
    #[derive(Debug)]
    struct Thing;

    #[memento]
    impl Thing {
        fn new(key: Shy) -> Result<Self, String> {
            match key.0 {
                1 => Err("failed".to_owned()),
                _ => std::panic::panic_any(7_u8),
            }
        }
    }

    let failed = Thing::try_memento(Shy(1)).unwrap_err();
    assert_eq!(failed.failure().unwrap(), "failed");
    assert!(
        failed.to_string().contains("whose Debug panics"),
        "{failed}"
    );
    let payload = catch_unwind(|| Thing::try_memento(Shy(2)))
        .map(drop)
        .unwrap_err();
    assert_eq!(*payload.downcast::<u8>().unwrap(), 7);
    assert!(Thing::mementos().building().is_empty());
}

#[test]
fn an_error_boxed_goes_up_by_question_mark() {
    #[derive(Debug)]
    struct Thing;

    #[memento]
    impl Thing {
        fn new(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
            text.parse::<u32>()?;
            Ok(Thing)
        }
    }

    fn ask(text: &str) -> Result<Arc<Thing>, Box<dyn std::error::Error>> {
        Ok(Thing::try_memento(text)?)
    }

    assert!(ask("1").is_ok());
    assert!(
        ask("one")
            .unwrap_err()
            .to_string()
            .contains("invalid digit")
    );
}
