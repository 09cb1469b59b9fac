#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento(with = open)]
impl Thing {
    fn new() -> Self {
        Thing
    }
}

fn main() {}
