//! The tables' own lock, by itself, made of shuttle's parts.

#[path = "../../src/table/biased.rs"]
#[allow(dead_code, unreachable_pub, clippy::module_inception)]
mod biased;

use crate::schedules;
use biased::Biased;
use shuttle::thread;
use std::sync::Arc;

/// Two readers and a writer, of a part that is biased or about to be.
fn readers_and_a_writer() {
    let biased = Arc::new(Biased::new([[0; 2], [7; 2]].into_iter()));
    let reader = || {
        let biased = Arc::clone(&biased);
        thread::spawn(move || {
            assert!(biased.has_slot());
            for _ in 0..3 {
                let seen = biased.read(0, |value| {
                    let first = value[0];
                    thread::yield_now();
                    [first, value[1]]
                });
                assert_eq!(seen[0], seen[1], "no write comes between");
            }
        })
    };
    let (one, other) = (reader(), reader());
    for round in 1..=2 {
        biased.write(0, |value| {
            value[0] = round;
            thread::yield_now();
            value[1] = round;
        });
    }
    one.join().unwrap();
    other.join().unwrap();
    assert_eq!(biased.read(0, |value| *value), [2; 2]);
}

#[test]
fn a_write_is_seen_whole_or_not_at_all() {
    shuttle::check_random(readers_and_a_writer, schedules());
    shuttle::check_pct(readers_and_a_writer, schedules(), 4);
}
