//! A sharded table that is asked by hash and comparison.
//!
//! It is a `DashMap` used through its raw face, for two things that the plain
//! face has not: a look-up by anything that stands for the key, however it is
//! made up; and one hash per call, shared with the flights.
//!
//! Nothing is dropped while a shard is locked: what leaves the table is handed
//! to the caller.

use crate::sync::{switch_point, without_switch};
use dashmap::{DashMap, SharedValue};
use std::hash::{BuildHasherDefault, Hash, Hasher};

pub(crate) struct Sharded<K, V> {
    map: DashMap<Row<K>, V, BuildHasherDefault<Unasked>>,
    /// The hash of a key that is in the table, for when it grows.
    hash_of: fn(&K) -> u64,
}

/// A key, with the traits that `DashMap` asks for. They are never used: every
/// call brings the hash and the comparison along.
struct Row<K>(K);

impl<K> PartialEq for Row<K> {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

impl<K> Eq for Row<K> {}

impl<K> Hash for Row<K> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The map's own hasher, never used either.
#[derive(Default)]
struct Unasked;

impl Hasher for Unasked {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, _bytes: &[u8]) {}
}

impl<K, V> Sharded<K, V> {
    pub(crate) fn new(hash_of: fn(&K) -> u64) -> Self {
        let map = DashMap::with_hasher(BuildHasherDefault::default());
        Sharded { map, hash_of }
    }

    /// Hands the value for the key that `is` recognises to `read`, under the
    /// shard's read lock. `read` must not call user code.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        hash: u64,
        is: impl Fn(&K) -> bool,
        read: impl FnOnce(&V) -> R,
    ) -> Option<R> {
        switch_point();
        let shard = self.map.shards()[self.shard_of(hash)].read();
        shard
            .get(hash, same(is))
            .map(|(_, value)| read(value.get()))
    }

    /// Reads the row that is there by `read`, or else puts the given one.
    pub(crate) fn get_or_insert<R>(
        &self,
        hash: u64,
        is: impl Fn(&K) -> bool,
        key: K,
        value: V,
        read: impl FnOnce(&K, &V) -> R,
    ) -> Option<R> {
        switch_point();
        let mut shard = self.map.shards()[self.shard_of(hash)].write();
        if let Some((kept, value)) = shard.get(hash, same(is)) {
            return Some(read(&kept.0, value.get()));
        }
        let more = room(shard.len(), shard.capacity());
        shard.reserve(more, self.rehash());
        shard.insert(hash, (Row(key), SharedValue::new(value)), self.rehash());
        None
    }

    /// Puts a value. If it replaces one, that comes back, with the key that was not
    /// needed.
    pub(crate) fn replace(&self, hash: u64, key: K, value: V) -> Option<(K, V)>
    where
        K: Eq,
    {
        switch_point();
        let mut shard = self.map.shards()[self.shard_of(hash)].write();
        if let Some((_, kept)) = shard.get_mut(hash, same(|kept| *kept == key)) {
            let replaced = std::mem::replace(kept.get_mut(), value);
            return Some((key, replaced));
        }
        let more = room(shard.len(), shard.capacity());
        shard.reserve(more, self.rehash());
        shard.insert(hash, (Row(key), SharedValue::new(value)), self.rehash());
        None
    }

    /// Takes a row out.
    pub(crate) fn remove(&self, hash: u64, is: impl Fn(&K) -> bool) -> Option<(K, V)> {
        self.remove_and(hash, is, |key, value| (key, value))
    }

    /// Takes a row out, and does `then` before anybody can see that it is gone.
    /// `then` runs under the shard's lock: it must not call user code, nor drop
    /// any.
    pub(crate) fn remove_and<R>(
        &self,
        hash: u64,
        is: impl Fn(&K) -> bool,
        then: impl FnOnce(K, V) -> R,
    ) -> Option<R> {
        switch_point();
        let mut shard = self.map.shards()[self.shard_of(hash)].write();
        let (kept, value) = shard.remove_entry(hash, same(is))?;
        Some(without_switch(|| then(kept.0, value.into_inner())))
    }

    /// Hands every row with this hash whose key `is` recognises to `read`, under the
    /// shard's read lock.
    pub(crate) fn read_each<R>(
        &self,
        hash: u64,
        is: impl Fn(&K) -> bool,
        read: impl Fn(&K, &V) -> R,
    ) -> Vec<R> {
        switch_point();
        let shard = self.map.shards()[self.shard_of(hash)].read();
        let mut found = Vec::new();
        // None is the one that is looked for, so that the search goes through all.
        shard.get(hash, |(kept, value)| {
            if is(&kept.0) {
                found.push(read(&kept.0, value.get()));
            }
            false
        });
        found
    }

    /// Takes every row out.
    pub(crate) fn take_all(&self) -> Vec<(K, V)> {
        let shards = 0..self.shards();
        shards
            .flat_map(|shard| self.take_where(shard, |_| true))
            .collect()
    }

    /// Takes the rows out of one shard whose value `goes`; `goes` must not call
    /// user code. The shard is emptied and filled again with what stays, which
    /// costs time in proportion to its rows, and hashes them.
    pub(crate) fn take_where(&self, shard: usize, goes: impl Fn(&V) -> bool) -> Vec<(K, V)> {
        switch_point();
        let mut shard = self.map.shards()[shard].write();
        let (gone, stay): (Vec<_>, Vec<_>) =
            shard.drain().partition(|(_, value)| goes(value.get()));
        for row in stay {
            shard.insert((self.hash_of)(&row.0.0), row, self.rehash());
        }
        drop(shard);
        let gone = gone.into_iter();
        gone.map(|(kept, value)| (kept.0, value.into_inner()))
            .collect()
    }

    /// The number of shards.
    pub(crate) fn shards(&self) -> usize {
        self.map.shards().len()
    }

    /// The number of rows in one shard.
    pub(crate) fn rows_in(&self, shard: usize) -> usize {
        self.map.shards()[shard].read().len()
    }

    /// What `pick` makes of each row, one shard after another, under the shard's
    /// read lock.
    pub(crate) fn collect<R>(&self, pick: impl Fn(&K, &V) -> Option<R>) -> Vec<R> {
        switch_point();
        self.map
            .iter()
            .filter_map(|row| pick(&row.key().0, row.value()))
            .collect()
    }

    /// The number of rows. Locks each shard in turn.
    pub(crate) fn len(&self) -> usize {
        self.map
            .shards()
            .iter()
            .map(|shard| shard.read().len())
            .sum()
    }

    fn rehash(&self) -> impl Fn(&(Row<K>, SharedValue<V>)) -> u64 {
        let hash_of = self.hash_of;
        move |(kept, _)| hash_of(&kept.0)
    }

    /// In which shard a hash belongs.
    #[inline]
    pub(crate) fn shard_of(&self, hash: u64) -> usize {
        self.map.determine_shard(hash as usize)
    }
}

