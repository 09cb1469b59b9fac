#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento(key(name, sorted(list)))]
impl Thing {
    fn new(name: &str, list: Vec<u32>) -> Self {
        Thing
    }
}

fn main() {}
