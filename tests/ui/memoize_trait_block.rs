#![allow(unused)]

use mementos::memoize;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shape {
    id: u64,
}

#[memoize]
impl Iterator for Shape {
    type Item = u64;

    #[memoize]
    fn next(&mut self) -> Option<u64> {
        Some(self.id)
    }
}

fn main() {
    Shape { id: 1 }.next();
}
