//! A sharded table that keeps a note beside each row, and dates if there are any.
//!
//! A hit by age reads a row and its dates; any other reads the row alone. So rows
//! hold keys and values and nothing else, as close together as in a plain map, and
//! what is known about them lies in columns of its own: the column's place is the
//! row's place in the hash table. Dates have no column until something in the shard
//! can expire.
//!
//! Hash tables move their rows when they grow, so this one grows by hand: into a
//! new table of twice the size, columns and all. Keys with a heap part have their
//! hash noted, since to hash a million of them again is a million cache misses.
//!
//! Nothing is dropped while a shard is locked: what leaves the table is handed to
//! the caller.

#![allow(unsafe_code)]

mod columns;
mod shard;

pub(crate) use columns::{Dates, Note};
pub(crate) use shard::{Beside, Left};

use super::biased::{Biased, cores};
use crate::clock::Stamp;
use crate::sync::switch_point;
use shard::Shard;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct Noted<K, V, N> {
    shards: Biased<Shard<K, V, N>>,
    /// By how much a hash is shifted for its shard.
    shift: u32,
    /// The hash of a key that is in the table, for when it grows.
    hash_of: fn(&K) -> u64,
    /// Whether any row has ever had a date.
    has_dates: AtomicBool,
}

/// How often a shard had been written when something was looked for in it.
#[derive(Clone, Copy)]
pub(crate) struct Version(u64);

impl Version {
    /// Of no shard: whoever has it is to look again.
    pub(crate) const UNKNOWN: Version = Version(u64::MAX);
}

impl<K, V, N: Note> Noted<K, V, N> {
    pub(crate) fn new(hash_of: fn(&K) -> u64) -> Self {
        let count = (4 * cores()).next_power_of_two();
        Noted {
            shards: Biased::new((0..count).map(|_| Shard::new())),
            shift: u64::BITS - count.trailing_zeros(),
            hash_of,
            has_dates: AtomicBool::new(false),
        }
    }

    /// Whether any row has ever had a date. For who has a row's shard locked, as
    /// `read` in [`read`](Self::read) does: the mark is set before the lock is given
    /// back under which the date is, so who sees the date sees the mark.
    #[inline]
    pub(crate) fn has_dates(&self) -> bool {
        self.has_dates.load(Ordering::Relaxed)
    }

    /// Hands the value for the key that `is` recognises to `read`, under the
    /// shard's read lock, and what is beside it for who wants to look there. `read`
    /// must not call user code. Where there is none, a put is expected to follow.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        hash: u64,
        is: impl Fn(&K) -> bool,
        read: impl FnOnce(&V, Beside<'_, K, V, N>) -> R,
    ) -> Option<R> {
        self.read_or(hash, is, read).ok()
    }

