use super::backing::{Backing, Goes};
use super::values::{Map, Values};
use super::{Caller, Guards, Holds, Question, Store, StoreError};
use crate::clock::Stamp;
use crate::coding::{AnyCoding, Coded, Form};
use crate::drive::at_once;
use crate::entry::{AnyValue, Entry};
use crate::error::MemoError;
use crate::flight::{Flights, Lead, Leaders};
use crate::key::hash_of;
use crate::refresh::{Ended, Refreshes};
use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

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

/// Asks the store. Where its caller has to wait for it, that is by a future in a box: what
/// asks is no larger for what the store is made of, and where it is in memory there is none.
macro_rules! asked {
    ($store:ident, $caller:ident, $asks:expr) => {
        match $caller {
            #[cfg(feature = "async")]
            Caller::Awaits if $store.0.backing.may_block() => Box::pin($asks).await,
            _ => at_once($asks),
        }
    };
}

impl SharedStore {
    /// Wraps a store.
    pub fn new(store: impl Store<String, Entry<AnyValue>> + 'static) -> Self {
        SharedStore::of(Backing::Values(Values::new(store)))
    }

    /// The keys that are being built, and since when: those of functions with their
    /// arguments, and of background refreshes too. It is for people who look on: what is
    /// answered has changed when it is read.
    ///
    /// ```
    /// use mementos::store::{MemoryStore, SharedStore};
    /// use mementos::{AnyValue, Entry, Memoizer};
    ///
    /// let store = SharedStore::new(MemoryStore::<String, Entry<AnyValue>>::new());
    /// let memo = Memoizer::new(store.clone());
    /// let inside = memo.get("key", || store.building()).unwrap();
    /// assert_eq!(inside[0].0, "key");
    /// assert!(store.building().is_empty());
    /// ```
    pub fn building(&self) -> Vec<(String, Instant)> {
        let flights = self.flights().under_way();
        let building = flights.iter();
        building
            .map(|flight| (flight.key().clone(), flight.since().instant()))
            .collect()
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

    pub(crate) async fn find(
        &self,
        caller: Caller,
        text: &String,
        coded: Option<Coded<'_>>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        if let Some(store) = self.0.backing.at_hand() {
            return store.get(text);
        }
        asked!(self, caller, self.0.backing.find(caller, text, coded))
    }

    pub(crate) async fn find_many(
        &self,
        caller: Caller,
        questions: &[Question<'_>],
    ) -> Vec<Result<Option<Entry<AnyValue>>, StoreError>> {
        asked!(self, caller, self.0.backing.find_many(caller, questions))
    }

    /// Has the next put for a key replace whatever is kept, also what is for later
    /// versions alone.
    pub(crate) fn take_over(&self, text: &str) {
        self.0.backing.take_over(text);
    }

    /// The store of values, if it is in memory.
    #[inline]
    pub(crate) fn at_hand(&self) -> Option<&Map> {
        self.0.backing.at_hand()
    }

    pub(super) fn backing(&self) -> &Backing {
        &self.0.backing
    }

    /// Whether nothing is kept, and nothing is built to be kept.
    pub(crate) fn is_idle(&self) -> bool {
        self.flights().len() == 0 && self.0.backing.is_empty()
    }

    /// What is known of a value, which is not looked at.
    pub(crate) async fn facts(
        &self,
        caller: Caller,
        text: &String,
    ) -> Result<Option<Entry<()>>, StoreError> {
        asked!(self, caller, self.0.backing.facts(caller, text))
    }

    pub(crate) async fn put(
        &self,
        caller: Caller,
        text: String,
        entry: &Entry<AnyValue>,
        coded: Option<Coded<'_>>,
        lease: Option<Holds<'_>>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        let backing = &self.0.backing;
        if let Some(store) = backing.at_hand() {
            return store.put(text, entry.clone(), entry.until().hint());
        }
        asked!(self, caller, backing.put(caller, text, entry, coded, lease))
    }

    pub(crate) async fn tidy(&self, caller: Caller, now: SystemTime) -> usize {
        if let Some(store) = self.0.backing.at_hand() {
            return store.tidy(now);
        }
        asked!(self, caller, self.0.backing.tidy(caller, now))
    }

    pub(crate) async fn native_ttl(
        &self,
        caller: Caller,
        text: &String,
    ) -> Result<Option<Duration>, StoreError> {
        asked!(self, caller, self.0.backing.native_ttl(caller, text))
    }

    /// What the store itself has against doing work twice.
    pub(crate) fn guards(&self) -> Option<Guards<'_>> {
        self.0.backing.guards()
    }

