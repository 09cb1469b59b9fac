#![allow(unused)]

use mementos::store::bytes::Encoded;
use mementos::testing::HeapBytes;
use mementos::{Key, memoize};

#[memoize(store = Encoded::new(HeapBytes::new()))]
fn twice<T: Key>(x: T) -> Vec<T> {
    vec![x.clone(), x]
}

fn main() {
    twice(1);
}
