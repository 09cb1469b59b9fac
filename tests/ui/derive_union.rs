#![allow(unused)]

use mementos::Key;

#[derive(Key)]
union Args {
    a: u32,
    b: i32,
}

fn main() {}
