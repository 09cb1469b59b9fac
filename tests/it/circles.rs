//! Deadlock is an error, not a hang.

use crate::support::{Numbers, until};
use mementos::{BuildError, Context, Registry, memento, private};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_constructor_may_go_through_hundreds_of_others_in_one_shard() {
    /// All of one hash, so all in one shard.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Same(u32);

    impl Hash for Same {
        fn hash<H: Hasher>(&self, _: &mut H) {}
    }

    struct Step {
        next: Option<Arc<Step>>,
    }

    #[memento]
    impl Step {
        fn new(left: Same) -> Self {
            Step {
                next: (left.0 > 0).then(|| Step::memento(Same(left.0 - 1))),
            }
        }
    }

    let first = Step::memento(Same(500));
    let mut steps = 0;
    let mut at = &first;
    while let Some(next) = &at.next {
        steps += 1;
        at = next;
    }
    assert_eq!(steps, 500);
    assert_eq!(Step::mementos().len(), 501);
    assert!(Step::mementos().building().is_empty());
}

#[test]
fn a_constructor_that_asks_for_its_own_key_gets_an_error() {
    #[derive(Debug)]
    struct Own;

    #[memento]
    impl Own {
        fn new(name: &str) -> Result<Self, String> {
            match Own::try_memento(name) {
                Err(BuildError::Recursion(circle)) => Err(circle.to_string()),
                other => panic!("{other:?}"),
            }
        }
    }

    for _ in 0..300 {
        let error = Own::try_memento("one").unwrap_err();
        let named = error.failure().unwrap();
        assert_eq!(named.matches(r#"Own("one")"#).count(), 2, "{named}");
        assert!(Own::mementos().building().is_empty());
    }
}

#[test]
fn a_circle_through_memento_is_an_error_of_the_outermost_try() {
    #[derive(Debug)]
    struct A;
    #[derive(Debug)]
    struct B;

    #[memento]
    impl A {
        fn new(name: &str) -> Self {
            B::memento(name);
            A
        }
    }

    #[memento]
    impl B {
        fn new(name: &str) -> Self {
            A::memento(name);
            B
        }
    }

    let error = A::try_memento("x").unwrap_err();
    let BuildError::Cycle(circle) = &error else {
        panic!("{error:?}")
    };
    let sites: Vec<(&str, &str)> = circle
        .sites()
        .iter()
        .map(|site| (site.type_name(), site.key()))
        .collect();
    assert_eq!(sites.len(), 2);
    assert!(
        sites[0].0.ends_with("::A") && sites[0].1 == r#""x""#,
        "{sites:?}"
    );
    assert!(
        sites[1].0.ends_with("::B") && sites[1].1 == r#""x""#,
        "{sites:?}"
    );

    // By `memento` it is a panic with the same message.
    let payload = catch_unwind(|| A::memento("x")).map(drop).unwrap_err();
    assert_eq!(*payload.downcast::<String>().unwrap(), error.to_string());
    assert!(A::mementos().is_empty() && B::mementos().is_empty());
    assert!(A::mementos().building().is_empty() && B::mementos().building().is_empty());
}

/// A node whose constructor waits until everybody is inside theirs, and then
/// asks for its neighbour.
#[derive(Debug)]
struct Ring;

/// How many threads there are in a round, and where they meet.
static ROUNDS: Mutex<Option<HashMap<u32, Arc<Barrier>>>> = Mutex::new(None);

#[memento]
impl Ring {
    fn new(round: u32, at: u32, of: u32) -> Result<Self, BuildError<String>> {
        let meet = {
            let mut rounds = ROUNDS.lock().unwrap();
            let rounds = rounds.get_or_insert_default();
            Arc::clone(
                rounds
                    .entry(round)
                    .or_insert_with(|| Arc::new(Barrier::new(of as usize))),
            )
        };
        meet.wait();
        Ring::try_memento(round, (at + 1) % of, of)?;
        Ok(Ring)
    }
}

fn circles_of(threads: u32) {
    let registry = &Registry::new();
    for round in 0..300 {
        let round = threads * 1000 + round;
        let build = |at| registry.scope(|| Ring::try_memento(round, at, threads).unwrap_err());
        let errors: Vec<_> = thread::scope(|scope| {
            let builders: Vec<_> = (0..threads)
                .map(|at| scope.spawn(move || build(at)))
                .collect();
            builders
                .into_iter()
                .map(|builder| builder.join().unwrap())
                .collect()
        });
        for error in errors {
            let error = error.flatten();
            let named = error
                .circle()
                .unwrap_or_else(|| panic!("{error:?}"))
                .to_string();
            for at in 0..threads {
                let site = format!("Ring(({round}, {at}, {threads}))");
                assert!(named.contains(&site), "{site} is not in {named}");
            }
        }
    }
    assert!(registry.mementos::<Ring, _>().building().is_empty());
    until_the_graph_is_empty();
}

/// Other tests of this process pass through the graph too, so it may take a
/// moment; an edge that was left behind would stay for ever.
fn until_the_graph_is_empty() {
    let patience = Instant::now() + Duration::from_secs(30);
    until(|| {
        assert!(
            Instant::now() < patience,
            "{} edges were left behind",
            private::edges()
        );
        private::edges() == 0
    });
}

#[test]
fn a_circle_over_two_threads_is_an_error_that_names_everybody() {
    circles_of(2);
}

#[test]
fn a_circle_over_three_threads_is_an_error_that_names_everybody() {
    circles_of(3);
}

#[test]
fn a_circle_over_five_threads_is_an_error_that_names_everybody() {
    circles_of(5);
}

#[test]
fn builds_without_a_circle_are_never_taken_for_one() {
    /// Asks for a few nodes with smaller numbers: no circle is possible.
    struct Node;

    #[memento]
    impl Node {
        fn new(round: u32, n: u32) -> Self {
            let mut numbers = Numbers(u64::from(round) << 32 | u64::from(n));
            for _ in 0..numbers.below(4) {
                if n > 0 {
                    Node::memento(round, numbers.below(n.into()) as u32);
                }
            }
            Node
        }
    }

    let start = Barrier::new(6);
    thread::scope(|scope| {
        for thread in 0..6_u64 {
            let start = &start;
            scope.spawn(move || {
                let mut numbers = Numbers(thread);
                for round in 0..2000 {
                    start.wait();
                    for _ in 0..4 {
                        Node::memento(round, numbers.below(24) as u32);
                    }
                }
            });
        }
    });
    let stats = Node::mementos().stats();
    assert_eq!(stats.failures, 0);
    assert!(stats.joins > 0, "the threads never met");
    assert!(Node::mementos().building().is_empty());
    until_the_graph_is_empty();
}

#[test]
fn a_wait_that_was_given_up_leaves_no_edge_behind() {
    #[derive(Debug)]
    struct Slow;
    static STARTED: AtomicU32 = AtomicU32::new(0);
    static GO: OnceLock<()> = OnceLock::new();

    #[memento]
    impl Slow {
        fn new(_name: &str) -> Self {
            STARTED.store(1, SeqCst);
            until(|| GO.get().is_some());
            // If the other's edge to this build were still there, this would be
            // taken for a circle.
            Quick::memento("quick");
            Slow
        }
    }

    #[derive(Debug)]
    struct Quick;

    #[memento]
    impl Quick {
        fn new(_name: &str) -> Self {
            let late = Slow::try_memento_for(Duration::from_millis(1), "slow");
            assert!(matches!(late, Err(BuildError::TimedOut(_))), "{late:?}");
            GO.set(()).unwrap();
            // Until the slow one waits for this build.
            until(|| Quick::mementos().stats().joins == 1);
            Quick
        }
    }

    thread::scope(|scope| {
        let slow = scope.spawn(|| Slow::try_memento("slow"));
        until(|| STARTED.load(SeqCst) == 1);
        Quick::try_memento("quick").unwrap();
        slow.join().unwrap().unwrap();
    });
}

#[test]
fn the_next_call_after_a_circle_can_succeed() {
    struct Thing;
    static TRIES: AtomicU32 = AtomicU32::new(0);

    #[memento]
    impl Thing {
        fn new(name: &str) -> Self {
            if TRIES.fetch_add(1, SeqCst) == 0 {
                Thing::memento(name);
            }
            Thing
        }
    }

    assert!(Thing::try_memento("one").is_err());
    assert!(Thing::try_memento("one").is_ok());
}

#[test]
fn waiting_from_outside_every_build_is_never_a_circle() {
    struct Outer;
    struct Inner;
    static INSIDE: Barrier = Barrier::new(2);

    #[memento]
    impl Outer {
        fn new(_name: &str) -> Self {
            INSIDE.wait();
            until(|| Outer::mementos().stats().joins == 1);
            Inner::memento("inner");
            Outer
        }
    }

    #[memento]
    impl Inner {
        fn new(_name: &str) -> Self {
            Inner
        }
    }

    thread::scope(|scope| {
        scope.spawn(|| Outer::memento("outer"));
        INSIDE.wait();
        Inner::memento("inner");
        Outer::memento("outer");
    });
}

#[test]
fn a_circle_through_a_thread_that_was_handed_the_context_is_an_error() {
    #[derive(Debug)]
    struct Handed;

    #[memento]
    impl Handed {
        fn new(name: &str) -> Self {
            let context = &Context::current();
            let other = if name == "a" { "b" } else { "a" };
            let asked = thread::scope(|scope| {
                scope
                    .spawn(move || context.enter(|| Handed::try_memento(other)))
                    .join()
                    .unwrap()
            });
            // The thread's circle, unless the other constructor took it in.
            if let Err(error) = asked {
                assert_eq!(error.circle().unwrap().sites().len(), 2, "{error:?}");
            }
            Handed
        }
    }

    assert!(
        Handed::try_memento("a").is_ok(),
        "the circle was an error down there"
    );
    assert!(Handed::mementos().building().is_empty());
}

#[test]
fn a_context_that_outlives_its_build_is_outside_of_it() {
    struct Left;
    static LEFT: Mutex<Option<Context>> = Mutex::new(None);

    #[memento]
    impl Left {
        fn new(_name: &str) -> Self {
            *LEFT.lock().unwrap() = Some(Context::current());
            Left
        }
    }

    let left = Left::memento("one");
    let context = LEFT.lock().unwrap().take().unwrap();
    context.enter(|| assert!(Arc::ptr_eq(&left, &Left::memento("one"))));
    Left::mementos().remove("one");
    context.enter(|| assert!(!Arc::ptr_eq(&left, &Left::memento("one"))));
}

#[test]
fn a_circle_met_by_who_holds_a_claim_is_a_panic_with_a_message() {
    struct Held;

    #[memento]
    impl Held {
        fn new(_n: u32) -> Self {
            Held
        }
    }

    let _claim = Held::mementos().claim(1).unwrap();
    let payload = catch_unwind(|| Held::memento(1)).map(drop).unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("asks for itself"), "{message}");
}

#[test]
fn a_thread_that_helps_another_build_stays_inside_its_own() {
    #[derive(Debug)]
    struct Own;
    static LENT: Mutex<Option<Context>> = Mutex::new(None);

    #[memento]
    impl Own {
        fn new(n: u32) -> Self {
            if n == 1 {
                *LENT.lock().unwrap() = Some(Context::current());
                Own::memento(2);
            } else {
                let lent = LENT.lock().unwrap().clone().unwrap();
                let own = lent.enter(|| Own::try_memento(n));
                assert!(matches!(own, Err(BuildError::Recursion(_))), "{own:?}");
            }
            Own
        }
    }

    Own::memento(1);
}

#[test]
fn a_claim_is_not_held_against_another_of_the_same_thread() {
    struct Both;

    #[memento]
    impl Both {
        fn new(_n: u32) -> Self {
            Both
        }
    }

    let claim = |n| match Both::mementos().claim(n) {
        Ok(mementos::Claimed::Vacant(claim)) => claim,
        _ => panic!("nobody else asks"),
    };
    let (first, second) = (claim(1), claim(2));
    let here = Context::current();
    thread::scope(|scope| {
        // Inside a build of its own, which waits for the first claim alone.
        let asks = scope.spawn(|| here.enter(|| Both::try_memento(1).is_ok()));
        until(|| Both::mementos().stats().joins == 1);
        first.fill(Both);
        assert!(asks.join().unwrap());
    });
    second.fill(Both);
}

#[test]
fn a_wait_with_a_limit_is_not_held_against_one_without() {
    #[derive(Debug)]
    struct Slow;

    #[derive(Debug)]
    struct Hasty;

    #[memento]
    impl Slow {
        fn new(_n: u32) -> Self {
            // The other waits for this build by now, with a limit.
            until(|| Slow::mementos().stats().joins == 1);
            Hasty::memento(1);
            Slow
        }
    }

    #[memento]
    impl Hasty {
        fn new(_n: u32) -> Self {
            until(|| !Slow::mementos().building().is_empty());
            let late = Slow::try_memento_for(Duration::from_millis(200), 1);
            assert!(matches!(late, Err(BuildError::TimedOut(_))), "{late:?}");
            Hasty
        }
    }

    thread::scope(|scope| {
        let hasty = scope.spawn(|| Hasty::try_memento(1).map(drop));
        let slow = scope.spawn(|| Slow::try_memento(1).map(drop));
        hasty.join().unwrap().unwrap();
        slow.join().unwrap().unwrap();
    });
}
