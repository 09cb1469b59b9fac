#![allow(unused)]

use mementos::memoize;

#[memoize]
struct Shape;

fn main() {
    let _ = Shape;
}
