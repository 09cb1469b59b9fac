use super::DashMap;
use super::by_number::answer;
use mementos::memoize;
use once_cell::sync::Lazy;

/// One size: so many entries, and who keeps them.
pub struct Size {
    pub entries: usize,
    pub title: &'static str,
    pub dashmap: fn(u64) -> u64,
    pub mementos: fn(u64) -> u64,
}

/// A map and a function for each size: those of another have other entries.
macro_rules! sizes {
    ($($entries:literal $title:literal;)*) => {
        pub const SIZES: &[Size] = &[$({
            #[inline(never)]
            fn dashmap(key: u64) -> u64 {
                static MAP: Lazy<DashMap<u64, u64>> = Lazy::new(DashMap::default);
                if let Some(kept) = MAP.get(&key) {
                    return *kept;
                }
                *MAP.entry(key).or_insert_with(|| answer(key))
            }

            #[inline(never)]
            fn mementos(key: u64) -> u64 {
                #[memoize]
                fn kept(key: u64) -> u64 {
                    answer(key)
                }
                kept(key)
            }

            Size {
                entries: $entries,
                title: $title,
                dashmap,
                mementos,
            }
        },)*];
    };
}

sizes! {
    1_000 "a hit among 1,000";
    10_000 "a hit among 10,000";
    100_000 "a hit among 100,000";
    1_000_000 "a hit among 1,000,000";
    4_000_000 "a hit among 4,000,000";
}
