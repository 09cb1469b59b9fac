use super::epochs::Epochs;
use super::facts::Facts;
use super::groups::{Asked, Holder};
use super::output::Output;
use super::shelf::{Displaces, Done, Shelf};
use super::{Memoized, Shareable};
use crate::clock::Stamp;
use crate::drive::block_on;
use crate::entry::Entry;
use crate::flight::{Flights, Leaders, Publish};
use crate::generation::How;
use crate::key::{Lookup, hash_of, text};
use crate::options::{Answer, Terms};
use crate::refresh::{Ended, Refreshes};
#[cfg(feature = "bounded")]
use crate::store::{BoundedStore, Leaving};
use crate::store::{Caller, Guards, Holds, StoreError};
use crate::table::{Dates, Expiring, Left, Version};
use std::sync::Arc;

/// A function's own results in memory, by typed keys.
pub(crate) struct Table<M: Memoized> {
    rows: Rows<M>,
    flights: Flights<M::Key, Entry<Output<M>>, Unshared>,
    refreshes: Arc<Refreshes<M::Key, JobsEnd<M>>>,
    epochs: Arc<Epochs>,
}

/// What a job for the function ends with.
type JobsEnd<M> = Ended<Entry<Output<M>>, Unshared>;

enum Rows<M: Memoized> {
    Free(Free<M>),
    #[cfg(feature = "bounded")]
    Bounded(BoundedStore<M::Key, Entry<Output<M>>>),
}

type Free<M> = Expiring<<M as Memoized>::Key, Output<M>, Facts>;

/// What a plain hit needs of an entry.
pub(crate) struct Glance<M: Memoized> {
    pub(crate) output: Output<M>,
    pub(crate) created: Stamp,
    pub(crate) expires: Stamp,
}

impl<M: Memoized> Glance<M> {
    /// Of an output that has no expiry, for a call that accepts any age.
    #[inline]
    fn timeless(output: &Output<M>) -> Self {
        Glance {
            output: output.clone(),
            created: Stamp::NEVER,
            expires: Stamp::NEVER,
        }
    }

    #[inline]
    fn dated(output: &Output<M>, facts: &Facts, dates: Option<Dates>) -> Self {
        let Dates { created, expires } = facts.dates(dates);
        Glance {
            output: output.clone(),
            created,
            expires,
        }
    }
}

/// An error that its caller keeps to itself, since it cannot be cloned.
pub(crate) struct Unshared;

/// What a put pushes out.
pub(crate) enum Displaced<M: Memoized> {
    Replaced(#[allow(dead_code)] Option<Left<M::Key, Output<M>, Facts>>),
    #[cfg(feature = "bounded")]
    Leaving(Leaving<M::Key, Entry<Output<M>>>),
}

impl<M: Memoized> Displaces for Displaced<M> {
    fn evicted(&self) -> usize {
        match self {
            Displaced::Replaced(_) => 0,
            #[cfg(feature = "bounded")]
            Displaced::Leaving(leaving) => leaving.evicted(),
        }
    }
}

impl<M: Shareable> Table<M> {
    pub(crate) fn new(epochs: &Arc<Epochs>) -> Self {
        Table {
            rows: match M::capacity() {
                #[cfg(feature = "bounded")]
                Some(capacity) => Rows::Bounded(BoundedStore::new(capacity)),
                _ => Rows::Free(Expiring::new(hash_of)),
            },
            flights: Flights::new(M::NAME, Leaders::Unnamed),
            refreshes: Arc::new(Refreshes::new()),
            epochs: Arc::clone(epochs),
        }
    }

    /// The entry for what was asked. The common table is asked first and in line.
    #[inline]
    pub(crate) fn read<Q: Lookup<M::Key>>(&self, hash: u64, asked: &Q) -> Option<Entry<Output<M>>> {
        match &self.rows {
            Rows::Free(rows) => rows.table().read(
                hash,
                |key| asked.is(key),
                |output, beside| beside.note().with(output.clone(), beside.dates()),
            ),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => store.find(hash, asked),
        }
    }

    /// What a plain hit needs of that entry, and no more.
    #[inline(always)]
    pub(crate) fn glance<Q: Lookup<M::Key>>(
        &self,
        hash: u64,
        asked: &Q,
        any_age: bool,
    ) -> Result<Glance<M>, Version> {
        match &self.rows {
            Rows::Free(rows) => {
                let rows = rows.table();
                rows.read_or(
                    hash,
                    |key| asked.is(key),
                    |output, beside| match any_age && !rows.has_dates() {
                        true => Glance::timeless(output),
                        false => Glance::dated(output, beside.note(), beside.dates()),
                    },
                )
            }
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => {
                // A function without a bound has no code for one in line.
                M::capacity().ok_or(Version::UNKNOWN)?;
                let found = store.find(hash, asked);
                found.ok_or(Version::UNKNOWN).map(|entry| Glance {
                    created: entry.created,
                    expires: entry.expires,
                    output: entry.value,
                })
            }
        }
    }

    /// Voids the build under way, then takes out what is kept. In this order: what
    /// the build may still have put is there by then, and goes too.
    pub(crate) fn delete<Q: Lookup<M::Key>>(&self, hash: u64, asked: &Q) -> bool {
        block_on(self.flights.void(hash, asked));
        self.refreshes.void(hash, asked);
        match &self.rows {
            Rows::Free(rows) => rows.table().remove(hash, |key| asked.is(key)).is_some(),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => store.take(hash, asked).is_some(),
        }
    }

