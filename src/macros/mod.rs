//! The macros, documented where their examples can run.

mod key;
mod memento;
mod memoize;

pub use key::Key;
pub use memento::memento;
pub use memoize::memoize;
