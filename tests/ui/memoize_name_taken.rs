#![allow(unused)]

use mementos::memoize;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shape {
    id: u64,
}

#[memoize]
impl Shape {
    #[memoize]
    fn area(&self, x: u64) -> u64 {
        self.id + x
    }

    fn area_memo() {}
}

fn main() {
    Shape { id: 1 }.area(1);
    Shape::area_memo();
}
