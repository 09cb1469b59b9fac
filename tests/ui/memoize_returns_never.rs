#![allow(unused)]

use mementos::memoize;

#[memoize]
fn stop(code: i32) -> ! {
    std::process::exit(code)
}

fn main() {
    stop::exists(1);
}
