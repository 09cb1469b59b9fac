#![allow(unused)]

use mementos::memoize;

#[memoize]
fn first(text: &str) -> &str {
    &text[..1]
}

fn main() {
    first("ab");
    first::exists("ab");
}
