#![allow(unused)]

use mementos::memoize;

#[memoize(key(self.x))]
fn one(x: u8) -> u8 {
    x
}

fn main() {
    one::exists(one(1));
}
