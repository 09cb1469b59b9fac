#![allow(unused)]

use mementos::memoize;

#[memoize]
fn logged(n: u32, log: &mut Vec<u32>) -> u32 {
    log.push(n);
    n
}

fn main() {
    logged(1, &mut Vec::new());
    logged::exists(1, &mut Vec::new());
}
