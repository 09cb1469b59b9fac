//! What is beside the rows of a shard, in columns.

#![allow(unsafe_code)]

use crate::clock::Stamp;
use hashbrown::raw::RawTable;
use std::mem::MaybeUninit;

/// What is beside the rows of a shard. Each column has one cell for each bucket of
/// the hash table, which is filled if and only if the bucket is.
pub(super) struct Columns<N> {
    pub(super) notes: Column<N>,
    /// None, if keys are hashed anew.
    pub(super) hashes: Option<Column<u64>>,
    /// None, while no row has had a date.
    dates: Option<Column<Dates>>,
}

/// When a row was created, and when it expires.
#[derive(Clone, Copy)]
pub(crate) struct Dates {
    pub(crate) created: Stamp,
    pub(crate) expires: Stamp,
}

/// What is kept beside a row.
pub(crate) trait Note {
    /// When the row was created, about: for a row that has no dates.
    fn created(&self) -> Stamp;

    /// For how long the row is wanted after it has expired, in nanoseconds.
    fn stale(&self) -> u64 {
        0
    }
}

impl Note for () {
    fn created(&self) -> Stamp {
        Stamp::from_nanos(0)
    }
}

impl<N: Note> Columns<N> {
    /// Without a cell.
    pub(super) fn empty(keeps_hashes: bool) -> Self {
        Columns {
            notes: Column::new(0),
            hashes: keeps_hashes.then(|| Column::new(0)),
            dates: None,
        }
    }

    /// Empty columns of the same kinds.
    pub(super) fn with_cells(&self, cells: usize) -> Self {
        Columns {
            notes: Column::new(cells),
            hashes: self.hashes.as_ref().map(|_| Column::new(cells)),
            dates: self.dates.as_ref().map(|_| Column::new(cells)),
        }
    }

    /// # Safety
    ///
    /// The bucket `at` is full.
    #[inline]
    pub(super) unsafe fn dates(&self, at: usize) -> Option<Dates> {
        // SAFETY: full buckets have filled cells.
        unsafe { self.dates.as_ref().map(|dates| *dates.get(at)) }
    }

    /// # Safety
    ///
    /// The bucket `at` of `rows` is full, and these are its columns.
    pub(super) unsafe fn set_dates<R>(&mut self, at: usize, new: Dates, rows: &RawTable<R>) {
        if self.dates.is_none() && new.expires == Stamp::NEVER {
            return;
        }
        let notes = &self.notes;
        let dates = self.dates.get_or_insert_with(|| {
            let mut dates = Column::new(rows.buckets());
            for other in (0..rows.buckets()).filter(|other| *other != at) {
                // SAFETY: the index is below the number of buckets; a full one has a
                // note.
                unsafe {
                    if rows.is_bucket_full(other) {
                        let created = notes.get(other).created();
                        let expires = Stamp::NEVER;
                        dates.fill(other, Dates { created, expires });
                    }
                }
            }
            dates
        });
        // SAFETY: dates have no `Drop`, so the cell may be filled as often as one
        // likes.
        unsafe { dates.fill(at, new) }
    }

    /// Copies the cells of a row that moves, bit by bit.
    ///
    /// # Safety
    ///
    /// Those at `from` are filled; those at `to` are empty. Both have the same kinds
    /// of columns. One of the two rows has to be forgotten before the other is used.
    pub(super) unsafe fn copy(&mut self, to: usize, old: &Self, from: usize) {
        // SAFETY: as the caller says.
        unsafe {
            self.notes.copy(to, &old.notes, from);
            if let (Some(new), Some(old)) = (&mut self.hashes, &old.hashes) {
                new.copy(to, old, from);
            }
            if let (Some(new), Some(old)) = (&mut self.dates, &old.dates) {
                new.copy(to, old, from);
            }
        }
    }
}

/// Cells that are filled or not; which, the hash table knows. Dropping a column
/// drops nothing that is in it.
pub(super) struct Column<T>(Box<[MaybeUninit<T>]>);

impl<T> Column<T> {
    fn new(cells: usize) -> Self {
        Column(Box::new_uninit_slice(cells))
    }

    /// Where a cell is, or would be.
    pub(super) fn cell(&self, at: usize) -> *const MaybeUninit<T> {
        self.0.as_ptr().wrapping_add(at)
    }

    /// # Safety
    ///
    /// There is a cell `at`, and it is filled.
    #[inline]
    pub(super) unsafe fn get(&self, at: usize) -> &T {
        // SAFETY: as the caller says.
        unsafe { self.0.get_unchecked(at).assume_init_ref() }
    }

    /// # Safety
    ///
    /// As [`get`](Self::get).
    pub(super) unsafe fn get_mut(&mut self, at: usize) -> &mut T {
        // SAFETY: as the caller says.
        unsafe { self.0.get_unchecked_mut(at).assume_init_mut() }
    }

    /// # Safety
    ///
    /// As [`get`](Self::get); the cell is empty afterwards.
    pub(super) unsafe fn take(&mut self, at: usize) -> T {
        // SAFETY: as the caller says.
        unsafe { self.0.get_unchecked(at).assume_init_read() }
    }

    /// # Safety
    ///
    /// There is a cell `at`. What is in it is not dropped.
    pub(super) unsafe fn fill(&mut self, at: usize, value: T) {
        // SAFETY: as the caller says.
        unsafe { self.0.get_unchecked_mut(at).write(value) };
    }

    /// # Safety
    ///
    /// The cell `from` of `old` is filled; the cell `to` is there and empty. One of
    /// the two has to be forgotten before the other is used.
    pub(super) unsafe fn copy(&mut self, to: usize, old: &Self, from: usize) {
        // SAFETY: as the caller says.
        unsafe { self.fill(to, old.0.get_unchecked(from).assume_init_read()) }
    }
}
