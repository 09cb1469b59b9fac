//! The attribute and derive macros of [`mementos`](https://docs.rs/mementos).
//!
//! Depend on `mementos`, which re-exports them. Each of `memento` and `memoize`
//! reads what was written (its `options`, and the `constructor` or `function`),
//! checks it or answers with one error that names the remedy, then fills plain
//! templates; its `fallback` follows an error.
//!
//! Both share the files beside them: `optionlist` and `keyoption` read options,
//! `arguments` is what a call is given, and `key` says what makes two calls the
//! same, by the `keyform` of each argument. `derive` uses the last one too.

mod arguments;
mod attributes;
mod block;
mod derive;
mod key;
mod keyform;
mod keyoption;
mod lifetimes;
mod memento;
mod memoize;
mod optionlist;
mod place;

use proc_macro::TokenStream;

/// One shared instance per construction key. `mementos::memento` has the whole
/// documentation.
#[proc_macro_attribute]
pub fn memento(options: TokenStream, item: TokenStream) -> TokenStream {
    memento::memento(options.into(), item.into()).into()
}

/// One computation per key. `mementos::memoize` has the whole documentation.
#[proc_macro_attribute]
pub fn memoize(options: TokenStream, item: TokenStream) -> TokenStream {
    memoize::memoize(options.into(), item.into()).into()
}

/// Canonical equality and hashing for a struct of arguments. `mementos::Key` has
/// the whole documentation.
#[proc_macro_derive(Key, attributes(key))]
pub fn key(item: TokenStream) -> TokenStream {
    derive::key(item.into()).into()
}
