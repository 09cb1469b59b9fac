//! When a table gives up what has expired.
//!
//! Each row that is put pays for looking at a few old ones. As soon as a shard
//! holds something that has expired, and what was paid covers it, the next put
//! sweeps that shard. Nothing is swept in vain while nothing can have expired: for
//! each shard the earliest expiry in it is known. So a million rows that expire
//! together, and have paid for it when they were put, go with the next few puts;
//! where rows come and go steadily, about a third as many are expired as are not.

use super::{Dates, Left, Note, Noted};
use crate::clock::Stamp;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub(crate) struct Expiring<K, V, N> {
    table: Noted<K, V, N>,
    /// For each shard a moment before which everything in it is wanted.
    earliest: Box<[AtomicU64]>,
    /// How many rows may be looked at for what has been paid.
    paid: AtomicUsize,
    /// The shard to look at next. Held by who decides on that.
    next: Mutex<usize>,
}

/// How many old rows each new one pays for.
const PAYS: usize = 3;
/// What the visit to a shard costs beside its rows.
const VISIT: usize = 8;
/// How many shards one put looks at, for one that is worth a sweep.
const GLANCES: usize = 8;

impl<K, V, N: Note> Expiring<K, V, N> {
    pub(crate) fn new(hash_of: fn(&K) -> u64) -> Self {
        let table = Noted::new(hash_of);
        let shards = 0..table.shards();
        Expiring {
            earliest: shards.map(|_| never()).collect(),
            table,
            paid: AtomicUsize::new(0),
            next: Mutex::new(0),
        }
    }

    /// The table, to read and to take out of.
    #[inline]
    pub(crate) fn table(&self) -> &Noted<K, V, N> {
        &self.table
    }

    /// Puts a row. If it replaces one, that comes back, with the key that was not
    /// needed. The caller owes a call of [`tidy`](Self::tidy).
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
        let until = dates.expires.after_nanos(note.stale());
        let replaced = self.table.replace(hash, key, value, note, dates);
        self.expects(hash, until);
        replaced
    }

    /// Has a row expire at another time; answers whether there is one. If it is wanted for
    /// longer, the first sweep after that finds out.
    pub(crate) fn set_expires(&self, hash: u64, is: impl Fn(&K) -> bool, at: Stamp) -> bool {
        let is_there = self.table.set_expires(hash, is, at);
        if is_there {
            self.expects(hash, at);
        }
        is_there
    }

    /// Has all rows be over: those that are wanted for longer expire at a time, if they do
    /// not before.
    pub(crate) fn expire_all(&self, at: Stamp) {
        self.table.expire_all(at);
        for earliest in &self.earliest {
            earliest.fetch_min(at.nanos(), Ordering::Relaxed);
        }
        let rows = self.table.len();
        self.paid.fetch_add(PAYS * rows, Ordering::Relaxed);
    }

    /// Takes note of when a row is not wanted any more. After the row is there: a sweep that has not seen
    /// the row has put its own note down before.
    fn expects(&self, hash: u64, expires: Stamp) {
        if expires == Stamp::NEVER {
            return;
        }
        let earliest = &self.earliest[self.table.shard_of(hash)];
        earliest.fetch_min(expires.nanos(), Ordering::Relaxed);
        self.paid.fetch_add(PAYS, Ordering::Relaxed);
    }

    /// Whether anything has been paid for. If not, there is nothing to give up, or no
    /// sweep yet.
    pub(crate) fn has_paid(&self) -> bool {
        self.paid.load(Ordering::Relaxed) != 0
    }

    /// Takes out all rows that have expired.
    pub(crate) fn sweep(&self, now: Stamp) -> Vec<Left<K, V, N>> {
        let shards = 0..self.table.shards();
        shards
            .filter(|shard| self.is_due(*shard, now))
            .flat_map(|shard| self.sweep_shard(shard, now))
            .collect()
    }

    /// Sweeps a shard in which something has expired, if that is paid for and no
    /// other thread does. What is taken out is for the caller to drop, with
    /// nothing locked.
    pub(crate) fn tidy(&self, now: Stamp) -> Vec<Left<K, V, N>> {
        match self.worth_a_sweep(now) {
            Some(shard) => self.sweep_shard(shard, now),
            None => Vec::new(),
        }
    }

    fn worth_a_sweep(&self, now: Stamp) -> Option<usize> {
        let shards = self.table.shards();
        let mut next = self.next.try_lock()?;
        let due = (0..shards.min(GLANCES))
            .map(|step| (*next + step) % shards)
            .find(|shard| self.is_due(*shard, now));
        let Some(due) = due else {
            *next = (*next + GLANCES) % shards;
            return None;
        };
        *next = due;
        let costs = self.table.rows_in(due) + VISIT;
        let pay = |paid: usize| paid.checked_sub(costs);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.paid.fetch_update(set, fetch, pay).ok()?;
        *next = (due + 1) % shards;
        Some(due)
    }

    fn is_due(&self, shard: usize, now: Stamp) -> bool {
        self.earliest[shard].load(Ordering::Relaxed) <= now.nanos()
    }

    fn sweep_shard(&self, shard: usize, now: Stamp) -> Vec<Left<K, V, N>> {
        let earliest = &self.earliest[shard];
        // Before the look at the rows. A row that comes after it makes a note of
        // its own.
        earliest.store(u64::MAX, Ordering::Relaxed);
        let stays = AtomicU64::new(u64::MAX);
        let gone = self.table.take_where(shard, |until| {
            let goes = until <= now;
            if !goes {
                stays.fetch_min(until.nanos(), Ordering::Relaxed);
            }
            goes
        });
        earliest.fetch_min(stays.into_inner(), Ordering::Relaxed);
        gone
    }
}