    /// Forgets a key.
    pub(crate) async fn delete(&self, caller: Caller, text: &String) -> Result<bool, StoreError> {
        self.forget(caller, Which::Key(text)).await
    }

    /// Forgets the entries that `goes` recognises, and voids the flights whose keys
    /// begin with `head`.
    pub(crate) async fn delete_where(
        &self,
        caller: Caller,
        head: &str,
        goes: &Goes<'_>,
    ) -> Result<(), StoreError> {
        let forgotten = self.forget(caller, Which::Where(head, goes)).await;
        forgotten.map(drop)
    }

    /// Forgets everything.
    pub(crate) async fn clear(&self, caller: Caller) -> Result<(), StoreError> {
        self.forget(caller, Which::All).await.map(drop)
    }

    /// Voids the flights, then takes out what is kept. In this order: what they may
    /// still have put is there by then, and goes too. Answers whether a key was kept.
    ///
    /// And once more, if an entry is being changed meanwhile:
    ///
    /// ```text
    ///   this caller                another, who changes an expiry
    ///   voids: there is no flight
    ///                              begins a flight; reads the entry
    ///   takes the entry out
    ///                              puts it back
    /// ```
    ///
    /// A change that begins after the first time reads nothing old.
    async fn forget(&self, caller: Caller, which: Which<'_>) -> Result<bool, StoreError> {
        let Changes { begun, done } = &self.0.changes;
        let before = done.load(Ordering::SeqCst);
        self.void(which).await;
        let taken = asked!(self, caller, self.take(caller, which))?;
        if begun.load(Ordering::SeqCst) != before {
            self.void(which).await;
            asked!(self, caller, self.take(caller, which))?;
        }
        Ok(taken)
    }

    /// Voids the flights, and then the jobs that may have begun them.
    async fn void(&self, which: Which<'_>) {
        match which {
            Which::Key(text) => {
                let (hash, asked) = (hash_of(text), text.as_str());
                self.flights().void(hash, &asked).await;
                self.refreshes().void(hash, &asked);
            }
            Which::Where(head, _) => self.void_where(|text| text.starts_with(head)).await,
            Which::All => self.void_where(|_| true).await,
        }
    }

    async fn void_where(&self, goes: impl Fn(&str) -> bool) {
        self.flights().void_where(|text| goes(text)).await;
        self.refreshes().void_where(|text| goes(text));
    }

    async fn take(&self, caller: Caller, which: Which<'_>) -> Result<bool, StoreError> {
        let backing = &self.0.backing;
        match which {
            Which::Key(text) => return backing.delete(caller, text).await,
            Which::Where(head, goes) => backing.delete_where(caller, head, goes).await?,
            Which::All => backing.clear(caller).await?,
        }
        Ok(false)
    }

    /// Gives what is kept for a key another expiry; answers whether anything is
    /// kept. In a flight of its own: a build that ends meanwhile is not overwritten
    /// with what was there before, and what is deleted meanwhile stays so.
    pub(crate) async fn expire_at(
        &self,
        caller: Caller,
        text: String,
        at: Stamp,
    ) -> Result<bool, MemoError> {
        let lead = self.alone(text).await?;
        let _changing = self.0.changes.begin();
        let backing = &self.0.backing;
        let may_put = || lead.may_publish();
        let change = async {
            asked!(
                self,
                caller,
                backing.expire_at(caller, lead.key(), at, may_put)
            )
        };
        Ok(lead.inside(change).await?)
    }

    /// Leads a flight for a key, and nobody else does until that is dropped.
    ///
    /// # Errors
    ///
    /// The circle, if this is called by what it would wait for.
    pub(super) async fn alone(&self, text: String) -> Result<Leading<'_>, MemoError> {
        let lead = self.flights().alone(hash_of(&text), text).await;
        lead.map_err(|error| {
            let circle = error.circle().cloned();
            let circle = circle.expect("a wait without a limit ends with a lead or a circle");
            MemoError::Circle(circle)
        })
    }
}

/// What is to be forgotten.
#[derive(Clone, Copy)]
enum Which<'w> {
    Key(&'w String),
    /// The entries that are recognised, and the flights whose keys begin so.
    Where(&'w str, &'w Goes<'w>),
    All,
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
