#![allow(unused)]

use mementos::memoize;

#[memoize]
fn total(lengths: &[&str]) -> usize {
    lengths.len()
}

fn main() {
    total(&["a"]);
}
