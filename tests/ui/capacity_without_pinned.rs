#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento(keep = "weak", capacity = 10)]
impl Thing {
    fn new(name: &str) -> Self {
        Thing
    }
}

fn main() {}
