#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Thing {
    unsafe fn new(name: &str) -> Self {
        Thing
    }
}

fn main() {}
