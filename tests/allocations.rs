//! A hit allocates nothing. Counted by a global allocator, so in a binary of its
//! own.

use mementos::key::Lookup;
use mementos::{Memento, memento};
use std::hint::black_box;

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
