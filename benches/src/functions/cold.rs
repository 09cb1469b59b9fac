use super::{DashMap, certain};
use crate::ask;
use mementos::memoize;
use std::time::Duration;

/// The function.
fn answer(key: &str) -> u64 {
    key.len() as u64
}

/// A turn: asks once for each key, where nothing is kept.
pub type Turn = fn(&[&'static str]) -> Duration;

/// Functions that nobody has called, one for each turn: a table that was cleared
/// might still have its capacity, and the maps begin without. They are cleared when
/// the time is taken, so that memory does not fill up.
macro_rules! fresh_functions {
    ($($name:ident)*) => {
        $(
            mod $name {
                use super::*;

                #[memoize]
                pub(super) fn ours(key: &str) -> u64 {
                    answer(key)
                }

                #[cached::macros::concurrent_cached]
                pub(super) fn theirs(key: &str) -> u64 {
                    answer(key)
                }
            }
        )*

        pub const MEMENTOS: &[Turn] = &[$(
            |keys| {
                let took = ask(keys, 1, $name::ours);
                $name::ours::clear().expect("a table in memory can be cleared");
                took
            },
        )*];

        pub const CACHED: &[Turn] = &[$(
            |keys| {
                let took = ask(keys, 1, $name::theirs);
                $name::THEIRS.clear();
                took
            },
        )*];
    };
}

fresh_functions!(one two three four five six);

/// A new map each turn, dropped when the time is taken. No look first: nothing is
/// there.
pub fn dashmap(keys: &[&'static str]) -> Duration {
    let map: DashMap<String, u64> = DashMap::default();
    ask(keys, 1, |key| {
        *map.entry(key.to_owned()).or_insert_with(|| answer(key))
    })
}

/// Given room for twice the entries.
pub fn moka(keys: &[&'static str]) -> Duration {
    let cache: moka::sync::Cache<String, u64> = moka::sync::Cache::new(2 * keys.len() as u64);
    ask(keys, 1, |key| cache.get_with_by_ref(key, || answer(key)))
}

/// Given room for twice the entries, and allocates it in advance.
pub fn quick_cache(keys: &[&'static str]) -> Duration {
    let cache = quick_cache::sync::Cache::<String, u64>::new(2 * keys.len());
    ask(keys, 1, |key| {
        let Ok(kept) = cache.get_or_insert_with(key, || certain(answer(key)));
        kept
    })
}
