//! One function's results on one thread.

use super::stack::{self, Begun};
use crate::clock::Stamp;
use crate::entry::Entry;
use crate::error::{Circle, Site};
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
    building: RefCell<HashTable<Rc<M::Key>>>,
    /// How many rows may be looked at for what has been paid by puts.
    paid: Cell<usize>,
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
        let replaced = self.take(hash, &key);
        let mut rows = self.rows.borrow_mut();
        rows.insert_unique(hash, Row { key, entry }, |row| hash_of(&row.key));
        let len = rows.len();
        drop(rows);
        drop(replaced);
        self.paid.set(self.paid.get() + PAYS);
        if self.paid.get() < len {
            return 0;
        }
        self.paid.set(0);
        let expired = self.take_where(|row| row.entry.expires <= now);
        expired.len()
    }

    fn take(&self, hash: u64, key: &M::Key) -> Option<Row<M>> {
        let mut rows = self.rows.borrow_mut();
        let found = rows.find_entry(hash, |row| row.key == *key).ok()?;
        Some(found.remove().0)
    }

    pub(super) fn delete(&self, hash: u64, asked: &impl Lookup<M::Key>) -> bool {
        let mut rows = self.rows.borrow_mut();
        let found = rows.find_entry(hash, |row| asked.is(&row.key));
        let removed = found.ok().map(|found| found.remove().0);
        drop(rows);
        removed.is_some()
    }

    pub(super) fn expire_at(&self, hash: u64, asked: &impl Lookup<M::Key>, at: Stamp) -> bool {
        let mut rows = self.rows.borrow_mut();
        let row = rows.find_mut(hash, |row| asked.is(&row.key));
        row.map(|row| row.entry.expires = at).is_some()
    }

    pub(super) fn clear(&self) -> usize {
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
        let known = self
            .building
            .borrow()
            .find(hash, |known| **known == key)
            .map(Rc::clone);
        if let Some(known) = known {
            return Err(stack::circle(id(&known)));
        }
        let key = Rc::new(key);
        let mut building = self.building.borrow_mut();
        building.insert_unique(hash, Rc::clone(&key), |key| hash_of(&**key));
        drop(building);
        let named = Rc::clone(&key);
        let begun = stack::begin(id(&key), Rc::new(move || Site::new(M::NAME, &*named)));
        Ok(Building {
            table: self,
            hash,
            key,
            _begun: begun,
        })
    }
}

fn id<K>(key: &Rc<K>) -> usize {
    Rc::as_ptr(key).addr()
}

/// A key that is being built on this thread.
pub(super) struct Building<'t, M: Memoized> {
    table: &'t Table<M>,
    hash: u64,
    key: Rc<M::Key>,
    _begun: Begun,
}

impl<M: Memoized> Drop for Building<'_, M> {
    fn drop(&mut self) {
        let mut building = self.table.building.borrow_mut();
        let found = building.find_entry(self.hash, |key| Rc::ptr_eq(key, &self.key));
        let removed = found.ok().map(|found| found.remove().0);
        drop(building);
        drop(removed);
    }
}
