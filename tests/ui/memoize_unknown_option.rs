#![allow(unused)]

use mementos::memoize;

#[memoize(ttl = "60s")]
fn one(x: u8) -> u8 {
    x
}

fn main() {
    one::exists(one(1));
}
