//! What has expired goes without anybody asking for it.

use crate::support::*;
use mementos::store::{MemoryStore, Store};
use mementos::{AnyValue, Entry, Memoizer, Options, memoize};
use std::sync::Arc;

/// A million where the optimiser helps.
const MANY: u32 = if cfg!(debug_assertions) {
    50_000
} else {
    1_000_000
};
/// New ones after the many have expired.
const NEW: u32 = 2_000;
/// How many of the many may still be there then.
const FEW: usize = 100;

#[test]
fn expired_results_leave_a_functions_table() {
    #[memoize(max_age = "1s")]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        (0..MANY).for_each(|x| _ = one(x));
        assert_eq!(one::function().len(), MANY as usize);
        clock.advance(secs(2));
        (MANY..MANY + NEW).for_each(|x| _ = one(x));
        let left = one::function().len();
        assert!(left <= NEW as usize + FEW, "{left}");
    });
}

#[test]
fn expired_results_leave_a_memory_store() {
    let store = Arc::new(MemoryStore::<String, Entry<AnyValue>>::new());
    let clock = mementos::clock::FakeClock::new();
    let memo = Memoizer::new(Arc::clone(&store)).clock(clock.clone());
    let memo = memo.defaults(Options::new().max_age(secs(1)));
    let get = |x: u32| _ = memo.get(&x.to_string(), || x).unwrap();
    (0..MANY).for_each(get);
    assert_eq!(store.len().unwrap(), MANY as usize);
    clock.advance(secs(2));
    (MANY..MANY + NEW).for_each(get);
    let left = store.len().unwrap();
    assert!(left <= NEW as usize + FEW, "{left}");
}

#[test]
fn expired_results_leave_a_functions_namespaces() {
    #[memoize(max_age = "1s")]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        let tenant = Options::new().namespace("tenant");
        let get = |x: u32| _ = one::get(&tenant, x).unwrap();
        (0..NEW).for_each(get);
        clock.advance(secs(2));
        (NEW..2 * NEW).for_each(get);
        let left = one::function().len();
        assert!(left <= NEW as usize + FEW, "{left}");
    });
}

#[test]
fn what_has_no_end_stays() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        (0..NEW).for_each(|x| _ = one(x));
        clock.advance(secs(1_000_000));
        (NEW..2 * NEW).for_each(|x| _ = one(x));
        assert_eq!(one::function().len(), 2 * NEW as usize);
    });
}

#[test]
fn what_is_told_to_expire_leaves_too() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        (0..NEW).for_each(|x| {
            one(x);
            one::expire(secs(1), x).unwrap();
        });
        clock.advance(secs(1));
        one::set_options(Options::new().max_age(secs(60)));
        (NEW..2 * NEW).for_each(|x| _ = one(x));
        let left = one::function().len();
        assert!(left <= NEW as usize + FEW, "{left}");
    });
}

/// Errors that are kept for a time, one after the other, with nothing else.
#[test]
fn expired_errors_leave_though_nothing_is_ever_built() {
    #[memoize(error_age = "1s")]
    fn fails(x: u32) -> Result<u32, u32> {
        Err(x)
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        (0..NEW).for_each(|x| _ = fails(x));
        clock.advance(secs(1));
        (NEW..2 * NEW).for_each(|x| _ = fails(x));
        let left = fails::function().len();
        assert!(left <= NEW as usize + FEW, "{left}");
    });
}

#[test]
fn the_values_that_leave_are_dropped_with_nothing_locked() {
    /// Asks for another result as it goes.
    #[derive(Clone)]
    struct Asks;

    impl Drop for Asks {
        fn drop(&mut self) {
            other(0);
        }
    }

    #[memoize]
    fn other(x: u32) -> u32 {
        x
    }

    #[memoize(max_age = "1s")]
    fn one(x: u32) -> Arc<Asks> {
        _ = x;
        one::exists(0);
        Arc::new(Asks)
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        (0..500).for_each(|x| _ = one(x));
        clock.advance(secs(1));
        (500..1000).for_each(|x| _ = one(x));
        one::clear().unwrap();
        assert!(one::function().is_empty());
    });
}
