#![allow(unused)]

use mementos::memoize;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shape {
    id: u64,
}

#[memoize]
impl Shape {
    #[memoize(keep = "weak")]
    fn area(&self, x: u64) -> u64 {
        self.id + x
    }

    #[memoize(key(self.id))]
    fn other(&self) -> u64 {
        self.id
    }
}

fn main() {
    Shape { id: 1 }.area(1);
    Shape { id: 1 }.other();
    Shape::other_memo().clear();
}
