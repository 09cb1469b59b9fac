use crate::Subject;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Asks for every key, over and over: a turn asks `passes` times for each. What the
/// first calls got is held all the while, so that weak entries live.
pub fn hits<'a, K: Copy, R: 'a>(
    name: &'static str,
    keys: &'a [K],
    passes: usize,
    mut call: impl FnMut(K) -> R + 'a,
) -> Subject<'a> {
    let mut held = Vec::new();
    Subject::new(name, move || {
        if held.is_empty() {
            held.extend(keys.iter().map(|key| call(*key)));
        }
        ask(keys, 1, &mut call);
        ask(keys, passes, &mut call)
    })
}

/// How long it takes to ask so often for every key.
pub fn ask<K: Copy, R>(keys: &[K], passes: usize, mut call: impl FnMut(K) -> R) -> Duration {
    let start = Instant::now();
    for _ in 0..passes {
        for key in keys {
            black_box(call(black_box(*key)));
        }
    }
    start.elapsed()
}
