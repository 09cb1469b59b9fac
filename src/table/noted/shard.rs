//! One shard: the rows, and what is beside them.

#![allow(unsafe_code)]

use super::columns::{Columns, Dates, Note};
use crate::clock::Stamp;
use hashbrown::raw::{Bucket, RawTable};
use std::mem::{ManuallyDrop, needs_drop};

pub(crate) struct Shard<K, V, N> {
    pub(super) rows: RawTable<(K, V)>,
    columns: Columns<N>,
}

/// What is beside a row of a shard that is locked.
pub(crate) struct Beside<'s, K, V, N> {
    pub(super) shard: &'s Shard<K, V, N>,
    pub(super) row: &'s Bucket<(K, V)>,
}

impl<K, V, N: Note> Beside<'_, K, V, N> {
    #[inline]
    pub(crate) fn note(&self) -> &N {
        // SAFETY: the row is there, so its note is.
        unsafe { self.shard.columns.notes.get(self.at()) }
    }

    #[inline]
    pub(crate) fn dates(&self) -> Option<Dates> {
        // SAFETY: the row is there.
        unsafe { self.shard.columns.dates(self.at()) }
    }

    #[inline]
    fn at(&self) -> usize {
        // SAFETY: the row is of this table.
        unsafe { self.shard.rows.bucket_index(self.row) }
    }
}

/// A row, out of the table.
pub(crate) struct Left<K, V, N> {
    pub(crate) key: K,
    pub(crate) value: V,
    #[allow(dead_code)] // it is dropped with the rest
    pub(crate) note: N,
}

impl<K, V, N: Note> Shard<K, V, N> {
    pub(super) fn new() -> Self {
        Shard {
            rows: RawTable::new(),
            columns: Columns::empty(needs_drop::<K>()),
        }
    }

    /// Has the processor fetch the memory that a row of this hash would go to, while
    /// the caller finds a value for it. In a table that is larger than its caches,
    /// that is most of what the put takes.
    #[cold]
    pub(super) fn prepare(&self, hash: u64) {
        let at = hash as usize & (self.rows.buckets() - 1);
        // Rows grow downward from here. The row goes where the first bucket is free
        // from this one on, so it is in this line or the next.
        let row = self.rows.data_end().as_ptr().wrapping_sub(at + 1);
        prefetch(row);
        prefetch(row.wrapping_byte_sub(64));
        prefetch(self.columns.notes.cell(at));
        if let Some(hashes) = &self.columns.hashes {
            prefetch(hashes.cell(at));
        }
    }

    /// Puts other things into a row, and answers with those that were there.
    ///
    /// # Safety
    ///
    /// The row is one of this shard.
    pub(super) unsafe fn change(
        &mut self,
        row: &Bucket<(K, V)>,
        value: V,
        note: N,
        dates: Dates,
    ) -> (V, N) {
        // SAFETY: full buckets have filled cells, and the shard is this caller's alone.
        unsafe {
            let at = self.rows.bucket_index(row);
            self.columns.set_dates(at, dates, &self.rows);
            let value = std::mem::replace(&mut row.as_mut().1, value);
            let note = std::mem::replace(self.columns.notes.get_mut(at), note);
            (value, note)
        }
    }

    /// Adds a row whose key is not there.
    pub(super) fn add(
        &mut self,
        hash: u64,
        row: (K, V),
        note: N,
        dates: Dates,
        hash_of: fn(&K) -> u64,
    ) {
        let row = match self.rows.try_insert_no_grow(hash, row) {
            Ok(row) => row,
            Err(row) => {
                self.grow(hash_of);
                let placed = self.rows.try_insert_no_grow(hash, row);
                placed.unwrap_or_else(|_| unreachable!("it has just grown"))
            }
        };
        // SAFETY: the bucket has just been filled, its cells have not.
        unsafe {
            let at = self.rows.bucket_index(&row);
            self.columns.notes.fill(at, note);
            if let Some(hashes) = &mut self.columns.hashes {
                hashes.fill(at, hash);
            }
            self.columns.set_dates(at, dates, &self.rows);
        }
    }

    /// # Safety
    ///
    /// The row is one of this shard.
    pub(super) unsafe fn is_over(&self, row: &Bucket<(K, V)>) -> bool {
        // SAFETY: full buckets have filled cells.
        let dates = unsafe { self.columns.dates(self.rows.bucket_index(row)) };
        dates.is_some_and(|dates| dates.expires == Stamp::OVER)
    }

