#![allow(unused)]

use mementos::memoize;
use mementos::store::bytes::Encoded;
use mementos::testing::HeapBytes;

#[derive(Clone)]
struct Load(u32);

#[memoize(store = Encoded::new(HeapBytes::new()))]
fn load(x: u32) -> Load {
    Load(x)
}

fn main() {
    load(1);
}
