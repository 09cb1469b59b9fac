//! Tables that are asked by hash and comparison: what stores, flights and
//! registries are made of.
//!
//! [`Sharded`] is read under a shard's lock; [`Expiring`] is one whose rows
//! expire; [`Lasting`] only grows, and is read without a lock.

mod expiring;
mod lasting;
mod sharded;

pub(crate) use expiring::{Expires, Expiring};
pub(crate) use lasting::Lasting;
pub(crate) use sharded::{Growth, Sharded};
