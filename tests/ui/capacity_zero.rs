#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento(keep = "pinned", capacity = 0)]
impl Thing {
    fn new(name: &str) -> Self {
        Thing
    }
}

fn main() {}
