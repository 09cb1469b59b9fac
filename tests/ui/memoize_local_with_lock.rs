#![allow(unused)]

use mementos::memoize;

#[memoize(lock = LOCK, local)]
fn one(x: u8) -> u8 {
    x
}

fn main() {
    one::exists(one(1));
}
