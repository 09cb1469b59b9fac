use super::Memoized;
use super::output::Output;
use super::shelf::Shelf;
use crate::clock::Stamp;
use crate::entry::Entry;
use crate::flight::{Flights, Publish};
use crate::key::{Key, Lookup, hash_of, text};
#[cfg(feature = "bounded")]
use crate::store::{BoundedStore, Leaving};
use crate::store::{Lock, StoreError};
use crate::table::Expiring;

/// A function's own results in memory, by typed keys.
pub(crate) struct Table<M: Memoized> {
    rows: Rows<M>,
    flights: Flights<M::Key, Entry<Output<M>>, Unshared>,
}

enum Rows<M: Memoized> {
    Free(Expiring<M::Key, Entry<Output<M>>>),
    #[cfg(feature = "bounded")]
    Bounded(BoundedStore<M::Key, Entry<Output<M>>>),
}

/// An error that its caller keeps to itself, since it cannot be cloned.
pub(crate) struct Unshared;

/// What a put pushes out.
pub(crate) enum Displaced<M: Memoized> {
    Replaced(#[allow(dead_code)] Option<(M::Key, Entry<Output<M>>)>),
    #[cfg(feature = "bounded")]
    Leaving(#[allow(dead_code)] Leaving<M::Key, Entry<Output<M>>>),
}

impl<M> Table<M>
where
    M: Memoized,
    M::Key: Key,
    M::Output: Send + Sync,
{
    pub(crate) fn new() -> Self {
        Table {
            rows: match M::capacity() {
                #[cfg(feature = "bounded")]
                Some(capacity) => Rows::Bounded(BoundedStore::new(capacity)),
                _ => Rows::Free(Expiring::new(hash_of)),
            },
            flights: Flights::new(M::NAME),
        }
    }

    /// The entry for what was asked. The common table is asked first and in line.
    #[inline]
    pub(crate) fn read<Q: Lookup<M::Key>>(&self, hash: u64, asked: &Q) -> Option<Entry<Output<M>>> {
        match &self.rows {
            Rows::Free(rows) => rows.table().read(hash, |key| asked.is(key), Entry::clone),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => store.find(hash, asked),
        }
    }

    /// Voids the build under way, then takes out what is kept. In this order: what
    /// the build may still have put is there by then, and goes too.
    pub(crate) fn delete<Q: Lookup<M::Key>>(&self, hash: u64, asked: &Q) -> bool {
        self.flights.void(hash, asked);
        match &self.rows {
            Rows::Free(rows) => rows.table().remove(hash, |key| asked.is(key)).is_some(),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => store.take(hash, asked).is_some(),
        }
    }

    pub(crate) fn clear(&self) -> usize {
        self.flights.void_all();
        match &self.rows {
            Rows::Free(rows) => rows.table().take_all().len(),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => {
                use crate::store::Store;
                let len = store.len().unwrap_or(0);
                _ = store.clear();
                len
            }
        }
    }

    pub(crate) fn expire_at<Q: Lookup<M::Key>>(&self, hash: u64, asked: &Q, at: Stamp) -> bool {
        let changed = match &self.rows {
            Rows::Free(rows) => rows.update(hash, |key| asked.is(key), |row| row.expires = at),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => store.update(hash, asked, |row, hint| {
                row.expires = at;
                *hint = at;
            }),
        };
        changed.is_some()
    }

    pub(crate) fn len(&self) -> usize {
        match &self.rows {
            Rows::Free(rows) => rows.table().len(),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => {
                use crate::store::Store;
                store.len().unwrap_or(0)
            }
        }
    }
}

impl<M> Shelf for Table<M>
where
    M: Memoized,
    M::Key: Key,
    M::Output: Send + Sync,
{
    type Key = M::Key;
    type Value = Output<M>;
    type Failure = Unshared;
    type Displaced = Displaced<M>;

    fn flights(&self) -> &Flights<M::Key, Entry<Output<M>>, Unshared> {
        &self.flights
    }

    fn find<Q: Lookup<M::Key>>(
        &self,
        hash: u64,
        asked: &Q,
    ) -> Result<Option<Entry<Output<M>>>, StoreError> {
        Ok(self.read(hash, asked))
    }

    fn put(
        &self,
        hash: u64,
        key: M::Key,
        entry: &Entry<Output<M>>,
    ) -> Result<Displaced<M>, StoreError> {
        Ok(match &self.rows {
            Rows::Free(rows) => Displaced::Replaced(rows.replace(hash, key, entry.clone())),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => {
                Displaced::Leaving(store.keep(hash, key, entry.clone(), entry.expires))
            }
        })
    }

    fn publish(&self) -> Publish {
        Publish::AtOnce
    }

    fn tidy(&self, now: Stamp) -> usize {
        match &self.rows {
            Rows::Free(rows) => rows.tidy(now).len(),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => store.tidy_at(now),
        }
    }

    fn lock(&self) -> Option<&dyn Lock> {
        None
    }

    fn text(&self, key: &M::Key) -> String {
        text::text(M::NAME, key)
    }

    fn knows(&self, landed: Result<&Output<M>, &Unshared>) -> bool {
        landed.is_ok()
    }
}
