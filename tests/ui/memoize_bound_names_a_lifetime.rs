#![allow(unused)]

use mementos::memoize;

#[memoize]
fn parsed<'a, T: Clone + From<&'a str>>(text: &'a str) -> T {
    T::from(text)
}

fn main() {
    let _: String = parsed("a");
}
