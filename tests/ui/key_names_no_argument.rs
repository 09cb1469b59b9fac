#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento(key(nam))]
impl Thing {
    fn new(name: &str, weight: u32, (_, _): (u8, u8)) -> Self {
        Thing
    }
}

fn main() {
    Thing::memento("a", 1, (2, 3)); // no second error: the stub answers
}
