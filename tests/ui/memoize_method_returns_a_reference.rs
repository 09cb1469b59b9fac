#![allow(unused)]

use mementos::memoize;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shape {
    id: u64,
}

#[memoize]
impl Shape {
    #[memoize]
    fn id(&self) -> &u64 {
        &self.id
    }
}

fn main() {
    Shape { id: 1 }.id();
}
