#![allow(unused)]

use mementos::memoize;

#[memoize(key(x, z))]
fn sum(x: u8, y: u8) -> u8 {
    x + y
}

fn main() {
    sum::exists(sum(1, 2), 1);
}
