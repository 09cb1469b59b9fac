#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento(factory)]
impl Thing {
    fn new(name: &str) -> Self {
        Thing
    }
}

fn main() {}
