//! Keys: what makes two calls the same.
//!
//! A kept key is owned ([`Key`]). A caller asks with whatever is at hand
//! ([`Lookup`]): `&str` for a `String`, `(&str, u32)` for a `(String, u32)`.
//! No owned key is made unless something has to be built.

use once_cell::sync::Lazy;
use std::hash::{BuildHasher, Hash, Hasher};

mod address;
mod any;
mod argument;
mod content;
mod lookup;
pub(crate) mod text;
mod total;

pub use address::Address;
pub use any::{AnyKey, Computed};
pub use argument::{Argument, ByFields};
pub use content::Content;
pub use lookup::{By, Key, Lookup, Owned};
pub use total::Total;

/// One hasher for the whole process, keyed at random when first used: a hash is
/// computed once per call and serves the store and the flights alike.
#[inline]
pub(crate) fn hasher() -> &'static ahash::RandomState {
    static HASHER: Lazy<ahash::RandomState> = Lazy::new(ahash::RandomState::new);
    &HASHER
}

/// The hash of a key or of anything that stands for it.
#[inline]
pub(crate) fn hash_of<Q: Hash + ?Sized>(asked: &Q) -> u64 {
    hash_by(hasher(), asked)
}

/// The same, for who has a copy of the hasher at hand.
///
/// Spelled out, since `hash_one` stays a call of its own, and a hit would then
/// save and restore its registers twice.
#[inline(always)]
#[allow(clippy::manual_hash_one)]
pub(crate) fn hash_by<Q: Hash + ?Sized>(hasher: &ahash::RandomState, asked: &Q) -> u64 {
    let mut state = hasher.build_hasher();
    asked.hash(&mut state);
    state.finish()
}
