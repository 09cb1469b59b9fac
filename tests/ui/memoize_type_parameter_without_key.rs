#![allow(unused)]

use mementos::memoize;

#[memoize]
fn twice<T: Clone + Send + Sync + 'static>(x: T) -> Vec<T> {
    vec![x.clone(), x]
}

fn main() {
    twice(1);
}
