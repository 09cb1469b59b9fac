#![allow(unused)]

use mementos::memoize;

#[memoize(capacity = 10, store = STORE)]
fn one(x: u8) -> u8 {
    x
}

fn main() {
    one::exists(one(1));
}
