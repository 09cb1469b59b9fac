#![allow(unused)]

use mementos::Key;

#[derive(Clone, Debug, Key)]
enum Args<'a> {
    Name(&'a str),
}

fn main() {}
