#![allow(unused)]

use mementos::Key;

#[derive(Clone, Debug, Key)]
struct Args {
    name: String,
    #[key(ignore)]
    weight: u32,
}

fn main() {}
