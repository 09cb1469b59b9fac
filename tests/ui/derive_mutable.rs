#![allow(unused)]

use mementos::Key;

#[derive(Debug, Key)]
struct Args<'a> {
    log: &'a mut Vec<u8>,
}

fn main() {}
