use super::{DashMap, certain};
use crate::ENTRIES;
use mementos::store::MemoryStore;
use mementos::{Memoizer, memoize};
use once_cell::sync::Lazy;

/// The function: next to nothing, so that it is the cache that is measured.
pub(super) fn answer(key: u64) -> u64 {
    !key
}

#[inline(never)]
pub fn dashmap(key: u64) -> u64 {
    static MAP: Lazy<DashMap<u64, u64>> = Lazy::new(DashMap::default);
    if let Some(kept) = MAP.get(&key) {
        return *kept;
    }
    *MAP.entry(key).or_insert_with(|| answer(key))
}

static TEXTS: Lazy<Memoizer> = Lazy::new(|| Memoizer::new(MemoryStore::new()));

/// Memoized functions, each behind a call site.
macro_rules! functions {
    ($($(#[$kept_by:meta])+ $name:ident;)*) => { $(
        #[inline(never)]
        pub fn $name(key: u64) -> u64 {
            $(#[$kept_by])+
            fn kept(key: u64) -> u64 {
                answer(key)
            }
            kept(key)
        }
    )* };
}

functions! {
    #[memoize] mementos;
    #[memoize(local)] local;
    #[memoize(max_age = "10m")] max_age;
    #[memoize(capacity = 4096)] capacity;
    #[memoize(memo = TEXTS)] texts;
    #[cached::macros::concurrent_cached] cached;
    #[cached::macros::concurrent_cached(ttl_secs = 600)] cached_ttl;
    #[cached::macros::cached] cached_in_one;
    #[memoize::memoize(SharedCache)] memoize_shared;
}

#[inline(never)]
pub fn moka(key: u64) -> u64 {
    static CACHE: Lazy<moka::sync::Cache<u64, u64>> = Lazy::new(super::moka);
    CACHE.get_with(key, || answer(key))
}

#[inline(never)]
pub fn quick_cache(key: u64) -> u64 {
    static CACHE: Lazy<quick_cache::sync::Cache<u64, u64>> =
        Lazy::new(|| quick_cache::sync::Cache::new(2 * ENTRIES));
    let Ok(kept) = CACHE.get_or_insert_with(&key, || certain(answer(key)));
    kept
}
