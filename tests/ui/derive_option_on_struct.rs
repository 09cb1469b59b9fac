#![allow(unused)]

use mementos::Key;

#[derive(Clone, Debug, Key)]
#[key(skip)]
struct Args {
    weight: f64,
}

fn main() {}