fn never() -> AtomicU64 {
    AtomicU64::new(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::hash_of;
    use std::time::Duration;

    type Table = Expiring<u64, (), ()>;

    fn put(table: &Table, key: u64, expires: Stamp, now: Stamp) {
        let dates = Dates {
            created: now,
            expires,
        };
        table.replace(hash_of(&key), key, (), (), dates);
        drop(table.tidy(now));
    }

    fn start() -> Stamp {
        Stamp::from_nanos(1_000_000_000)
    }

    #[test]
    fn many_that_expire_together_go_with_the_next_few_puts() {
        const MANY: u64 = if cfg!(miri) { 50 } else { 100_000 };
        let table = Table::new(hash_of);
        let (now, age) = (start(), Duration::from_secs(1));
        for key in 0..MANY {
            put(&table, key, now.after(age), now);
        }
        assert_eq!(table.table().len() as u64, MANY);
        let later = now.after(2 * age);
        let puts = 2 * table.table().shards() as u64;
        for key in 0..puts {
            put(&table, MANY + key, later.after(age), later);
        }
        assert_eq!(table.table().len() as u64, puts);
    }

    #[test]
    fn in_a_steady_flow_the_expired_are_fewer_than_the_rest() {
        const ALIVE: u64 = if cfg!(miri) { 8 } else { 2_000 };
        let table = Table::new(hash_of);
        for key in 0..20 * ALIVE {
            let now = Stamp::from_nanos(1 + key);
            put(&table, key, now.after_nanos(ALIVE), now);
            let held = table.table().shards() * VISIT;
            assert!(table.table().len() as u64 <= 2 * ALIVE + held as u64);
        }
    }

    #[test]
    fn what_never_expires_is_never_swept() {
        let table = Table::new(hash_of);
        for key in 0..100 {
            put(&table, key, Stamp::NEVER, start());
        }
        assert!(table.sweep(Stamp::from_nanos(u64::MAX - 1)).is_empty());
        assert_eq!(table.table().len(), 100);
    }

    #[test]
    fn rows_that_are_all_changed_to_expire_are_all_swept() {
        const MANY: u64 = if cfg!(miri) { 50 } else { 1_000 };
        let table = Table::new(hash_of);
        for key in 0..MANY {
            let ends = match key % 2 {
                0 => Stamp::NEVER,
                _ => start().after_nanos(key),
            };
            put(&table, key, ends, Stamp::from_nanos(key));
        }
        table.expire_all(Stamp::from_nanos(7));
        let read = |key: u64| {
            let table = table.table();
            table.read(hash_of(&key), |k| *k == key, |(), beside| beside.dates())
        };
        let each = (0..MANY).map(|key| read(key).flatten().unwrap().expires.nanos());
        assert!(each.into_iter().all(|expires| expires == 0));
        assert_eq!(table.sweep(start()).len() as u64, MANY);
    }

    #[test]
    fn a_row_that_is_changed_to_expire_is_swept() {
        let table = Table::new(hash_of);
        put(&table, 1, Stamp::NEVER, start());
        assert!(table.set_expires(hash_of(&1_u64), |k| *k == 1, start()));
        assert_eq!(table.sweep(start()).len(), 1);
    }
}
