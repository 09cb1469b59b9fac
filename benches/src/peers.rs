//! The peers, each asked as its users ask it.

use crate::Thing;
use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

/// What maps are asked by: `str` and `u64`.
pub trait Asked: Hash + Eq + ToOwned<Owned: Hash + Eq + Send + Sync + Borrow<Self>> {
    /// Makes the value.
    fn build(&self) -> Arc<Thing>;
}

impl Asked for str {
    fn build(&self) -> Arc<Thing> {
        Arc::new(Thing(self.len()))
    }
}

impl Asked for u64 {
    fn build(&self) -> Arc<Thing> {
        Arc::new(Thing(*self as usize))
    }
}

/// A map from `Q`'s owned form to shared values.
pub trait Peer<Q: Asked + ?Sized> {
    /// With nothing in it; `entries` are to come.
    fn fresh(entries: usize) -> Self;

    /// The value that is kept, or else a new one.
    fn get_or_build(&self, asked: &Q) -> Arc<Thing>;
}

type Map<Q, S> = dashmap::DashMap<<Q as ToOwned>::Owned, Arc<Thing>, S>;

/// By hand: a `DashMap`, looked into before it is written to.
pub type DashMap<Q> = Map<Q, ahash::RandomState>;
/// once_map, by hash and borrowed key.
pub type OnceMap<Q> = once_map::OnceMap<<Q as ToOwned>::Owned, Arc<Thing>>;
/// papaya, with the hasher that the `DashMap` has.
pub type Papaya<Q> = papaya::HashMap<<Q as ToOwned>::Owned, Arc<Thing>, ahash::RandomState>;
/// quick_cache.
pub type QuickCache<Q> = quick_cache::sync::Cache<<Q as ToOwned>::Owned, Arc<Thing>>;
/// moka.
pub type Moka<Q> = moka::sync::Cache<<Q as ToOwned>::Owned, Arc<Thing>>;
/// The store behind `#[concurrent_cached]`.
pub type Cached<Q> = cached::ShardedUnboundCache<<Q as ToOwned>::Owned, Arc<Thing>>;

/// A `DashMap` that is asked by its entry API alone, for keys that are not there.
pub struct Entries<Q: Asked + ?Sized>(DashMap<Q>);

impl<Q: Asked + ?Sized> Peer<Q> for DashMap<Q> {
    fn fresh(_: usize) -> Self {
        Self::default()
    }

    #[inline]
    fn get_or_build(&self, asked: &Q) -> Arc<Thing> {
        if let Some(kept) = self.get(asked) {
            return Arc::clone(&kept);
        }
        Arc::clone(
            &self
                .entry(asked.to_owned())
                .or_insert_with(|| asked.build()),
        )
    }
}

impl<Q: Asked + ?Sized> Peer<Q> for Entries<Q> {
    fn fresh(_: usize) -> Self {
        Entries(DashMap::<Q>::default())
    }

    #[inline]
    fn get_or_build(&self, asked: &Q) -> Arc<Thing> {
        Arc::clone(
            &self
                .0
                .entry(asked.to_owned())
                .or_insert_with(|| asked.build()),
        )
    }
}

impl<Q: Asked + ?Sized> Peer<Q> for OnceMap<Q> {
    fn fresh(_: usize) -> Self {
        Self::new()
    }

    #[inline]
    fn get_or_build(&self, asked: &Q) -> Arc<Thing> {
        match self.get_cloned(asked) {
            Some(kept) => kept,
            None => self.insert_cloned(asked.to_owned(), |_| asked.build()),
        }
    }
}

impl<Q: Asked + ?Sized> Peer<Q> for Papaya<Q> {
    fn fresh(_: usize) -> Self {
        Self::default()
    }

    #[inline]
    fn get_or_build(&self, asked: &Q) -> Arc<Thing> {
        let map = self.pin();
        if let Some(kept) = map.get(asked) {
            return Arc::clone(kept);
        }
        // Not `get_or_insert_with`: a map that is filled by that alone never ends
        // its resizing (papaya 0.2.5), and a hit in it is seven times as dear.
        Arc::clone(map.get_or_insert(asked.to_owned(), asked.build()))
    }
}

impl<Q: Asked + ?Sized> Peer<Q> for QuickCache<Q> {
    fn fresh(entries: usize) -> Self {
        Self::new(2 * entries)
    }

    #[inline]
    fn get_or_build(&self, asked: &Q) -> Arc<Thing> {
        let Ok(thing) =
            self.get_or_insert_with(asked, || Ok::<_, std::convert::Infallible>(asked.build()));
        thing
    }
}

impl<Q: Asked<Owned: 'static> + ?Sized> Peer<Q> for Moka<Q> {
    fn fresh(entries: usize) -> Self {
        Self::new(2 * entries as u64)
    }

    #[inline]
    fn get_or_build(&self, asked: &Q) -> Arc<Thing> {
        self.get_with_by_ref(asked, || asked.build())
    }
}

impl<Q: Asked<Owned: Clone> + ?Sized> Peer<Q> for Cached<Q> {
    fn fresh(_: usize) -> Self {
        Self::new()
    }

    #[inline]
    fn get_or_build(&self, asked: &Q) -> Arc<Thing> {
        if let Some(kept) = self.get(asked) {
            return kept;
        }
        let built = asked.build();
        self.set(asked.to_owned(), Arc::clone(&built));
        built
    }
}
