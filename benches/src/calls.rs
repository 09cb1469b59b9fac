//! Call sites: functions that are not inlined and ask for one thing, each named
//! for whom it asks.

#![allow(missing_docs)] // the names say it

use crate::{ENTRIES, Thing, ours, peers};
use once_cell::sync::Lazy;
use peers::Peer;
use std::sync::Arc;

/// Of maps: each in a static of its own.
macro_rules! maps {
    ($form:ty: |$asked:ident: $arg:ty| $ask:expr; $($name:ident: $map:ident,)*) => { $(
        #[inline(never)]
        pub fn $name($asked: $arg) -> Arc<Thing> {
            static MAP: Lazy<peers::$map<$form>> = Lazy::new(|| Peer::<$form>::fresh(ENTRIES));
            MAP.get_or_build($ask)
        }
    )* };
}

/// Of mementos.
macro_rules! mementos {
    ($($name:ident($($asked:ident: $arg:ty),*): $type:ty,)*) => { $(
        #[inline(never)]
        pub fn $name($($asked: $arg),*) -> Arc<$type> {
            <$type>::memento($($asked),*)
        }
    )* };
}

pub mod by_str {
    use super::*;
    use internment::{ArcIntern, Intern};
    use mementos::Memento;
    use std::collections::HashMap;

    maps! { str: |asked: &str| asked;
        dashmap: DashMap,
        once_map: OnceMap,
        papaya: Papaya,
        quick_cache: QuickCache,
        moka: Moka,
    }

    mementos! {
        strong(key: &str): ours::Strong,
        by_hand(key: &str): ours::ByHand,
        weak(key: &str): ours::Weak,
        pinned(key: &str): ours::Pinned,
        generic(key: &str): ours::Generic<u8>,
    }

    #[inline(never)]
    pub fn memento_ref(key: &str) -> &'static ours::Static {
        ours::Static::memento_ref(key)
    }

    #[cached::macros::concurrent_cached]
    fn kept(key: &str) -> Arc<Thing> {
        peers::Asked::build(key)
    }

    #[inline(never)]
    pub fn cached(key: &str) -> Arc<Thing> {
        kept(key)
    }

    #[inline(never)]
    pub fn arc_intern(key: &str) -> ArcIntern<String> {
        ArcIntern::from_ref(key)
    }

    #[inline(never)]
    pub fn intern(key: &str) -> Intern<String> {
        Intern::from_ref(key)
    }

    /// Reads the value where it is, and clones no `Arc`.
    #[inline(never)]
    pub fn papaya_in_place(key: &str) -> usize {
        static MAP: Lazy<peers::Papaya<str>> = Lazy::new(|| Peer::<str>::fresh(ENTRIES));
        let map = MAP.pin();
        let kept = map.get(key);
        kept.unwrap_or_else(|| map.get_or_insert(key.to_owned(), peers::Asked::build(key)))
            .0
    }

    /// What one thread could do.
    #[inline(never)]
    pub fn hash_map(
        map: &mut HashMap<String, Arc<Thing>, ahash::RandomState>,
        key: &str,
    ) -> Arc<Thing> {
        if let Some(kept) = map.get(key) {
            return Arc::clone(kept);
        }
        let built = peers::Asked::build(key);
        map.insert(key.to_owned(), Arc::clone(&built));
        built
    }
}

pub mod by_number {
    use super::*;

    maps! { u64: |asked: u64| &asked;
        dashmap: DashMap,
        once_map: OnceMap,
        papaya: Papaya,
        quick_cache: QuickCache,
        moka: Moka,
    }

    mementos! { strong(key: u64): ours::Number, }

    #[cached::macros::concurrent_cached]
    fn kept(key: u64) -> Arc<Thing> {
        peers::Asked::build(&key)
    }

    #[inline(never)]
    pub fn cached(key: u64) -> Arc<Thing> {
        kept(key)
    }
}

pub mod by_pair {
    use super::*;
    use dashmap::DashMap;

    type Kept = DashMap<(String, u32), Arc<Thing>, ahash::RandomState>;

    /// Has to build the owned tuple for every look-up.
    #[inline(never)]
    pub fn dashmap((key, number): (&str, u32)) -> Arc<Thing> {
        static MAP: Lazy<Kept> = Lazy::new(Kept::default);
        let asked = (key.to_owned(), number);
        if let Some(kept) = MAP.get(&asked) {
            return Arc::clone(&kept);
        }
        let build = || Arc::new(Thing(key.len() + number as usize));
        Arc::clone(&MAP.entry(asked).or_insert_with(build))
    }

    #[inline(never)]
    pub fn strong((key, number): (&str, u32)) -> Arc<ours::Pair> {
        ours::Pair::memento(key, number)
    }
}
