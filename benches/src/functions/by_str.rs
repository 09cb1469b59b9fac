use super::{DashMap, certain};
use crate::ENTRIES;
use mementos::memoize;
use once_cell::sync::Lazy;

#[inline(never)]
pub fn dashmap(key: &str) -> usize {
    static MAP: Lazy<DashMap<String, usize>> = Lazy::new(DashMap::default);
    if let Some(kept) = MAP.get(key) {
        return *kept;
    }
    *MAP.entry(key.to_owned()).or_insert_with(|| key.len())
}

/// Memoized functions, each behind a call site.
macro_rules! functions {
    ($($(#[$kept_by:meta])+ $name:ident;)*) => { $(
        #[inline(never)]
        pub fn $name(key: &str) -> usize {
            $(#[$kept_by])+
            fn kept(key: &str) -> usize {
                key.len()
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
    #[cached::macros::concurrent_cached] cached;
    #[cached::macros::concurrent_cached(ttl_secs = 600)] cached_ttl;
    #[cached::macros::cached] cached_in_one;
}

#[inline(never)]
pub fn moka(key: &str) -> usize {
    static CACHE: Lazy<moka::sync::Cache<String, usize>> = Lazy::new(super::moka);
    CACHE.get_with_by_ref(key, || key.len())
}

#[inline(never)]
pub fn quick_cache(key: &str) -> usize {
    static CACHE: Lazy<quick_cache::sync::Cache<String, usize>> =
        Lazy::new(|| quick_cache::sync::Cache::new(2 * ENTRIES));
    let Ok(kept) = CACHE.get_or_insert_with(key, || certain(key.len()));
    kept
}
