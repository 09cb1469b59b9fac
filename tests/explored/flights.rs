use crate::{explore, spawn_here};
use mementos::{BuildError, Claimed, memento};
use shuttle::sync::atomic::{AtomicU32, Ordering::SeqCst};
use shuttle::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Counts its builds in what it is built with, so that each execution has a
/// count of its own.
#[derive(Debug)]
struct Counted(u32);

#[memento(key(n))]
impl Counted {
    fn new(n: u32, builds: &Arc<AtomicU32>) -> Result<Self, u32> {
        let nth = builds.fetch_add(1, SeqCst);
        thread::yield_now();
        match n {
            // Fails the first time.
            13 if nth == 0 => Err(nth),
            _ => Ok(Counted(nth)),
        }
    }
}

#[test]
fn one_key_is_built_once() {
    explore(|| {
        let builds = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let builds = Arc::clone(&builds);
                spawn_here(move || Counted::memento(1, &builds))
            })
            .collect();
        let all: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        assert!(all.iter().all(|one| Arc::ptr_eq(one, &all[0])));
        assert_eq!(builds.load(SeqCst), 1);
        assert!(Counted::mementos().building().is_empty());
    });
}

#[test]
fn a_failure_goes_to_those_who_joined_and_is_not_kept() {
    explore(|| {
        let builds = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let builds = Arc::clone(&builds);
                spawn_here(move || Counted::try_memento(13, &builds))
            })
            .collect();
        let outcomes: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        assert!(outcomes.iter().any(|outcome| outcome.is_err()));
        for outcome in outcomes {
            match outcome {
                Ok(built) => assert_eq!(built.0, 1, "who did not join built anew, once"),
                Err(error) => assert_eq!(error.failure(), Some(&0)),
            }
        }
        assert!(Counted::try_memento(13, &builds).is_ok());
        assert_eq!(builds.load(SeqCst), 2);
    });
}

struct Panicking;

#[memento(key())]
impl Panicking {
    fn new(builds: &Arc<AtomicU32>) -> Self {
        if builds.fetch_add(1, SeqCst) == 0 {
            thread::yield_now();
            // Not `panic!`: its hook would take this for the end of the test.
            std::panic::resume_unwind(Box::new("out of paper"));
        }
        Panicking
    }
}

#[test]
fn a_panic_hangs_nobody() {
    explore(|| {
        let builds = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let builds = Arc::clone(&builds);
                spawn_here(move || {
                    catch_unwind(AssertUnwindSafe(|| Panicking::try_memento(&builds)))
                })
            })
            .collect();
        let mut panics = 0;
        for thread in threads {
            match thread.join().unwrap() {
                Err(_) => panics += 1,
                Ok(Err(error)) => assert!(matches!(error, BuildError::Panicked(_)), "{error:?}"),
                Ok(Ok(_)) => {}
            }
        }
        assert_eq!(panics, 1, "the leader alone panics");
        Panicking::memento(&builds);
        assert_eq!(builds.load(SeqCst), 2);
    });
}

#[test]
fn a_claim_that_is_dropped_is_taken_over_by_one_who_waits() {
    explore(|| {
        let builds = Arc::new(AtomicU32::new(0));
        let claim = match Counted::mementos().claim(1).unwrap() {
            Claimed::Vacant(claim) => claim,
            Claimed::Kept(_) => unreachable!(),
        };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let builds = Arc::clone(&builds);
                spawn_here(move || Counted::memento(1, &builds))
            })
            .collect();
        thread::yield_now();
        drop(claim);
        let all: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        assert!(Arc::ptr_eq(&all[0], &all[1]));
        assert_eq!(builds.load(SeqCst), 1);
    });
}

#[test]
fn a_wait_that_is_given_up_leaves_the_build_alone() {
    explore(|| {
        let builds = Arc::new(AtomicU32::new(0));
        let (mine, theirs) = (Arc::clone(&builds), Arc::clone(&builds));
        let patient = spawn_here(move || Counted::memento(1, &mine));
        let hasty = spawn_here(move || Counted::try_memento_for(Duration::ZERO, 1, &theirs));
        let built = patient.join().unwrap();
        match hasty.join().unwrap() {
            Ok(same) => assert!(Arc::ptr_eq(&built, &same)),
            Err(error) => assert!(matches!(error, BuildError::TimedOut(_)), "{error:?}"),
        }
        assert_eq!(builds.load(SeqCst), 1);
    });
}

#[test]
fn a_claim_is_vacant_only_if_nothing_is_kept() {
    explore(|| {
        let builds = Arc::new(AtomicU32::new(0));
        let theirs = Arc::clone(&builds);
        let other = spawn_here(move || Counted::memento(1, &theirs));
        let claimed = match Counted::mementos().claim(1).unwrap() {
            Claimed::Kept(kept) => kept,
            Claimed::Vacant(claim) => {
                builds.fetch_add(1, SeqCst);
                claim.fill(Counted(0))
            }
        };
        assert!(Arc::ptr_eq(&claimed, &other.join().unwrap()));
        assert_eq!(builds.load(SeqCst), 1);
    });
}
