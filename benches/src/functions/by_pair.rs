use super::DashMap;
use mementos::memoize;
use once_cell::sync::Lazy;

fn answer(key: &str, number: u32) -> usize {
    key.len() + number as usize
}

/// Has to build the owned tuple for every look-up.
#[inline(never)]
pub fn dashmap((key, number): (&str, u32)) -> usize {
    static MAP: Lazy<DashMap<(String, u32), usize>> = Lazy::new(DashMap::default);
    let asked = (key.to_owned(), number);
    if let Some(kept) = MAP.get(&asked) {
        return *kept;
    }
    *MAP.entry(asked).or_insert_with(|| answer(key, number))
}

/// Memoized functions, each behind a call site.
macro_rules! functions {
    ($($(#[$kept_by:meta])+ $name:ident;)*) => { $(
        #[inline(never)]
        pub fn $name((key, number): (&str, u32)) -> usize {
            $(#[$kept_by])+
            fn kept(key: &str, number: u32) -> usize {
                answer(key, number)
            }
            kept(key, number)
        }
    )* };
}

functions! {
    #[memoize] mementos;
    #[memoize(local)] local;
    #[memoize(max_age = "10m")] max_age;
    #[cached::macros::concurrent_cached] cached;
    #[cached::macros::concurrent_cached(ttl_secs = 600)] cached_ttl;
}
