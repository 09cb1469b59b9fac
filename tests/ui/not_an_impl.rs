#![allow(unused)]

use mementos::memento;

#[memento]
struct Thing;

fn main() {}
