#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Thing {
    fn new<S: AsRef<str>>(name: S) -> Self {
        Thing
    }
}

fn main() {}