    /// The same, with the version of the shard in which there is no such row.
    #[inline]
    pub(crate) fn read_or<R>(
        &self,
        hash: u64,
        is: impl Fn(&K) -> bool,
        read: impl FnOnce(&V, Beside<'_, K, V, N>) -> R,
    ) -> Result<R, Version> {
        switch_point();
        let number = self.shard_of(hash);
        self.shards.read(number, |shard| {
            let Some(row) = shard.rows.find(hash, same(is)) else {
                shard.prepare(hash);
                return Err(Version(self.shards.writes(number)));
            };
            // SAFETY: the row is there, and nobody writes while the shard is locked.
            let (_, value) = unsafe { row.as_ref() };
            Ok(read(value, Beside { shard, row: &row }))
        })
    }

    /// Whether a row of this hash can have come since the shard had that version. For
    /// who has whatever orders a put of interest before this.
    pub(crate) fn may_have_changed(&self, hash: u64, since: Version) -> bool {
        self.shards.writes(self.shard_of(hash)) != since.0
    }

    /// Puts a row. If it replaces one, that comes back, with the key that was not
    /// needed.
    pub(crate) fn replace(
        &self,
        hash: u64,
        key: K,
        value: V,
        note: N,
        dates: Dates,
    ) -> Option<Left<K, V, N>>
    where
        K: Eq,
    {
        switch_point();
        if dates.expires != Stamp::NEVER {
            self.has_dates.store(true, Ordering::Relaxed);
        }
        self.shards.write(self.shard_of(hash), |shard| {
            let known = shard.rows.find(hash, same(|kept| *kept == key));
            match known {
                Some(row) => {
                    // SAFETY: the row is there.
                    let (value, note) = unsafe { shard.change(&row, value, note, dates) };
                    Some(Left { key, value, note })
                }
                None => {
                    shard.add(hash, (key, value), note, dates, self.hash_of);
                    None
                }
            }
        })
    }

    /// Has a row expire at another time, unless it is over; answers whether there is one.
    pub(crate) fn set_expires(&self, hash: u64, is: impl Fn(&K) -> bool, at: Stamp) -> bool {
        switch_point();
        self.shards.write(self.shard_of(hash), |shard| {
            let Some(row) = shard.rows.find(hash, same(is)) else {
                return false;
            };
            self.has_dates.store(true, Ordering::Relaxed);
            // SAFETY: the row is there.
            unsafe {
                if !shard.is_over(&row) {
                    shard.set_expires(&row, at);
                }
            }
            true
        })
    }

    /// Has all rows be over: those that are wanted for longer expire at a time, if they do
    /// not before, and the others whatever the time is.
    pub(crate) fn expire_all(&self, at: Stamp) {
        self.has_dates.store(true, Ordering::Relaxed);
        for shard in 0..self.shards() {
            switch_point();
            self.shards.write(shard, |shard| {
                // SAFETY: the table outlives the iterator, and is locked.
                let rows: Vec<_> = unsafe { shard.rows.iter() }.collect();
                for row in rows {
                    let beside = Beside { shard, row: &row };
                    let expires = match (beside.note().stale(), beside.dates()) {
                        (0, _) => Stamp::from_nanos(0),
                        (_, None) => at,
                        (_, Some(dates)) => at.min(dates.expires),
                    };
                    // SAFETY: the row is there.
                    unsafe { shard.set_expires(&row, expires) };
                }
            });
        }
    }

    /// Takes a row out.
    pub(crate) fn remove(&self, hash: u64, is: impl Fn(&K) -> bool) -> Option<Left<K, V, N>> {
        switch_point();
        self.shards.write(self.shard_of(hash), |shard| {
            let row = shard.rows.find(hash, same(is))?;
            // SAFETY: the row is there.
            Some(unsafe { shard.take(row) })
        })
    }

    /// Takes every row out.
    pub(crate) fn take_all(&self) -> Vec<Left<K, V, N>> {
        let shards = 0..self.shards();
        shards
            .flat_map(|shard| self.take_where(shard, |_| true))
            .collect()
    }

    /// Takes the rows out of one shard that `go` by when nobody wants them any more;
    /// what has no dates is wanted for ever. Looks at all its buckets; if few of them are left full, the shard
    /// shrinks, so that the next look costs less.
    pub(crate) fn take_where(
        &self,
        shard: usize,
        goes: impl Fn(Stamp) -> bool,
    ) -> Vec<Left<K, V, N>> {
        switch_point();
        self.shards.write(shard, |shard| {
            let gone = shard.take_where(goes);
            shard.shrink(self.hash_of);
            gone
        })
    }

    /// What `pick` makes of each row, one shard after another, under the shard's
    /// read lock.
    pub(crate) fn collect<R>(&self, pick: impl Fn(&K, &V) -> R) -> Vec<R> {
        switch_point();
        let shards = 0..self.shards();
        shards
            .flat_map(|shard| {
                self.shards.read(shard, |shard| {
                    // SAFETY: the table outlives the iterator, and is locked.
                    let rows = unsafe { shard.rows.iter() };
                    let picked = rows.map(|row| {
                        // SAFETY: the iterator yields rows that are there.
                        let (key, value) = unsafe { row.as_ref() };
                        pick(key, value)
                    });
                    picked.collect::<Vec<_>>()
                })
            })
            .collect()
    }

    /// The number of shards.
    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The number of rows in one shard.
    pub(crate) fn rows_in(&self, shard: usize) -> usize {
        self.shards.read(shard, |shard| shard.rows.len())
    }

    /// The number of rows. Locks each shard in turn.
    pub(crate) fn len(&self) -> usize {
        (0..self.shards()).map(|shard| self.rows_in(shard)).sum()
    }

    /// In which shard a hash belongs: the upper bits, but for the seven that the
    /// hash table tells its buckets apart by.
    #[inline]
    pub(crate) fn shard_of(&self, hash: u64) -> usize {
        ((hash << 7) >> self.shift) as usize
    }
}

#[inline]
fn same<K, V>(is: impl Fn(&K) -> bool) -> impl Fn(&(K, V)) -> bool {
    move |(kept, _)| is(kept)
}

#[cfg(test)]
mod tests {
    use super::shard::SMALL;
    use super::*;
    use crate::key::hash_of;
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;

