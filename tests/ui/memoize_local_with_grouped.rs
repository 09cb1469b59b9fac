#![allow(unused)]

use mementos::memoize;

#[memoize(local, grouped)]
fn one(x: u8) -> u8 {
    x
}

fn main() {
    one::exists(one(1));
}
