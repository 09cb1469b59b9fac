use super::by_number::answer;
use super::{DashMap, certain};
use crate::ask;
use mementos::memoize;
use std::time::Duration;

/// A turn: asks once for each key, where nothing is kept.
pub type Turn = fn(&[u64]) -> Duration;

/// Functions that nobody has called, one for each turn: a table that was cleared
/// might still have its capacity, and the maps begin without. They are cleared when
/// the time is taken, so that memory does not fill up.
macro_rules! fresh_functions {
    ($($name:ident)*) => {
        $(
            mod $name {
                use super::*;

                #[memoize]
                pub(super) fn ours(key: u64) -> u64 {
                    answer(key)
                }

                #[cached::macros::concurrent_cached]
                pub(super) fn theirs(key: u64) -> u64 {
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
pub fn dashmap(keys: &[u64]) -> Duration {
    let map = DashMap::default();
    ask(keys, 1, |key| {
        *map.entry(key).or_insert_with(|| answer(key))
    })
}

/// Given room for twice the entries.
pub fn moka(keys: &[u64]) -> Duration {
    let cache = moka::sync::Cache::new(2 * keys.len() as u64);
    ask(keys, 1, |key| cache.get_with(key, || answer(key)))
}

/// Given room for twice the entries, and allocates it in advance.
pub fn quick_cache(keys: &[u64]) -> Duration {
    let cache = quick_cache::sync::Cache::new(2 * keys.len());
    ask(keys, 1, |key| {
        let Ok(kept) = cache.get_or_insert_with(&key, || certain(answer(key)));
        kept
    })
}
