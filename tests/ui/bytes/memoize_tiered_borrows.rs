#![allow(unused)]

use mementos::memoize;
use mementos::store::{Tiered, bytes::Encoded};
use mementos::testing::HeapBytes;

#[memoize(store = Tiered::new(Encoded::new(HeapBytes::new())))]
fn name(x: u32) -> Option<&'static str> {
    None
}

fn main() {
    name(1);
}
