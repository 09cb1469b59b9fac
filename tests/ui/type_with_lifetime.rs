#![allow(unused)]

use mementos::memento;

struct Thing<'a>(&'a str);

#[memento]
impl<'a> Thing<'a> {
    fn new(name: &'a str) -> Self {
        Thing(name)
    }
}

fn main() {}
