use mementos::{MementoFactory, memento, memento_factory};
use std::any::TypeId;

const BY_NAME: MementoFactory<fn(TypeId, &&str) -> String> =
    memento_factory("ByName").key(|_, name| name.to_string());

struct Thing;

#[memento(factory = BY_NAME)]
impl Thing {
    fn new(_name: &str) -> Self {
        Thing
    }
}

fn main() {}
