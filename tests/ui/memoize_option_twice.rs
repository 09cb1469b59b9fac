#![allow(unused)]

use mementos::memoize;

#[memoize(max_age = "60s", max_age = "90s")]
fn one(x: u8) -> u8 {
    x
}

fn main() {
    one::exists(one(1));
}
