#![allow(unused)]

use mementos::memoize;

struct Shape;

impl Shape {
    #[memoize]
    fn of(x: u32) -> Self {
        Shape
    }
}

fn main() {
    Shape::of(1);
}
