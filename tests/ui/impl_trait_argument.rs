#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Thing {
    fn new(name: Option<&impl AsRef<str>>) -> Self {
        Thing
    }
}

fn main() {}
