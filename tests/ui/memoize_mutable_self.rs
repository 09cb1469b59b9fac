#![allow(unused)]

use mementos::memoize;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shape {
    id: u64,
}

#[memoize]
impl Shape {
    #[memoize]
    fn area(&mut self, x: u64) -> u64 {
        self.id + x
    }
}

fn main() {
    Shape { id: 1 }.area(1);
    Shape::area_memo().exists((&mut Shape { id: 1 }, 1)); // no second error: the stub answers
    Shape { id: 1 }.area_uncached(1);
}
