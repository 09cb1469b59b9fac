//! Tables that are asked by hash and comparison: what stores, flights and
//! registries are made of.
//!
//! [`Sharded`] is read under a shard's lock; [`Lasting`] only grows, and is read
//! without one.

mod lasting;
mod sharded;

pub(crate) use lasting::Lasting;
pub(crate) use sharded::Sharded;
