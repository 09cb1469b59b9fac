#![allow(unused)]

use mementos::memoize;

#[memoize(capacity = 0)]
fn one(x: u8) -> u8 {
    x
}

fn main() {
    one::exists(one(1));
}