    /// Counted, so that a test sees what is dropped.
    #[derive(Clone, Default)]
    struct Counted(Arc<()>);

    impl Note for Counted {
        fn created(&self) -> Stamp {
            Stamp::from_nanos(7)
        }
    }

    const NO_DATES: Dates = Dates {
        created: Stamp::from_nanos(0),
        expires: Stamp::NEVER,
    };

    fn until(expires: u64) -> Dates {
        Dates {
            created: Stamp::from_nanos(1),
            expires: Stamp::from_nanos(expires),
        }
    }

    const ROWS: u64 = if cfg!(miri) { 100 } else { 10_000 };

    #[test]
    fn keys_of_one_hash_are_kept_apart() {
        let table = Noted::new(|_| 7);
        assert!(table.replace(7, "a", 1, (), NO_DATES).is_none());
        assert!(table.replace(7, "b", 2, (), NO_DATES).is_none());
        let replaced = table.replace(7, "a", 3, (), NO_DATES).unwrap();
        assert_eq!((replaced.key, replaced.value), ("a", 1));
        assert_eq!(table.read(7, |k| *k == "a", |v, _| *v), Some(3));
        assert_eq!(table.read(7, |k| *k == "b", |v, _| *v), Some(2));
        assert_eq!(table.remove(7, |k| *k == "a").unwrap().value, 3);
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn a_row_keeps_what_is_beside_it_as_the_table_grows() {
        let table = Noted::new(hash_of::<String>);
        for n in 0..ROWS {
            let dates = match n % 3 {
                0 => until(1000 + n),
                _ => NO_DATES,
            };
            let key = n.to_string();
            table.replace(hash_of(&key), key, n, Counted::default(), dates);
        }
        for n in 0..ROWS {
            let key = n.to_string();
            let found = table.read(
                hash_of(&key),
                |k| *k == key,
                |value, beside| (*value, beside.dates().map(|dates| dates.expires)),
            );
            let (value, expires) = found.unwrap();
            assert_eq!(value, n);
            let expected = match n % 3 {
                0 => Stamp::from_nanos(1000 + n),
                _ => Stamp::NEVER,
            };
            assert_eq!(expires.unwrap_or(Stamp::NEVER), expected);
        }
    }

    #[test]
    fn what_goes_leaves_with_its_note_and_the_rest_stays() {
        let table = Noted::new(hash_of::<u64>);
        let note = Counted::default();
        for n in 0..ROWS {
            table.replace(hash_of(&n), n, n, note.clone(), until(n));
        }
        let half = Stamp::from_nanos(ROWS / 2);
        let gone: usize = (0..table.shards())
            .map(|shard| table.take_where(shard, |expires| expires < half).len())
            .sum();
        assert_eq!(gone as u64, ROWS / 2);
        assert_eq!(Arc::strong_count(&note.0) as u64, 1 + ROWS.div_ceil(2));
        for n in 0..ROWS {
            let found = table.read(hash_of(&n), |k| *k == n, |v, _| *v);
            assert_eq!(found, (n >= ROWS / 2).then_some(n));
        }
        drop(table);
        assert_eq!(Arc::strong_count(&note.0), 1);
    }

    #[test]
    fn rows_that_come_and_go_do_not_make_the_table_grow() {
        let table = Noted::new(hash_of::<u64>);
        for n in 0..20 * ROWS {
            table.replace(hash_of(&n), n, (), (), NO_DATES);
            if let Some(old) = n.checked_sub(50) {
                table.remove(hash_of(&old), |k| *k == old);
            }
        }
        let mut shards = 0..table.shards();
        assert!(shards.all(|shard| table.shards.read(shard, |shard| shard.rows.buckets()) <= 128));
    }

    #[test]
    fn a_hash_that_panics_as_the_table_grows_loses_no_row() {
        thread_local!(static PANICS: Cell<bool> = const { Cell::new(false) });
        let hash = |n: &u64| match PANICS.get() && *n == 1 {
            true => panic!("on purpose"),
            false => 7,
        };
        let note = Counted::default();
        let table = Noted::new(hash);
        let put = |n: u64| table.replace(7, n, n, note.clone(), until(n));
        PANICS.set(true);
        let panicked =
            (0..ROWS).find(|n| catch_unwind(AssertUnwindSafe(|| drop(put(*n)))).is_err());
        PANICS.set(false);
        let kept = panicked.expect("it has had to grow");
        assert_eq!(table.len() as u64, kept);
        assert_eq!(Arc::strong_count(&note.0) as u64, 1 + kept);
        assert!(put(kept).is_none());
        for n in 0..=kept {
            assert_eq!(table.read(7, |k| *k == n, |v, _| *v), Some(n));
        }
        drop(table);
        assert_eq!(Arc::strong_count(&note.0), 1);
    }

    #[test]
    fn rows_and_notes_may_take_no_space() {
        let table = Noted::new(hash_of::<()>);
        let hash = hash_of(&());
        assert!(table.read(hash, |()| true, |(), _| ()).is_none());
        assert!(table.take_all().is_empty());
        assert!(table.replace(hash, (), (), (), NO_DATES).is_none());
        assert!(table.set_expires(hash, |()| true, Stamp::from_nanos(9)));
        let expires = table.read(
            hash,
            |()| true,
            |(), beside| beside.dates().unwrap().expires,
        );
        assert_eq!(expires, Some(Stamp::from_nanos(9)));
        assert!(table.replace(hash, (), (), (), NO_DATES).is_some());
        assert_eq!(table.take_all().len(), 1);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn a_table_that_few_rows_are_left_in_shrinks() {
        let table = Noted::new(hash_of::<String>);
        let note = Counted::default();
        let put = |n: u64| {
            let key = n.to_string();
            table.replace(hash_of(&key), key, n, note.clone(), until(n))
        };
        (0..8 * ROWS).for_each(|n| drop(put(n)));
        let few = Stamp::from_nanos(8 * ROWS - 20);
        for shard in 0..table.shards() {
            drop(table.take_where(shard, |expires| expires < few));
            let buckets = table.shards.read(shard, |shard| shard.rows.buckets());
            assert!(buckets <= SMALL, "{buckets} for twenty rows at most");
        }
        for n in 8 * ROWS - 20..8 * ROWS {
            let key = n.to_string();
            let expires = table.read(
                hash_of(&key),
                |k| *k == key,
                |_, beside| beside.dates().unwrap().expires,
            );
            assert_eq!(expires, Some(Stamp::from_nanos(n)));
        }
        assert_eq!(Arc::strong_count(&note.0), 21);
        (0..ROWS).for_each(|n| assert!(put(n).is_none()));
        assert_eq!(table.take_all().len() as u64, ROWS + 20);
    }

    #[test]
    fn what_is_not_there_gets_no_date() {
        let table = Noted::<u64, (), ()>::new(hash_of);
        assert!(!table.set_expires(hash_of(&1_u64), |k| *k == 1, Stamp::from_nanos(9)));
        assert!(!table.has_dates());
    }

    #[test]
    fn a_row_without_dates_can_be_given_some() {
        let table = Noted::new(hash_of::<u64>);
        for n in 0..ROWS {
            table.replace(hash_of(&n), n, n, Counted::default(), NO_DATES);
        }
        assert!(!table.has_dates());
        assert!(table.set_expires(hash_of(&3_u64), |k| *k == 3, Stamp::from_nanos(9)));
        assert!(!table.set_expires(hash_of(&ROWS), |k| *k == ROWS, Stamp::NEVER));
        assert!(table.has_dates());
        let dates = |n: u64| {
            let found = table.read(
                hash_of(&n),
                |k| *k == n,
                |_, beside| {
                    let created = beside.note().created();
                    let dates = beside.dates();
                    dates.map_or((created, Stamp::NEVER), |dates| {
                        (dates.created, dates.expires)
                    })
                },
            );
            found.unwrap()
        };
        assert_eq!(dates(3), (Stamp::from_nanos(7), Stamp::from_nanos(9)));
        for n in 4..ROWS {
            assert_eq!(dates(n), (Stamp::from_nanos(7), Stamp::NEVER));
        }
    }
}