    /// # Safety
    ///
    /// The row is one of this shard.
    pub(super) unsafe fn set_expires(&mut self, row: &Bucket<(K, V)>, expires: Stamp) {
        // SAFETY: full buckets have filled cells.
        unsafe {
            let at = self.rows.bucket_index(row);
            let created = match self.columns.dates(at) {
                Some(dates) => dates.created,
                None => self.columns.notes.get(at).created(),
            };
            let dates = Dates { created, expires };
            self.columns.set_dates(at, dates, &self.rows);
        }
    }

    pub(super) fn take_where(&mut self, goes: impl Fn(Stamp) -> bool) -> Vec<Left<K, V, N>> {
        let mut gone = Vec::new();
        // SAFETY: the iterator yields full buckets, which have filled cells. A row
        // may be taken out once it has been yielded; the table does not move
        // meanwhile.
        unsafe {
            for row in self.rows.iter() {
                let at = self.rows.bucket_index(&row);
                let dates = self.columns.dates(at);
                let until = dates.map_or(Stamp::NEVER, |dates| {
                    let stale = self.columns.notes.get(at).stale();
                    dates.expires.after_nanos(stale)
                });
                if goes(until) {
                    gone.push(self.take(row));
                }
            }
        }
        gone
    }

    /// Takes a row out, and what is beside it.
    ///
    /// # Safety
    ///
    /// The bucket is a full one of this shard.
    pub(super) unsafe fn take(&mut self, bucket: Bucket<(K, V)>) -> Left<K, V, N> {
        // SAFETY: full buckets have filled cells. The cell counts as empty from here
        // on, as does the bucket.
        unsafe {
            let at = self.rows.bucket_index(&bucket);
            let note = self.columns.notes.take(at);
            let ((key, value), _) = self.rows.remove(bucket);
            Left { key, value, note }
        }
    }

    /// Makes room for more rows: twice, or where many have left, the same again
    /// without their traces.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, hash_of: fn(&K) -> u64) {
        let room = room_in(self.rows.buckets());
        let enough = match self.rows.len() < room / 2 {
            true => room,
            false => room + 1,
        };
        self.rebuild(enough.max(4), hash_of);
    }

    /// Gives memory back, if less than an eighth of it is needed.
    pub(super) fn shrink(&mut self, hash_of: fn(&K) -> u64) {
        let (len, buckets) = (self.rows.len(), self.rows.buckets());
        if buckets > SMALL && len < buckets / 8 {
            self.rebuild(2 * len, hash_of);
        }
    }

    /// Moves all rows into a new table, with room for so many.
    ///
    /// `hash_of` is user code. If it panics, the shard is left as it was, and the
    /// memory of the new table is leaked.
    #[inline(never)]
    fn rebuild(&mut self, room: usize, hash_of: fn(&K) -> u64) {
        let rows = RawTable::with_capacity(room);
        let columns = self.columns.with_cells(rows.buckets());
        // Its rows are this shard's until it takes this shard's place.
        let mut new = ManuallyDrop::new(Shard { rows, columns });
        // SAFETY: each row is copied, bit by bit, from a full bucket of the old table
        // into an empty one of the new, which has room for all. The copies are not
        // used, nor dropped, before the old table has been told to forget its own.
        unsafe {
            for row in self.rows.iter() {
                let from = self.rows.bucket_index(&row);
                let hash = match &self.columns.hashes {
                    Some(hashes) => *hashes.get(from),
                    None => hash_of(&row.as_ref().0),
                };
                let placed = new.rows.insert_no_grow(hash, row.as_ptr().read());
                let to = new.rows.bucket_index(&placed);
                new.columns.copy(to, &self.columns, from);
            }
            self.rows.clear_no_drop();
        }
        // Of the old one the memory is left.
        *self = ManuallyDrop::into_inner(new);
    }
}

impl<K, V, N> Drop for Shard<K, V, N> {
    fn drop(&mut self) {
        if !needs_drop::<N>() {
            return;
        }
        for at in 0..self.rows.buckets() {
            // SAFETY: the index is below the number of buckets; a full one has a
            // note, which is not used after this.
            unsafe {
                if self.rows.is_bucket_full(at) {
                    drop(self.columns.notes.take(at));
                }
            }
        }
    }
}

/// Has the processor fetch a line of memory. Any address will do.
#[inline]
fn prefetch<T>(line: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing and never faults; all processors of
        // this architecture have it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = line;
}

/// How many buckets are not worth shrinking.
pub(super) const SMALL: usize = 64;

/// How many rows a hash table of so many buckets takes before it grows: seven in
/// eight, or all but one of a few.
fn room_in(buckets: usize) -> usize {
    match buckets {
        0..8 => buckets.saturating_sub(1),
        _ => buckets / 8 * 7,
    }
}
