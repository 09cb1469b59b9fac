#![allow(unused)]

use mementos::memoize;

struct Shape;

impl Shape {
    #[memoize]
    fn area(&self, x: u32) -> u32 {
        x
    }
}

fn main() {
    Shape.area(1); // the method is still there
}
