#![allow(unused)]

use mementos::memento;

struct Thing;
struct Error<'a>(&'a str);

#[memento]
impl Thing {
    fn new(name: &str) -> Result<Self, Error<'_>> {
        Err(Error(name))
    }
}

fn main() {}
