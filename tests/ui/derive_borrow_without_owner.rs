#![allow(unused)]

use mementos::Key;

#[derive(Clone, Debug, Key)]
struct Args<'a> {
    names: &'a [&'a str],
}

fn main() {}