/// For how many more rows to make room before one is put. A shard that is full takes
/// four times the room: growing goes through all its keys, and in a large one each is
/// a cache miss; so it is done half as often.
fn room(len: usize, capacity: usize) -> usize {
    match len == capacity {
        true => 3 * len,
        false => 0,
    }
}

#[inline]
fn same<K, V>(is: impl Fn(&K) -> bool) -> impl Fn(&(Row<K>, SharedValue<V>)) -> bool {
    move |(kept, _)| is(&kept.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_hash_are_kept_apart() {
        let table = Sharded::new(|_| 7);
        assert_eq!(table.replace(7, "a", 1), None);
        assert_eq!(table.replace(7, "b", 2), None);
        assert_eq!(table.replace(7, "a", 3), Some(("a", 1)));
        assert_eq!(table.read(7, |k| *k == "a", |v| *v), Some(3));
        assert_eq!(table.read(7, |k| *k == "b", |v| *v), Some(2));
        assert_eq!(table.read_each(7, |k| *k == "b", |_, v| *v), [2]);
        let mut all = table.read_each(7, |_| true, |k, v| (*k, *v));
        all.sort_unstable();
        assert_eq!(all, [("a", 3), ("b", 2)]);
        assert_eq!(table.remove(7, |k| *k == "a"), Some(("a", 3)));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn what_is_taken_leaves_and_the_rest_is_found_again() {
        const ROWS: u64 = if cfg!(miri) { 100 } else { 1000 };
        let hash_of = |n: &u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let table = Sharded::new(hash_of);
        for n in 0..ROWS {
            table.replace(hash_of(&n), n, n);
        }
        let taken: usize = (0..table.shards())
            .map(|shard| table.take_where(shard, |n| n % 3 == 0).len())
            .sum();
        assert_eq!(taken as u64, ROWS.div_ceil(3));
        for n in 0..ROWS {
            let found = table.read(hash_of(&n), |k| *k == n, |v| *v);
            assert_eq!(found, (n % 3 != 0).then_some(n));
        }
    }
}
