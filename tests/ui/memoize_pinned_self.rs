#![allow(unused)]

use mementos::memoize;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shape {
    id: u64,
}

#[memoize]
impl Shape {
    #[memoize]
    fn area(self: std::pin::Pin<&Self>) -> u64 {
        self.id
    }
}

fn main() {
    std::pin::pin!(Shape { id: 1 }).as_ref().area();
}
