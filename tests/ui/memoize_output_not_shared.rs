#![allow(unused)]

use mementos::memoize;

use std::rc::Rc;

#[memoize]
fn load(x: u32) -> Rc<u32> {
    Rc::new(x)
}

fn main() {
    load(1);
}
