#![allow(unused)]

use mementos::memoize;

#[memoize(on_lock_timeout = "panic")]
fn one(x: u8) -> u8 {
    x
}

fn main() {
    one::exists(one(1));
}
