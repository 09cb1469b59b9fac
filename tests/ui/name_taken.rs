#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Thing {
    fn new(name: &str) -> Self {
        Thing
    }

    fn mementos() -> usize {
        0
    }
}

fn main() {
    Thing::mementos();
}
