#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Default for Thing {
    fn default() -> Self {
        Thing
    }
}

fn main() {}
