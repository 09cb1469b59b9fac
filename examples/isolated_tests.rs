//! Testing code that uses mementos: a registry for each test.
//!
//! Tests run side by side in one process. What one of them has built, another
//! would find, and with a name in common they would meet. In a scope each has a
//! registry of its own, and the code under test need not know.
//!
//! `cargo run --example isolated_tests`

use mementos::{Registry, memento};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// The code under test: a counter per name, shared by the whole program.
struct Counter {
    value: AtomicU64,
}

#[memento]
impl Counter {
    fn new(_name: &str) -> Self {
        Counter {
            value: AtomicU64::new(0),
        }
    }
}

/// Counts a visitor, and says how many there have been.
fn visit(page: &str) -> u64 {
    1 + Counter::memento(page).value.fetch_add(1, Ordering::Relaxed)
}

/// Counts a visitor from a thread of its own: a thread is in the scope it is
/// handed, not in that of whoever started it.
fn visit_from_afar(page: &'static str) -> u64 {
    let registry = Registry::current();
    let visitor = thread::spawn(move || registry.scope(|| visit(page)));
    visitor.join().expect("a visit does not panic")
}

// In a test module each of these would be a `#[test]`.

fn the_first_visitor_is_number_one() {
    Registry::new().scope(|| {
        assert_eq!(visit("home"), 1);
        assert_eq!(visit("home"), 2);
    });
}

fn pages_are_counted_apart() {
    Registry::new().scope(|| {
        assert_eq!(
            visit("home"),
            1,
            "visitors of other tests are not seen here"
        );
        assert_eq!(visit("about"), 1);
    });
}

fn visitors_from_other_threads_are_counted_too() {
    Registry::new().scope(|| {
        assert_eq!(visit("home"), 1);
        assert_eq!(visit_from_afar("home"), 2);
        assert_eq!(visit("home"), 3);
    });
}

/// A test can look into its registry, and what is in there ends with it.
fn a_registry_takes_its_instances_along() {
    let registry = Registry::new();
    let counter = registry.scope(|| Arc::downgrade(&Counter::memento("home")));
    assert_eq!(registry.mementos::<Counter, _>().len(), 1);
    assert!(counter.upgrade().is_some());
    drop(registry);
    assert!(counter.upgrade().is_none());
}

fn main() {
    let tests: [fn(); 4] = [
        the_first_visitor_is_number_one,
        pages_are_counted_apart,
        visitors_from_other_threads_are_counted_too,
        a_registry_takes_its_instances_along,
    ];
    assert_eq!(visit("home"), 1);
    // Side by side, as the test harness runs them. One that fails ends this too.
    thread::scope(|scope| {
        for test in tests {
            scope.spawn(test);
        }
    });
    assert_eq!(visit("home"), 2, "the tests have not been here");
    println!(
        "{} tests passed side by side, on pages of one name",
        tests.len()
    );
    println!("the program's own registry has seen none of it:\n");
    println!("{}", Registry::global().snapshot());
}
