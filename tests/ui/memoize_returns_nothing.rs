#![allow(unused)]

use mementos::memoize;

#[memoize]
fn log(text: &str) {}

fn main() {
    log("ab");
    log::clear();
}
