#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento(keep = "forever")]
impl Thing {
    fn new(name: &str) -> Self {
        Thing
    }
}

fn main() {}
