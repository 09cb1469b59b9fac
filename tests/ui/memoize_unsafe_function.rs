#![allow(unused)]

use mementos::memoize;

#[memoize]
unsafe fn read(at: usize) -> u8 {
    at as u8
}

fn main() {
    read::exists(1);
}
