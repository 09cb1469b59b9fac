#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Thing {
    fn new(name: &str) -> std::sync::Arc<Thing> {
        unreachable!()
    }
}

fn main() {}
