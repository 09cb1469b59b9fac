use super::backing::Backing;
use super::{Guards, Lease, Question, Store, StoreError};
use crate::clock::Stamp;
use crate::coding::{AnyCoding, Coded, Form};
use crate::drive::block_on;
use crate::entry::{AnyValue, Entry};
use crate::error::MemoError;
use crate::flight::{Flights, Lead, Leaders};
use crate::key::hash_of;
use crate::refresh::{Ended, Refreshes};
use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// A store of entries by text keys, and the flights into it: what a memoizer, a
/// region, a function or a call can be told to keep its results in.
///
/// A clone is the same store. Memoizers that are given clones of one share its
/// flights too; those that are given the same map by an `Arc` share the entries
/// alone.
///
/// ```
/// use mementos::{AnyValue, Entry, Memoizer, store::SharedStore};
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, Mutex};
///
/// let map: Arc<Mutex<BTreeMap<String, Entry<AnyValue>>>> = Arc::default();
/// let memo = Memoizer::new(SharedStore::new(Arc::clone(&map)));
/// memo.get("key", || 1).unwrap();
/// assert_eq!(map.lock().unwrap()["key"].value().downcast_ref(), Some(&1));
/// ```
#[derive(Clone)]
pub struct SharedStore(Arc<Inner>);

struct Inner {
    backing: Backing,
    flights: Flights<String, Entry<AnyValue>, AnyFailure>,
    refreshes: Arc<AnyRefreshes>,
    /// How many entries have begun to be changed, and how many have been.
    changes: Changes,
}

type Leading<'f> = Lead<'f, String, Entry<AnyValue>, AnyFailure>;

/// The refreshes of what is in a shared store.
type AnyRefreshes = Refreshes<String, Ended<Entry<AnyValue>, AnyFailure>>;

#[derive(Default)]
struct Changes {
    begun: AtomicU64,
    done: AtomicU64,
}

impl SharedStore {
    /// Wraps a store.
    pub fn new(store: impl Store<String, Entry<AnyValue>> + 'static) -> Self {
        SharedStore::of(Backing::Values(Box::new(store)))
    }

    #[cfg(feature = "bytes")]
    pub(crate) fn encoded(store: super::bytes::Encoded) -> Self {
        SharedStore::of(Backing::Bytes(store))
    }

    #[cfg(feature = "bytes")]
    pub(crate) fn tiered(store: super::Tiered) -> Self {
        SharedStore::of(Backing::Tiered(store))
    }

    fn of(backing: Backing) -> Self {
        SharedStore(Arc::new(Inner {
            backing,
            flights: Flights::new("", Leaders::Unnamed),
            refreshes: Arc::new(Refreshes::new()),
            changes: Changes::default(),
        }))
    }

    pub(crate) fn flights(&self) -> &Flights<String, Entry<AnyValue>, AnyFailure> {
        &self.0.flights
    }

    pub(crate) fn refreshes(&self) -> &Arc<AnyRefreshes> {
        &self.0.refreshes
    }

    /// What is asked of a value, if it is to be kept here.
    pub(crate) fn form(&self) -> Form {
        self.0.backing.form()
    }

    /// How values of this type become bytes, if the store has been told.
    pub(crate) fn known(&self, id: TypeId) -> Option<Arc<dyn AnyCoding>> {
        self.0.backing.known(id)
    }

    pub(crate) fn find(
        &self,
        text: &String,
        coded: Option<Coded<'_>>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        self.0.backing.find(text, coded)
    }

    pub(crate) fn find_many(
        &self,
        questions: &[Question<'_>],
    ) -> Vec<Result<Option<Entry<AnyValue>>, StoreError>> {
        self.0.backing.find_many(questions)
    }

    /// Has the next put for a key replace whatever is kept, also what is for later
    /// versions alone.
    pub(crate) fn take_over(&self, text: &str) {
        self.0.backing.take_over(text);
    }

    pub(super) fn backing(&self) -> &Backing {
        &self.0.backing
    }

    /// Whether nothing is kept, and nothing is built to be kept.
    pub(crate) fn is_idle(&self) -> bool {
        self.flights().len() == 0 && self.0.backing.is_empty()
    }

    /// What is known of a value, which is not looked at.
    pub(crate) fn facts(&self, text: &String) -> Result<Option<Entry<()>>, StoreError> {
        self.0.backing.facts(text)
    }

    pub(crate) fn put(
        &self,
        text: String,
        entry: &Entry<AnyValue>,
        coded: Option<Coded<'_>>,
        lease: Option<&dyn Lease>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        self.0.backing.put(text, entry, coded, lease)
    }

    pub(crate) fn tidy(&self, now: SystemTime) -> usize {
        self.0.backing.tidy(now)
    }

    pub(crate) fn native_ttl(&self, text: &String) -> Result<Option<Duration>, StoreError> {
        self.0.backing.native_ttl(text)
    }

    /// What the store itself has against doing work twice.
    pub(crate) fn guards(&self) -> Option<Guards<'_>> {
        self.0.backing.guards()
    }

