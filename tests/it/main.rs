//! What the library promises, in one binary. Each test states one promise and is
//! named for it. Races are steered by signals, or by waiting until a counter of
//! the library says that the others have arrived; nothing sleeps.

mod circles;
mod claims;
mod factories;
mod flights;
mod lifetimes;
mod registries;
mod removal;
#[cfg(feature = "testing")]
mod stores;
mod support;
