//! A hit allocates nothing. Counted by a global allocator, so in a binary of its
//! own.

use mementos::key::Lookup;
use mementos::{Function, Memento, Memoizer, memento, memoize};
use std::hint::black_box;
use std::time::Duration;

/// The allocations of a hundred hits, after one call that builds.
fn allocations<R>(call: impl Fn() -> R) -> u64 {
    black_box(call());
    allocation_counter::measure(|| {
        for _ in 0..100 {
            black_box(call());
        }
    })
    .count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| String::from("one")), 100);
}

macro_rules! hits {
    ($test:ident($($arg:ident: $ty:ty),+) by $($value:expr),+) => {
        #[test]
        fn $test() {
            struct Thing;

            #[memento]
            impl Thing {
                fn new($($arg: $ty),+) -> Self {
                    black_box(($($arg),+));
                    Thing
                }
            }

            assert_eq!(allocations(|| Thing::memento($($value),+)), 0);
            assert_eq!(allocations(|| Thing::try_memento($($value),+).unwrap()), 0);
            mementos::Registry::new().scope(|| {
                assert_eq!(allocations(|| Thing::memento($($value),+)), 0, "in a scope");
            });
        }
    };
}

hits!(by_str(name: &str) by "one");
hits!(by_number(n: u64) by 7);
hits!(by_str_and_number(name: &str, n: u32) by "one", 7);
hits!(by_slice(parts: &[u8]) by &[1, 2, 3]);
hits!(by_option(name: Option<&str>) by Some("one"));
hits!(by_float_and_owned_string(x: f64, name: &String) by 0.5, black_box(&String::new()));

#[test]
fn a_closure_that_allocates_nothing_makes_hits_that_allocate_nothing() {
    struct Thing;

    #[memento(key = |name: &str, _weight: u32| name.len())]
    impl Thing {
        fn new(_name: &str, _weight: u32) -> Self {
            Thing
        }
    }

    assert_eq!(allocations(|| Thing::memento("one", 1)), 0);
}

/// Every way to keep an instance.
macro_rules! kept {
    ($test:ident, $($option:tt)*) => {
        #[test]
        fn $test() {
            struct Thing;

            #[memento($($option)*)]
            impl Thing {
                fn new(_name: &str) -> Self {
                    Thing
                }
            }

            let _held = Thing::memento("one");
            assert_eq!(allocations(|| Thing::memento("one")), 0);
        }
    };
}

kept!(kept_strong, keep = "strong");
kept!(kept_weak, keep = "weak");
kept!(kept_pinned, keep = "pinned", capacity = 10);
kept!(kept_static, keep = "static");

#[test]
fn a_static_reference() {
    struct Thing;

    #[memento(keep = "static")]
    impl Thing {
        fn new(_name: &str) -> Self {
            Thing
        }
    }

    assert_eq!(allocations(|| Thing::memento_ref("one")), 0);
}

#[test]
fn generic_types() {
    struct Thing<T>(T);

    #[memento]
    impl<T: mementos::Key + Copy> Thing<T> {
        fn new(_name: &str, value: T) -> Self {
            Thing(value)
        }
    }

    assert_eq!(allocations(|| Thing::memento("one", 1_u8).0), 0);
}

mod by_hand {
    use super::*;

    struct ByStr;

    impl Memento for ByStr {
        type Args<'a> = &'a str;
        type Key = String;
        fn key(name: &&str) -> String {
            name.to_string()
        }
        fn lookup<'r, 'a: 'r>(name: &'r &'a str) -> impl Lookup<String> {
            *name
        }
        fn construct(_: &str) -> Self {
            ByStr
        }
    }

    struct ByNumber;

    impl Memento for ByNumber {
        type Args<'a> = u64;
        type Key = u64;
        fn key(n: &u64) -> u64 {
            *n
        }
        fn construct(_: u64) -> Self {
            ByNumber
        }
    }

    struct ByBoth;

    impl Memento for ByBoth {
        type Args<'a> = (&'a str, u32);
        type Key = (String, u32);
        fn key((name, n): &(&str, u32)) -> (String, u32) {
            (name.to_string(), *n)
        }
        fn lookup<'r, 'a: 'r>(args: &'r (&'a str, u32)) -> impl Lookup<(String, u32)> {
            *args
        }
        fn construct(_: (&str, u32)) -> Self {
            ByBoth
        }
    }

    #[test]
    fn hits_allocate_nothing() {
        assert_eq!(allocations(|| ByStr::memento("one")), 0);
        assert_eq!(allocations(|| ByNumber::memento(7)), 0);
        assert_eq!(allocations(|| ByBoth::memento(("one", 7))), 0);
    }
}

/// A memoized function, asked in every way that has no heap in it.
macro_rules! functions {
    ($test:ident($($arg:ident: $ty:ty),+) by $($value:expr),+) => {
        #[test]
        fn $test() {
            #[memoize]
            fn kept($($arg: $ty),+) -> usize {
                black_box(($($arg),+));
                1
            }

            #[memoize(max_age = "1h")]
            fn aged($($arg: $ty),+) -> usize {
                black_box(($($arg),+));
                2
            }

            #[memoize(local)]
            fn local($($arg: $ty),+) -> usize {
                black_box(($($arg),+));
                3
            }

            assert_eq!(allocations(|| kept($($value),+)), 0);
            assert_eq!(allocations(|| aged($($value),+)), 0, "with an age");
            assert_eq!(allocations(|| local($($value),+)), 0, "on one thread");
            assert_eq!(allocations(|| kept::exists($($value),+)), 0, "exists");
            Memoizer::in_memory().scope(|| {
                assert_eq!(allocations(|| kept($($value),+)), 0, "in a scope");
            });
        }
    };
}

functions!(function_by_number(n: u64) by 7);
functions!(function_by_str(name: &str) by "one");
functions!(function_by_str_and_number(name: &str, n: u32) by "one", 7);
functions!(function_by_slice(parts: &[u8]) by &[1, 2, 3]);
functions!(function_by_option(name: Option<&str>) by Some("one"));
functions!(function_by_float(x: f64) by 0.5);

#[cfg(feature = "bounded")]
#[test]
fn a_hit_in_a_bounded_table_allocates_nothing() {
    #[memoize(capacity = 10)]
    fn bounded(name: &str) -> usize {
        name.len()
    }

    assert_eq!(allocations(|| bounded("one")), 0);
}

#[test]
fn a_generic_function_and_a_method_allocate_nothing() {
    #[memoize]
    fn same<T: mementos::Key + Copy>(x: T) -> T {
        x
    }

    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Square(u64);

    #[memoize]
    impl Square {
        #[memoize]
        fn area(&self, scale: u64) -> u64 {
            self.0 * self.0 * scale
        }
    }

    assert_eq!(allocations(|| same(7)), 0);
    assert_eq!(allocations(|| Square(3).area(2)), 0);
}

#[test]
fn a_hit_with_an_expiry_of_its_own_allocates_nothing() {
    #[memoize]
    fn kept(n: u64) -> u64 {
        n
    }

    kept(1);
    kept::expire(Duration::from_secs(3600), 1).unwrap();
    assert_eq!(allocations(|| kept(1)), 0);
    assert!(Function::<kept>::new().ttl(1).is_some());
}
