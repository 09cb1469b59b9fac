#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Thing {
    fn new(name: &str) -> Option<Self> {
        unreachable!()
    }
}

fn main() {}
