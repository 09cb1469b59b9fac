#![allow(unused)]

use mementos::memoize;

struct Load(u32);

#[memoize]
fn weighed(load: Load) -> u32 {
    load.0
}

fn main() {
    weighed(Load(1));
}
