//! Scopes: whose results a function's are.

use crate::support::*;
use mementos::{Function, Memoizer, Options, memoize};
use std::sync::LazyLock;
use std::thread;

#[test]
fn a_scope_begins_with_nothing_and_leaves_nothing() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    assert_eq!((run(1), run(1)), (1, 1));
    let memo = Memoizer::in_memory();
    memo.scope(|| {
        assert!(!run::exists(1));
        assert_eq!((run(1), run(1)), (2, 2));
    });
    assert_eq!(run(1), 1);
    assert_eq!(memo.scope(|| run(1)), 2, "the memoizer still has it");
}

#[test]
fn scopes_nest() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    let [outer, inner] = [(); 2].map(|()| Memoizer::in_memory());
    outer.scope(|| {
        assert_eq!(run(1), 1);
        inner.scope(|| assert_eq!(run(1), 2));
        assert_eq!(run(1), 1);
    });
}

#[test]
fn a_scope_ends_with_a_panic_too() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    let memo = Memoizer::in_memory();
    let panics = || memo.scope(|| -> u32 { panic!("{}", one(1)) });
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
    assert!(!one::exists(1));
}

#[test]
fn a_scope_is_stronger_than_the_memoizer_that_a_function_names() {
    static MEMO: LazyLock<Memoizer> = LazyLock::new(Memoizer::in_memory);

    #[memoize(memo = MEMO)]
    fn one(x: u32) -> u32 {
        x
    }

    Memoizer::in_memory().scope(|| one(1));
    assert!(!one::exists(1));
    one(2);
    assert!(Function::<one>::of(&MEMO).exists(2));
}

#[test]
fn other_threads_are_not_in_a_scope_until_they_enter_it() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    Memoizer::in_memory().scope(|| {
        assert_eq!(run(1), 1);
        let current = Memoizer::current();
        thread::scope(|threads| {
            let outside = threads.spawn(|| run(1));
            assert_eq!(outside.join().unwrap(), 2);
            let inside = threads.spawn(|| current.scope(|| run(1)));
            assert_eq!(inside.join().unwrap(), 1);
        });
    });
    assert_eq!(run(1), 2, "the global one's");
}

#[test]
fn threads_in_scopes_of_their_own_do_not_meet() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                Memoizer::in_memory().scope(|| {
                    let own = run(1);
                    (0..100).for_each(|_| assert_eq!(run(1), own));
                });
            });
        }
    });
    assert_eq!(RUNS.so_far(), 8);
}

#[test]
fn a_handle_of_a_memoizer_reaches_its_results_from_outside() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    let memo = Memoizer::in_memory();
    memo.scope(|| one(1));
    let of = Function::<one>::of(&memo);
    assert!(of.exists(1));
    assert_eq!(of.call(2), 2);
    assert!(memo.scope(|| one::exists(2)));
    memo.clear().unwrap();
    assert!(of.is_empty());
    assert!(!one::exists(1));
}

#[test]
fn options_set_in_a_scope_are_of_that_scope() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    in_memory().0.scope(|| {
        one::set_options(Options::new().max_age(secs(5)));
        one(1);
        assert_eq!(one::ttl(1), Some(secs(5)));
    });
    one(1);
    assert_eq!(one::ttl(1), None);
}

#[test]
fn a_build_goes_on_in_the_scope_that_it_began_in() {
    #[memoize]
    fn inner(x: u32) -> u32 {
        x
    }

    #[memoize]
    fn outer(x: u32) -> u32 {
        inner(x) + 1
    }

    let memo = Memoizer::in_memory();
    assert_eq!(memo.scope(|| outer(1)), 2);
    assert!(!inner::exists(1));
    assert!(memo.scope(|| inner::exists(1)));
}

#[test]
fn a_generic_function_has_its_results_by_scope_too() {
    #[memoize]
    fn boxed<T: mementos::Key>(x: T) -> Vec<T> {
        vec![x]
    }

    let memo = Memoizer::in_memory();
    memo.scope(|| boxed(1_u8));
    assert!(!boxed::exists(1_u8));
    assert!(memo.scope(|| boxed::exists(1_u8)));
    assert!(!memo.scope(|| boxed::exists(1_u16)));
}
