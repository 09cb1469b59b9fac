//! A sharded table that is asked by hash and comparison.
//!
//! It is a `DashMap` used through its raw face, for three things that the plain
//! face has not: a look-up by anything that stands for the key, however it is
//! made up; one hash per call, shared with the flights; and a stored hash, so
//! that growing does not hash the keys again.
//!
//! Nothing is dropped while a shard is locked: what leaves the table is handed
//! to the caller.

use crate::sync::switch_point;
use dashmap::{DashMap, SharedValue};
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A key beside its hash.
struct Hashed<K> {
    hash: u64,
    key: K,
}

/// The map's own hasher is never asked: every call brings the hash along.
#[derive(Default)]
struct Unasked;

impl Hasher for Unasked {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, _bytes: &[u8]) {}
}

type Row<K, V> = (Hashed<K>, SharedValue<V>);

pub(crate) struct Table<K, V>(DashMap<Hashed<K>, V, BuildHasherDefault<Unasked>>);

impl<K, V> Table<K, V> {
    pub(crate) fn new() -> Self {
        Table(DashMap::with_hasher(BuildHasherDefault::default()))
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
        let shard = self.0.shards()[self.shard_of(hash)].read();
        shard
            .get(hash, same(hash, is))
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
        let mut shard = self.0.shards()[self.shard_of(hash)].write();
        if let Some((kept, value)) = shard.get(hash, same(hash, is)) {
            return Some(read(&kept.key, value.get()));
        }
        shard.insert(
            hash,
            (Hashed { hash, key }, SharedValue::new(value)),
            stored_hash,
        );
        None
    }

    /// Puts a value, and answers with the one that it replaces.
    pub(crate) fn replace(&self, hash: u64, key: K, value: V) -> Option<V>
    where
        K: Eq,
    {
        switch_point();
        let mut shard = self.0.shards()[self.shard_of(hash)].write();
        if let Some((_, kept)) = shard.get_mut(hash, same(hash, |kept| *kept == key)) {
            let replaced = std::mem::replace(kept.get_mut(), value);
            drop(shard);
            // `key` is dropped after this, with nothing locked.
            return Some(replaced);
        }
        shard.insert(
            hash,
            (Hashed { hash, key }, SharedValue::new(value)),
            stored_hash,
        );
        None
    }

    /// Takes a row out.
    pub(crate) fn remove(&self, hash: u64, is: impl Fn(&K) -> bool) -> Option<(K, V)> {
        switch_point();
        let mut shard = self.0.shards()[self.shard_of(hash)].write();
        let (kept, value) = shard.remove_entry(hash, same(hash, is))?;
        drop(shard);
        Some((kept.key, value.into_inner()))
    }

    /// Takes every row out.
    pub(crate) fn take_all(&self) -> Vec<(K, V)> {
        self.take_where(|_| true)
    }

    /// Takes out the rows whose value `goes`; `goes` must not call user code.
    ///
    /// A shard is emptied and filled again with what stays. That costs time in
    /// proportion to its rows, and no hashing.
    pub(crate) fn take_where(&self, goes: impl Fn(&V) -> bool) -> Vec<(K, V)> {
        switch_point();
        let mut taken = Vec::new();
        for shard in self.0.shards() {
            let mut shard = shard.write();
            if shard.is_empty() {
                continue;
            }
            let (gone, stay): (Vec<Row<K, V>>, Vec<_>) =
                shard.drain().partition(|(_, value)| goes(value.get()));
            for row in stay {
                shard.insert(row.0.hash, row, stored_hash);
            }
            drop(shard);
            taken.extend(
                gone.into_iter()
                    .map(|(kept, value)| (kept.key, value.into_inner())),
            );
        }
        taken
    }

    /// What `pick` makes of each row, one shard after another, under the shard's
    /// read lock.
    pub(crate) fn collect<R>(&self, pick: impl Fn(&K, &V) -> Option<R>) -> Vec<R> {
        switch_point();
        self.0
            .iter()
            .filter_map(|row| pick(&row.key().key, row.value()))
            .collect()
    }

    /// The number of rows. Locks each shard in turn.
    pub(crate) fn len(&self) -> usize {
        self.0.shards().iter().map(|shard| shard.read().len()).sum()
    }

    #[inline]
    fn shard_of(&self, hash: u64) -> usize {
        self.0.determine_shard(hash as usize)
    }
}

#[inline]
fn same<K, V>(hash: u64, is: impl Fn(&K) -> bool) -> impl Fn(&Row<K, V>) -> bool {
    // Comparing the hashes first keeps chance neighbours in the table away from
    // the key's own, dearer comparison.
    move |(kept, _)| kept.hash == hash && is(&kept.key)
}

fn stored_hash<K, V>(row: &Row<K, V>) -> u64 {
    row.0.hash
}

/// `DashMap` asks for it, though its own look-ups are not used.
impl<K> PartialEq for Hashed<K> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl<K> Eq for Hashed<K> {}

impl<K> Hash for Hashed<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_hash_are_kept_apart() {
        let table = Table::new();
        assert_eq!(table.replace(7, "a", 1), None);
        assert_eq!(table.replace(7, "b", 2), None);
        assert_eq!(table.replace(7, "a", 3), Some(1));
        assert_eq!(table.read(7, |k| *k == "a", |v| *v), Some(3));
        assert_eq!(table.read(7, |k| *k == "b", |v| *v), Some(2));
        assert_eq!(table.remove(7, |k| *k == "a"), Some(("a", 3)));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn what_is_taken_leaves_and_the_rest_is_found_again() {
        const ROWS: u64 = if cfg!(miri) { 100 } else { 1000 };
        let table = Table::new();
        for n in 0..ROWS {
            table.replace(n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n, n);
        }
        assert_eq!(
            table.take_where(|n| n % 3 == 0).len() as u64,
            ROWS.div_ceil(3)
        );
        for n in 0..ROWS {
            let found = table.read(n.wrapping_mul(0x9E37_79B9_7F4A_7C15), |k| *k == n, |v| *v);
            assert_eq!(found, (n % 3 != 0).then_some(n));
        }
    }
}
