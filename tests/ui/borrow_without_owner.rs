#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Thing {
    fn new(names: &[&str]) -> Self {
        Thing
    }
}

fn main() {}
