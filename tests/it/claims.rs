//! The lock that wraps construction, in the caller's hands.

use crate::support::until;
use mementos::{BuildError, Claimed, memento};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

#[derive(Debug)]
struct Filled(u32);

#[memento(key(name))]
impl Filled {
    fn new(name: &str, n: u32) -> Result<Self, String> {
        match n {
            0 => Err(format!("{name} is nothing")),
            n => Ok(Filled(n)),
        }
    }
}

fn vacant(key: &str) -> mementos::Claim<String, Filled, String> {
    match Filled::mementos().claim(key).unwrap() {
        Claimed::Vacant(claim) => claim,
        Claimed::Kept(kept) => panic!("{kept:?} is there"),
    }
}

#[test]
fn a_claim_of_what_is_kept_is_the_instance() {
    let kept = Filled::memento("kept", 1);
    let Claimed::Kept(claimed) = Filled::mementos().claim("kept").unwrap() else {
        panic!()
    };
    assert!(Arc::ptr_eq(&kept, &claimed));
}

#[test]
fn a_claim_can_be_filled_with_an_instance() {
    let claim = vacant("filled");
    assert_eq!(claim.key(), "filled");
    let filled = claim.fill(Filled(7));
    assert!(Arc::ptr_eq(&filled, &Filled::memento("filled", 1)));
}

#[test]
fn a_claim_can_be_filled_with_an_error() {
    let error = vacant("failed").fail("no".to_owned());
    assert_eq!(error.failure().unwrap(), "no");
    assert_eq!(Filled::memento("failed", 3).0, 3, "the key is free");
}

#[test]
fn a_claim_that_is_dropped_frees_the_key() {
    drop(vacant("dropped"));
    assert_eq!(Filled::memento("dropped", 3).0, 3);
}

#[test]
fn who_holds_a_claim_and_asks_for_its_key_gets_an_error() {
    let claim = vacant("own");
    let error = Filled::try_memento("own", 1).unwrap_err();
    assert!(matches!(error, BuildError::Recursion(_)), "{error:?}");
    assert!(matches!(
        Filled::mementos().claim("own"),
        Err(BuildError::Recursion(_))
    ));
    claim.fill(Filled(2));
    assert_eq!(Filled::memento("own", 1).0, 2);
}

#[test]
fn claims_may_be_dropped_in_any_order() {
    let (first, second, third) = (vacant("first"), vacant("second"), vacant("third"));
    drop(second);
    drop(first);
    assert!(
        Filled::try_memento("third", 1).is_err(),
        "still inside the third"
    );
    drop(third);
    for key in ["first", "second", "third"] {
        assert!(Filled::try_memento(key, 1).is_ok());
    }
}

#[test]
fn those_who_wait_for_a_claim_get_what_it_is_filled_with() {
    struct Thing(u32);

    #[memento]
    impl Thing {
        fn new(_name: &str) -> Self {
            panic!("the claim is filled by hand")
        }
    }

    let Ok(Claimed::Vacant(claim)) = Thing::mementos().claim("one") else {
        panic!()
    };
    thread::scope(|scope| {
        let asked = scope.spawn(|| Thing::memento("one").0);
        let claimed = scope.spawn(|| match Thing::mementos().claim("one") {
            Ok(Claimed::Kept(thing)) => thing.0,
            _ => panic!("it was filled"),
        });
        until(|| Thing::mementos().stats().joins == 2);
        claim.fill(Thing(5));
        assert_eq!(asked.join().unwrap(), 5);
        assert_eq!(claimed.join().unwrap(), 5);
    });
    assert_eq!(Thing::mementos().stats().builds, 1);
}

#[test]
fn a_key_removed_under_a_claim_is_not_kept() {
    let claim = vacant("removed");
    assert!(Filled::mementos().remove("removed").is_none());
    assert_eq!(claim.fill(Filled(1)).0, 1);
    assert!(!Filled::mementos().contains("removed"));
}

#[test]
fn two_threads_that_claim_crosswise_get_an_error() {
    struct Cross;

    #[memento]
    impl Cross {
        fn new(_name: &str) -> Self {
            Cross
        }
    }

    static HELD: Barrier = Barrier::new(2);
    static CIRCLES: AtomicU32 = AtomicU32::new(0);
    let claim = |mine: &'static str, other: &'static str| {
        let Ok(Claimed::Vacant(held)) = Cross::mementos().claim(mine) else {
            panic!()
        };
        HELD.wait();
        match Cross::mementos().claim(other) {
            Err(BuildError::Cycle(circle)) => {
                assert_eq!(circle.sites().len(), 2);
                CIRCLES.fetch_add(1, SeqCst);
            }
            Err(error) => panic!("{error:?}"),
            Ok(_) => {}
        }
        held.fill(Cross);
    };
    thread::scope(|scope| {
        scope.spawn(|| claim("a", "b"));
        scope.spawn(|| claim("b", "a"));
    });
    assert_eq!(
        CIRCLES.load(SeqCst),
        1,
        "one sees the circle and gives way to the other"
    );
}
