//! Removal wins over a build that is under way.

use mementos::memento;
use std::sync::{Arc, Barrier};
use std::thread;

#[test]
fn what_is_removed_is_built_anew_and_whoever_holds_it_keeps_it() {
    struct Thing;

    #[memento]
    impl Thing {
        fn new(_name: &str) -> Self {
            Thing
        }
    }

    let held = Thing::memento("one");
    let removed = Thing::mementos().remove("one").unwrap();
    assert!(Arc::ptr_eq(&held, &removed));
    assert!(!Arc::ptr_eq(&held, &Thing::memento("one")));
    assert!(Thing::mementos().remove("none").is_none());
    assert_eq!(Thing::mementos().stats().removals, 1);
}

#[test]
fn a_constructor_that_removes_its_own_key_is_answered_and_not_kept() {
    struct Thing(u32);

    #[memento]
    impl Thing {
        fn new(n: u32) -> Self {
            assert!(Thing::mementos().remove(n).is_none());
            Thing(n)
        }
    }

    assert_eq!(Thing::memento(1).0, 1);
    assert!(Thing::mementos().is_empty());
}

#[test]
fn a_new_build_begins_while_a_voided_one_is_still_under_way() {
    struct Thing(u32);
    static INSIDE: Barrier = Barrier::new(2);
    static GO: Barrier = Barrier::new(2);

    #[memento(key())]
    impl Thing {
        fn new(n: u32) -> Self {
            if n == 1 {
                INSIDE.wait();
                GO.wait();
            }
            Thing(n)
        }
    }

    thread::scope(|scope| {
        let old = scope.spawn(|| Thing::memento(1));
        INSIDE.wait();
        Thing::mementos().remove(());
        assert_eq!(Thing::memento(2).0, 2, "it does not join the voided one");
        GO.wait();
        assert_eq!(
            old.join().unwrap().0,
            1,
            "the voided one answers its caller"
        );
        assert_eq!(Thing::memento(3).0, 2, "and does not replace what is kept");
    });
}

/// In each round one thread builds, and the other removes as soon as the build
/// has begun. Whichever comes first, nothing may be kept in the end.
macro_rules! ten_thousand_rounds {
    ($things:ident, $n:ident => $remove:expr) => {{
        struct Thing(u32);
        static BEGUN: Barrier = Barrier::new(2);

        #[memento]
        impl Thing {
            fn new(n: u32) -> Self {
                BEGUN.wait();
                Thing(n)
            }
        }

        let done = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..10_000 {
                    assert_eq!(Thing::memento(n).0, n);
                    done.wait();
                }
            });
            for n in 0..10_000 {
                BEGUN.wait();
                let ($things, $n) = (Thing::mementos(), n);
                $remove;
                done.wait();
                assert!(Thing::mementos().peek(n).is_none(), "round {n}");
            }
        });
        assert!(Thing::mementos().is_empty());
        assert!(Thing::mementos().building().is_empty());
    }};
}

#[test]
fn what_is_removed_during_its_build_is_not_published() {
    ten_thousand_rounds!(things, n => things.remove(n));
}

#[test]
fn what_is_cleared_during_its_build_is_not_published() {
    ten_thousand_rounds!(things, _n => things.clear());
}
