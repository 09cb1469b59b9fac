#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Thing {
    fn create() -> Self {
        Thing
    }
}

fn main() {}
