#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento(key(name, name))]
impl Thing {
    fn new(name: &str, weight: u32) -> Self {
        Thing
    }
}

fn main() {}
