//! For authors of stores, and for tests of what uses them.
//!
//! | part | does one thing |
//! |---|---|
//! | [`stores`] | what every store must do, in one call |
//! | [`byte_stores`] | what every store of bytes must do, in one call |
//! | [`memoizers`] | what a memoizer must do over any store, in one call |
//! | [`HeapBytes`] | a store of bytes in this process's memory |
//! | [`ChaosStore`] | a store of bytes that fails as it is told to |
//! | [`FakeClock`] | time that is moved by hand |
//!
//! A store of one's own is tested by one line:
//!
//! ```
//! use mementos::testing::{HeapBytes, byte_stores};
//!
//! byte_stores::conform(HeapBytes::new);
//! ```

pub mod byte_stores;
mod chaos;
mod groups;
mod heap;
pub mod memoizers;
pub mod stores;

pub use crate::clock::FakeClock;
pub use chaos::{ChaosStore, Faults};
pub use heap::HeapBytes;
