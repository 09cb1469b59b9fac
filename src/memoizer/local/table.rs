//! One function's results on one thread.

use super::stack::{self, Begun};
use crate::clock::Stamp;
use crate::entry::Entry;
use crate::error::{Circle, Site};
use crate::flight::{self, Catching};
use crate::key::{Lookup, hash_of};
use crate::memoizer::Memoized;
use crate::memoizer::output::Output;
use hashbrown::HashTable;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The rows, and the keys that are being built.
///
/// `Hash` and `Eq` of keys run while a table is borrowed; they must not call the
/// function. Nothing else of the user's does.
pub(super) struct Table<M: Memoized> {
    rows: RefCell<HashTable<Row<M>>>,
    building: RefCell<HashTable<Rc<Pending<M::Key>>>>,
    /// How many rows may be looked at for what has been paid by puts.
    paid: Cell<usize>,
    /// A moment before which nothing in here expires.
    earliest: Cell<Stamp>,
}

/// A key that is being built.
struct Pending<K> {
    key: K,
    /// It was deleted meanwhile: the result is for its caller alone.
    void: Cell<bool>,
}

struct Row<M: Memoized> {
    key: M::Key,
    entry: Entry<Output<M>>,
}

/// How many old rows each new one pays for.
const PAYS: usize = 3;

impl<M: Memoized> Table<M> {
    pub(super) fn new() -> Self {
        Table {
            rows: RefCell::new(HashTable::new()),
            building: RefCell::new(HashTable::new()),
            paid: Cell::new(0),
            earliest: Cell::new(Stamp::NEVER),
        }
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, asked: &impl Lookup<M::Key>) -> Option<Entry<Output<M>>> {
        let rows = self.rows.borrow();
        let row = rows.find(hash, |row| asked.is(&row.key))?;
        Some(row.entry.clone())
    }

    /// What a plain hit needs of that entry: the output, when it was created, and
    /// when it expires.
    #[inline]
    pub(super) fn glance(
        &self,
        hash: u64,
        asked: &impl Lookup<M::Key>,
    ) -> Option<(Output<M>, Stamp, Stamp)> {
        let rows = self.rows.borrow();
        let row = rows.find(hash, |row| asked.is(&row.key))?;
        let entry = &row.entry;
        Some((entry.value.clone(), entry.created, entry.expires))
    }

    /// Puts a row, and gives up those that have expired if that is paid for.
    pub(super) fn put(&self, hash: u64, key: M::Key, entry: Entry<Output<M>>, now: Stamp) -> usize {
        let expires = entry.expires;
        let replaced = self.take(hash, &key);
        let mut rows = self.rows.borrow_mut();
        rows.insert_unique(hash, Row { key, entry }, |row| hash_of(&row.key));
        let len = rows.len();
        drop(rows);
        drop(replaced);
        self.expects(expires);
        if self.earliest.get() > now || self.paid.get() < len {
            return 0;
        }
        self.paid.set(self.paid.get() - len);
        let expired = self.take_where(|row| row.entry.expires <= now);
        let rows = self.rows.borrow();
        let earliest = rows.iter().map(|row| row.entry.expires).min();
        self.earliest.set(earliest.unwrap_or(Stamp::NEVER));
        expired.len()
    }

    /// Takes note of an expiry.
    fn expects(&self, expires: Stamp) {
        if expires != Stamp::NEVER {
            self.earliest.set(self.earliest.get().min(expires));
            self.paid.set(self.paid.get() + PAYS);
        }
    }

    fn take(&self, hash: u64, key: &M::Key) -> Option<Row<M>> {
        let mut rows = self.rows.borrow_mut();
        let found = rows.find_entry(hash, |row| row.key == *key).ok()?;
        Some(found.remove().0)
    }

    pub(super) fn delete(&self, hash: u64, asked: &impl Lookup<M::Key>) -> bool {
        let building = self.building.borrow();
        if let Some(pending) = building.find(hash, |pending| asked.is(&pending.key)) {
            pending.void.set(true);
        }
        drop(building);
        let mut rows = self.rows.borrow_mut();
        let found = rows.find_entry(hash, |row| asked.is(&row.key));
        let removed = found.ok().map(|found| found.remove().0);
        drop(rows);
        removed.is_some()
    }

    pub(super) fn expire_at(&self, hash: u64, asked: &impl Lookup<M::Key>, at: Stamp) -> bool {
        let mut rows = self.rows.borrow_mut();
        let row = rows.find_mut(hash, |row| asked.is(&row.key));
        let changed = row.map(|row| row.entry.expires = at).is_some();
        drop(rows);
        if changed {
            self.expects(at);
        }
        changed
    }

    pub(super) fn clear(&self) -> usize {
        let building = self.building.borrow();
        building.iter().for_each(|pending| pending.void.set(true));
        drop(building);
        self.take_where(|_| true).len()
    }

    fn take_where(&self, goes: impl Fn(&Row<M>) -> bool) -> Vec<Row<M>> {
        let mut rows = self.rows.borrow_mut();
        let (gone, stay): (Vec<_>, Vec<_>) = rows.drain().partition(&goes);
        for row in stay {
            rows.insert_unique(hash_of(&row.key), row, |row| hash_of(&row.key));
        }
        gone
    }

    pub(super) fn len(&self) -> usize {
        self.rows.borrow().len()
    }

    /// Begins to build a key.
    ///
    /// # Errors
    ///
    /// The circle, if this thread is building it already.
    pub(super) fn begin(&self, hash: u64, key: M::Key) -> Result<Building<'_, M>, Circle> {
        let building = self.building.borrow();
        let known = building.find(hash, |pending| pending.key == key);
        let known = known.map(Rc::clone);
        drop(building);
        if let Some(known) = known {
            return Err(stack::circle(id(&known)));
        }
        let pending = Rc::new(Pending {
            key,
            void: Cell::new(false),
        });
        let mut building = self.building.borrow_mut();
        building.insert_unique(hash, Rc::clone(&pending), |pending| hash_of(&pending.key));
        drop(building);
        let named = Rc::clone(&pending);
        let site = Rc::new(move || Site::new(M::NAME, &named.key));
        Ok(Building {
            table: self,
            hash,
            _begun: stack::begin(id(&pending), site),
            _catching: flight::catching(),
            pending,
        })
    }
}

fn id<K>(pending: &Rc<K>) -> usize {
    Rc::as_ptr(pending).addr()
}

/// A key that is being built on this thread.
pub(super) struct Building<'t, M: Memoized> {
    table: &'t Table<M>,
    hash: u64,
    pending: Rc<Pending<M::Key>>,
    _begun: Begun,
    _catching: Catching,
}

impl<M: Memoized> Building<'_, M> {
    /// Whether the key was deleted meanwhile.
    pub(super) fn is_void(&self) -> bool {
        self.pending.void.get()
    }
}

impl<M: Memoized> Drop for Building<'_, M> {
    fn drop(&mut self) {
        let mut building = self.table.building.borrow_mut();
        let found = building.find_entry(self.hash, |pending| Rc::ptr_eq(pending, &self.pending));
        let removed = found.ok().map(|found| found.remove().0);
        drop(building);
        drop(removed);
    }
}
