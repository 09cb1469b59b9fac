#![allow(unused)]

use mementos::memoize;

struct Load(u32);

#[memoize]
fn load(x: u32) -> Load {
    Load(x)
}

fn main() {
    load(1);
}
