//! How long instances live: strong, weak, pinned, static.

use crate::support::rounds;
use mementos::{Context, Keep, Memento, memento};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

#[test]
fn strong_instances_stay_until_they_are_removed() {
    struct Thing;

    #[memento(keep = "strong")]
    impl Thing {
        fn new(_name: &str) -> Self {
            Thing
        }
    }

    let weak = Arc::downgrade(&Thing::memento("one"));
    assert!(weak.upgrade().is_some());
    Thing::mementos().remove("one");
    assert!(weak.upgrade().is_none());
}

#[test]
fn weak_instances_go_when_nobody_holds_them() {
    struct Thing(#[expect(dead_code)] u32);

    #[memento(keep = "weak")]
    impl Thing {
        fn new(n: u32) -> Self {
            Thing(n)
        }
    }

    let held = Thing::memento(1);
    assert!(Arc::ptr_eq(&held, &Thing::memento(1)));
    assert_eq!(Thing::mementos().len(), 1);
    drop(held);
    assert_eq!(Thing::mementos().len(), 0);
    assert!(Thing::mementos().peek(1).is_none());
    assert_eq!(Thing::mementos().sweep(), 1);
    assert_eq!(Thing::mementos().sweep(), 0);
    Thing::memento(1);
    assert_eq!(Thing::mementos().stats().builds, 2);
}

#[test]
fn two_live_handles_of_a_weak_key_are_one_instance() {
    /// Marks its key as alive; a second one at the same time would notice.
    struct Thing(usize);

    static ALIVE: [AtomicUsize; 8] = [const { AtomicUsize::new(0) }; 8];

    #[memento(keep = "weak")]
    impl Thing {
        fn new(n: usize) -> Self {
            // The old instance's count may be at zero with its `Drop` still
            // running: it is not a live handle any more. So identity is checked
            // through handles, below, and this only counts.
            ALIVE[n].fetch_add(1, SeqCst);
            Thing(n)
        }
    }

    impl Drop for Thing {
        fn drop(&mut self) {
            ALIVE[self.0].fetch_sub(1, SeqCst);
        }
    }

    /// A handle that somebody holds, for others to compare theirs with.
    static SHOWN: [Mutex<Option<Arc<Thing>>>; 8] = [const { Mutex::new(None) }; 8];

    thread::scope(|scope| {
        for thread in 0..6 {
            scope.spawn(move || {
                for at in 0..100_000 {
                    let n = (at + thread) % 8;
                    let mine = Thing::memento(n);
                    assert_eq!(mine.0, n);
                    let mut shown = SHOWN[n].lock().unwrap();
                    match shown.take() {
                        // Both are alive at this moment.
                        Some(other) => assert!(Arc::ptr_eq(&mine, &other)),
                        None => *shown = Some(mine),
                    }
                }
            });
        }
    });
    for shown in &SHOWN {
        shown.lock().unwrap().take();
    }
    assert!(ALIVE.iter().all(|alive| alive.load(SeqCst) == 0));
    assert_eq!(Thing::mementos().len(), 0);
    assert!(
        Thing::mementos().sweep() <= 8,
        "at most one dead entry per key"
    );
}

#[test]
fn pinned_instances_stay_within_the_capacity() {
    struct Thing;

    static ALIVE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);

    #[memento(keep = "pinned", capacity = 1000)]
    impl Thing {
        fn new(_n: u32) -> Self {
            MOST.fetch_max(ALIVE.fetch_add(1, SeqCst) + 1, SeqCst);
            Thing
        }
    }

    impl Drop for Thing {
        fn drop(&mut self) {
            ALIVE.fetch_sub(1, SeqCst);
        }
    }

    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for n in 0..25_000 {
                    drop(Thing::memento(n * 4 + thread));
                }
            });
        }
    });
    assert_eq!(
        ALIVE.load(SeqCst),
        1000,
        "the store keeps its capacity alive"
    );
    // A thread holds what its put displaces until its build has landed. Meanwhile
    // a thousand puts of others may displace its own instance as well.
    assert!(
        MOST.load(SeqCst) <= 1000 + 2 * 4,
        "{} were alive",
        MOST.load(SeqCst)
    );
    Thing::mementos().clear();
    assert_eq!(ALIVE.load(SeqCst), 0);
}

