#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento]
impl Thing {
    async fn new(name: &str) -> Self {
        Thing
    }
}

fn main() {}
