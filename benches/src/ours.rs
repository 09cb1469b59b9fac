//! Types that are mementos, one for each way there is.

use mementos::key::Lookup;
use mementos::{Key, Memento, memento};
use std::marker::PhantomData;

/// Types by the macro, with a string key.
macro_rules! by_str {
    ($($(#[$doc:meta])* $name:ident ($($options:tt)*);)*) => { $(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(pub usize);

        #[memento($($options)*)]
        impl $name {
            /// As small as can be.
            pub fn new(key: &str) -> Self {
                $name(key.len())
            }
        }
    )* };
}

by_str! {
    /// The default.
    Strong();
    /// While somebody holds one.
    Weak(keep = "weak");
    /// As many as are warm.
    Pinned(keep = "pinned", capacity = 1024);
    /// For ever.
    Static(keep = "static");
}

/// Without the macro.
#[derive(Debug)]
pub struct ByHand(pub usize);

impl Memento for ByHand {
    type Args<'a> = &'a str;
    type Key = String;

    fn key(key: &&str) -> String {
        key.to_string()
    }

    fn lookup<'r, 'a: 'r>(key: &'r &'a str) -> impl Lookup<String> {
        *key
    }

    fn construct(key: &str) -> Self {
        ByHand(key.len())
    }
}

/// A type with a parameter has no static of its own.
#[derive(Debug)]
pub struct Generic<T>(pub usize, PhantomData<T>);

#[memento]
impl<T: Key> Generic<T> {
    /// As small as can be.
    pub fn new(key: &str) -> Self {
        Generic(key.len(), PhantomData)
    }
}

/// By a number.
#[derive(Debug)]
pub struct Number(pub usize);

#[memento]
impl Number {
    /// As small as can be.
    pub fn new(key: u64) -> Self {
        Number(key as usize)
    }
}

/// By two arguments.
#[derive(Debug)]
pub struct Pair(pub usize);

#[memento]
impl Pair {
    /// As small as can be.
    pub fn new(key: &str, number: u32) -> Self {
        Pair(key.len() + number as usize)
    }
}
