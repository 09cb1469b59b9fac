#![allow(unused)]

use mementos::memento;

struct Thing;

#[memento(keeps = "weak")]
impl Thing {
    fn new(name: &str) -> Self {
        Thing
    }
}

fn main() {
    Thing::memento("a"); // no second error: the stub answers
    let _ = Thing::try_memento("a").is_ok();
    let _ = Thing::mementos();
}
