//! The attribute and derive macros of [`mementos`](https://docs.rs/mementos).
//!
//! Depend on `mementos`, which re-exports both. The way through this crate, as
//! `attribute` goes it, is `options` and `constructor` (what was written), then
//! `check` and `key` (what it means, or one error that names the remedy), then
//! `expand` and `faces` (plain templates); `fallback` follows an error. `keyform`
//! says what the key of a type is; `derive` uses it too.

mod attribute;
mod check;
mod constructor;
mod derive;
mod expand;
mod faces;
mod fallback;
mod key;
mod keyform;
mod lifetimes;
mod options;
mod place;

use proc_macro::TokenStream;

/// One shared instance per construction key. `mementos::memento` has the whole
/// documentation.
#[proc_macro_attribute]
pub fn memento(options: TokenStream, item: TokenStream) -> TokenStream {
    attribute::memento(options.into(), item.into()).into()
}

/// Canonical equality and hashing for a struct of arguments. `mementos::Key` has
/// the whole documentation.
#[proc_macro_derive(Key, attributes(key))]
pub fn key(item: TokenStream) -> TokenStream {
    derive::key(item.into()).into()
}