#[test]
fn the_pinned_that_are_used_stay_and_identity_holds_for_the_others() {
    struct Thing;

    #[memento(keep = "pinned", capacity = 2)]
    impl Thing {
        fn new(_n: u32) -> Self {
            Thing
        }
    }

    let held = Thing::memento(1);
    for n in 2..100 {
        Thing::memento(0);
        Thing::memento(n);
    }
    assert!(Thing::mementos().contains(0), "it was used again and again");
    assert!(
        Arc::ptr_eq(&held, &Thing::memento(1)),
        "it lost its pin, and is held"
    );
    assert!(!Thing::mementos().contains(50));
}

#[test]
fn pins_and_removals_from_many_threads_keep_the_books() {
    struct Thing(u32);

    #[memento(keep = "pinned", capacity = 16)]
    impl Thing {
        fn new(n: u32) -> Self {
            Thing(n)
        }
    }

    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for at in 0..rounds(200_000) {
                    let n = (at * 7 + thread * 5) % 48;
                    assert_eq!(Thing::memento(n).0, n);
                    if at % 11 == 0 {
                        Thing::mementos().remove(n);
                    }
                }
            });
        }
    });
    assert!(Thing::mementos().len() <= 16);
    Thing::mementos().clear();
    assert_eq!(Thing::mementos().len(), 0);
}

#[test]
fn static_instances_are_references_for_ever() {
    struct Thing(u32);

    #[memento(keep = "static", key(name))]
    impl Thing {
        fn new(name: &str, n: u32) -> Self {
            let _ = name;
            Thing(n)
        }
    }

    let one: &'static Thing = Thing::memento_ref("one", 1);
    assert!(std::ptr::eq(one, Thing::memento_ref("one", 2)));
    assert!(std::ptr::eq(one, &*Thing::memento("one", 3)));
    assert_eq!(one.0, 1);
    assert_eq!(Thing::mementos().stats().builds, 1);
}

#[test]
fn nothing_frees_a_static_instance() {
    struct Thing;

    #[memento(keep = "static")]
    impl Thing {
        fn new(_name: &str) -> Self {
            Thing
        }
    }

    Thing::memento_ref("one");
    let refused = catch_unwind(|| Thing::mementos().remove("one"))
        .map(drop)
        .unwrap_err();
    let message = refused.downcast_ref::<String>().unwrap();
    assert!(
        message.contains("Thing") && message.contains("kept for ever"),
        "{message}"
    );
    assert!(catch_unwind(|| Thing::mementos().clear()).is_err());
    assert!(Thing::mementos().contains("one"));
}

#[test]
fn static_instances_are_built_once_by_many_threads() {
    struct Thing(u32);

    #[memento(keep = "static")]
    impl Thing {
        fn new(n: u32) -> Self {
            Thing(n)
        }
    }

    thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for at in 0..2000 {
                    let n = (at + thread * 250) % 2000;
                    assert_eq!(Thing::memento_ref(n).0, n);
                }
            });
        }
    });
    assert_eq!(Thing::mementos().stats().builds, 2000);
    assert_eq!(Thing::mementos().len(), 2000);
}

#[test]
fn a_hand_written_type_chooses_its_lifetime_by_a_constant() {
    struct Thing;

    impl Memento for Thing {
        type Args<'a> = u32;
        type Key = u32;
        const KEEP: Keep = Keep::Weak;
        fn key(n: &u32) -> u32 {
            *n
        }
        fn construct(_: u32) -> Self {
            Thing
        }
    }

    let held = Thing::memento(1);
    assert!(Arc::ptr_eq(&held, &Thing::memento(1)));
    drop(held);
    assert!(Thing::mementos().is_empty());
}

#[test]
fn an_instance_that_loses_its_pin_may_remove_others_as_it_is_dropped() {
    struct Thing;

    #[memento(keep = "pinned", capacity = 1)]
    impl Thing {
        fn new(_n: u32) -> Self {
            Thing
        }
    }

    impl Drop for Thing {
        fn drop(&mut self) {
            // While another is being put in its place.
            Thing::mementos().remove(2);
            Thing::mementos().clear();
        }
    }

    drop(Thing::memento(1));
    drop(Thing::memento(2));
    drop(Thing::memento(3));
    Thing::mementos().clear();
}

#[test]
fn an_instance_that_keeps_the_context_of_its_construction_still_goes() {
    struct Thing {
        _context: Context,
    }

    #[memento(keep = "weak")]
    impl Thing {
        fn new(_n: u32) -> Self {
            Thing {
                _context: Context::current(),
            }
        }
    }

    drop(Thing::memento(1));
    assert_eq!(Thing::mementos().len(), 0);
}
