//! What can go wrong between asking for an instance or a result and getting it.

mod build;
mod memo;
mod region;
mod site;

pub(crate) use build::Remedy;
pub use build::{BuildError, Failed, Miscounted, NotLocked, Panicked, TimedOut, Uncodable};
pub use memo::MemoError;
pub use region::RegionError;
pub use site::{Circle, Site};
