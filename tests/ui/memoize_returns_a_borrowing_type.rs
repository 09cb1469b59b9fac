#![allow(unused)]

use mementos::memoize;

#[memoize]
fn first<'a>(text: &'a str) -> Option<std::borrow::Cow<'a, str>> {
    Some(text.into())
}

fn main() {
    first("ab");
    first::exists("ab");
}
