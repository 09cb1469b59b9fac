#![allow(unused)]

use mementos::Key;

#[derive(Clone, Debug, Key)]
struct Args {
    #[key(total, skip)]
    weight: f64,
}

fn main() {}