    /// Forgets a key.
    pub(crate) fn delete(&self, text: &String) -> Result<bool, StoreError> {
        let void = || {
            let (hash, asked) = (hash_of(text), text.as_str());
            block_on(self.flights().void(hash, &asked));
            self.refreshes().void(hash, &asked);
        };
        self.forget(void, || self.0.backing.delete(text))
    }

    /// Forgets the entries that `goes` recognises, and voids the flights whose keys
    /// begin with `head`.
    pub(crate) fn delete_where(
        &self,
        head: &str,
        goes: impl Fn(&str, &AnyValue) -> bool,
    ) -> Result<(), StoreError> {
        self.forget(
            || self.void_where(|text| text.starts_with(head)),
            || self.0.backing.delete_where(head, &goes),
        )
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) -> Result<(), StoreError> {
        self.forget(|| self.void_where(|_| true), || self.0.backing.clear())
    }

    /// Voids the flights, and then the jobs that may have begun them.
    fn void_where(&self, goes: impl Fn(&str) -> bool) {
        block_on(self.flights().void_where(|text| goes(text)));
        self.refreshes().void_where(|text| goes(text));
    }

    /// Voids the flights, then takes out what is kept. In this order: what they may
    /// still have put is there by then, and goes too.
    ///
    /// And again, as long as an entry is being changed meanwhile:
    ///
    /// ```text
    ///   this caller                another, who changes an expiry
    ///   voids: there is no flight
    ///                              begins a flight; reads the entry
    ///   takes the entry out
    ///                              puts it back
    /// ```
    ///
    /// Once is not enough: what one has put back another may read. A change that
    /// begins after a time in which there was none reads nothing old.
    fn forget<R>(
        &self,
        void: impl Fn(),
        take: impl Fn() -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let mut first = None;
        loop {
            let before = self.0.changes.done.load(Ordering::SeqCst);
            void();
            let taken = take()?;
            first.get_or_insert(taken);
            if self.0.changes.begun.load(Ordering::SeqCst) == before {
                break;
            }
        }
        Ok(first.expect("it was taken once at least"))
    }

    /// Gives what is kept for a key another expiry; answers whether anything is
    /// kept. In a flight of its own: a build that ends meanwhile is not overwritten
    /// with what was there before, and what is deleted meanwhile stays so.
    pub(crate) fn expire_at(&self, text: String, at: Stamp) -> Result<bool, MemoError> {
        let changed = self.alone(text, async |lead| {
            let _changing = self.0.changes.begin();
            let backing = &self.0.backing;
            backing.expire_at(lead.key(), at, |change| lead.publish(|_| change()))
        });
        Ok(changed??)
    }

    /// Runs `run` in a flight of its own for a key.
    ///
    /// # Errors
    ///
    /// The circle, if this is called by what it would wait for.
    pub(super) fn alone<R>(
        &self,
        text: String,
        run: impl AsyncFnOnce(&Leading<'_>) -> R,
    ) -> Result<R, MemoError> {
        let alone = block_on(self.flights().alone(hash_of(&text), text, run));
        alone.map_err(|error| {
            error.circle().map_or_else(
                || unreachable!("a wait without a limit ends with a landing or a circle"),
                |circle| MemoError::Circle(circle.clone()),
            )
        })
    }
}

impl Changes {
    fn begin(&self) -> Changing<'_> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Changing(self)
    }
}

/// An entry that is being changed.
struct Changing<'c>(&'c Changes);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.done.fetch_add(1, Ordering::SeqCst);
    }
}

impl<S: Store<String, Entry<AnyValue>> + 'static> From<S> for SharedStore {
    fn from(store: S) -> Self {
        SharedStore::new(store)
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedStore({} flights)", self.flights().len())
    }
}

/// A function's own error, of any type.
#[derive(Clone)]
pub(crate) struct AnyFailure(Option<Arc<dyn Any + Send + Sync>>);

impl AnyFailure {
    pub(crate) fn new<E: Any + Send + Sync>(error: E) -> Self {
        AnyFailure(Some(Arc::new(error)))
    }

    /// An error that its caller keeps to itself: it cannot be cloned.
    pub(crate) fn unshared() -> Self {
        AnyFailure(None)
    }

    /// Whether it is an `E`, and not its caller's own.
    pub(crate) fn is<E: Any>(&self) -> bool {
        self.0.as_ref().is_some_and(|error| error.is::<E>())
    }

    pub(crate) fn downcast<E: Any + Send + Sync>(&self) -> Option<Arc<E>> {
        Arc::clone(self.0.as_ref()?).downcast().ok()
    }
}