    /// Voids the flights, and then the jobs that may have begun them.
    fn void_all(&self) {
        block_on(self.flights.void_all());
        self.refreshes.void_where(|_| true);
    }

    pub(crate) fn clear(&self) -> usize {
        self.void_all();
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

    /// Voids the builds under way, and forgets what is kept, or has it expire; answers
    /// how many results are gone.
    pub(crate) fn end(&self, how: How, now: Stamp) -> usize {
        match how {
            How::Hard => self.clear(),
            How::Soft => {
                block_on(self.flights.void_all());
                self.refreshes.void_jobs();
                self.expire(now);
                0
            }
        }
    }

    /// Has all that is kept expire. Of what has a stale period that counts from here on,
    /// or from when it has expired before; the rest is over, whatever the clock says.
    fn expire(&self, at: Stamp) {
        match &self.rows {
            Rows::Free(rows) => rows.expire_all(at),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => {
                use crate::store::Store;
                for (key, _) in store.entries().unwrap_or_default() {
                    let hash = hash_of(&key);
                    store.update(hash, &&key, |row, hint| {
                        row.expires = match row.stale() {
                            0 => Stamp::from_nanos(0),
                            _ => row.expires.min(at),
                        };
                        *hint = row.until();
                    });
                }
            }
        }
    }

    pub(crate) fn expire_at<Q: Lookup<M::Key>>(&self, hash: u64, asked: &Q, at: Stamp) -> bool {
        match &self.rows {
            Rows::Free(rows) => rows.set_expires(hash, |key| asked.is(key), at),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => {
                let changed = store.update(hash, asked, |row, hint| {
                    row.expires = at;
                    *hint = row.until();
                });
                changed.is_some()
            }
        }
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

    /// Puts an entry, and answers with what it displaces.
    fn put_row(&self, hash: u64, key: M::Key, entry: &Entry<Output<M>>) -> Displaced<M> {
        match &self.rows {
            Rows::Free(rows) => {
                let dates = Dates {
                    created: entry.created,
                    expires: entry.expires,
                };
                let output = entry.value.clone();
                Displaced::Replaced(rows.replace(hash, key, output, Facts::of(entry), dates))
            }
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => {
                Displaced::Leaving(store.keep(hash, key, entry.clone(), entry.until()))
            }
        }
    }
}

impl<M: Shareable> Shelf for Table<M> {
    type Key = M::Key;
    type Value = Output<M>;
    type Failure = Unshared;
    type Displaced = Displaced<M>;

    fn flights(&self) -> &Flights<M::Key, Entry<Output<M>>, Unshared> {
        &self.flights
    }

    fn refreshes(&self) -> &Arc<Refreshes<M::Key, Done<Self>>> {
        &self.refreshes
    }

    async fn find<Q: Lookup<M::Key>>(
        &self,
        _: Caller,
        hash: u64,
        asked: &Q,
    ) -> Result<Option<Entry<Output<M>>>, StoreError> {
        Ok(self.read(hash, asked))
    }

    #[inline]
    fn at_hand<Q: Lookup<M::Key>>(
        &self,
        hash: u64,
        asked: &Q,
    ) -> Option<Result<Option<Entry<Output<M>>>, StoreError>> {
        Some(Ok(self.read(hash, asked)))
    }

    async fn find_with<Q: Lookup<M::Key>>(
        &self,
        _: Caller,
        hash: u64,
        asked: &Q,
        _: &Asked,
    ) -> Result<Option<Entry<Output<M>>>, StoreError> {
        Ok(self.read(hash, asked))
    }

    fn holder(&self) -> Holder<'_> {
        Holder::Memoizer(&self.epochs)
    }

    async fn put(
        &self,
        _: Caller,
        hash: u64,
        key: M::Key,
        entry: &Entry<Output<M>>,
        _: Option<Holds<'_>>,
    ) -> Result<Displaced<M>, StoreError> {
        Ok(self.put_row(hash, key, entry))
    }

    fn put_at_hand(
        &self,
        hash: u64,
        key: M::Key,
        entry: &Entry<Output<M>>,
    ) -> Result<Result<Displaced<M>, StoreError>, M::Key> {
        Ok(Ok(self.put_row(hash, key, entry)))
    }

    fn publish(&self) -> Publish {
        Publish::AtOnce
    }

    fn expires(&self) -> bool {
        match &self.rows {
            Rows::Free(rows) => rows.has_paid(),
            #[cfg(feature = "bounded")]
            Rows::Bounded(_) => true,
        }
    }

    fn may_have_changed(&self, hash: u64, since: Version) -> bool {
        match &self.rows {
            // A build puts its value, and then leaves the flights, through whose lock
            // this caller has come since.
            Rows::Free(rows) => rows.table().may_have_changed(hash, since),
            #[cfg(feature = "bounded")]
            Rows::Bounded(_) => true,
        }
    }

    async fn tidy(&self, _: Caller, now: Stamp) -> usize {
        match &self.rows {
            Rows::Free(rows) => rows.tidy(now).len(),
            #[cfg(feature = "bounded")]
            Rows::Bounded(store) => store.tidy_at(now),
        }
    }

    fn guards(&self) -> Option<Guards<'_>> {
        None
    }

    fn text(&self, key: &M::Key, terms: &Terms) -> String {
        terms.full(&text::text(M::NAME, key))
    }

    fn knows(&self, landed: Result<&Output<M>, &Unshared>) -> bool {
        landed.is_ok()
    }

    fn fails(&self, value: &Output<M>) -> bool {
        M::answer(value.get()) == Answer::Error
    }
}
