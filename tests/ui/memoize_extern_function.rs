#![allow(unused)]

use mementos::memoize;

#[memoize]
extern "C" fn double(x: u32) -> u32 {
    2 * x
}

fn main() {
    double(1);
    double::exists(1);
}
