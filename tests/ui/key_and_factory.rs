#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento(key(name), factory = BY_NAME)]
impl Thing {
    fn new(name: &str) -> Self {
        Thing
    }
}

fn main() {}
