//! A table of one thread's own is refreshed by nobody else.

use mementos::memoize;

#[memoize(local, max_age = "60s", stale_for = "1h")]
fn number(n: u32) -> u32 {
    n
}

fn main() {}
