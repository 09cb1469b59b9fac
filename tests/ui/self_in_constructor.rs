#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Thing {
    fn new(&self, name: &str) -> Self {
        Thing
    }
}

fn main() {}
