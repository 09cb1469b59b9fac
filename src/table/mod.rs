//! Tables that are asked by hash and comparison: what stores, flights and
//! registries are made of.
//!
//! [`Sharded`] is read under a shard's lock; [`Noted`] keeps a note beside each row,
//! and [`Expiring`] gives up those of its rows that have expired; [`Lasting`] only
//! grows, and is read without a lock.

mod biased;
mod expiring;
mod lasting;
mod noted;
mod sharded;

pub(crate) use expiring::Expiring;
pub(crate) use lasting::Lasting;
pub(crate) use noted::{Dates, Left, Note, Noted, Version};
pub(crate) use sharded::Sharded;
