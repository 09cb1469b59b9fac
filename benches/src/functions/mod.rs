//! Functions whose results are kept: call sites that are not inlined, each named
//! for who keeps them.

#![allow(missing_docs)] // the names say it

pub mod awaited;
pub mod by_number;
pub mod by_pair;
pub mod by_str;
pub mod cold;
pub mod sizes;

use crate::ENTRIES;
use std::convert::Infallible;
use std::hash::Hash;
use std::time::Duration;

/// Longer than any run, so that nothing expires.
const LONG: Duration = Duration::from_secs(600);

/// By hand: looked into before it is written to.
pub type DashMap<K, V> = dashmap::DashMap<K, V, ahash::RandomState>;

/// moka, with a time to live and room for twice what is warm.
fn moka<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static>()
-> moka::sync::Cache<K, V> {
    moka::sync::Cache::builder()
        .max_capacity(2 * ENTRIES as u64)
        .time_to_live(LONG)
        .build()
}

/// What quick_cache takes for a build that cannot fail.
fn certain<V>(value: V) -> Result<V, Infallible> {
    Ok(value)
}
