//! What is kept by text keys: whether it is there, until when, and that it goes.

use super::by_hand::{Value, coded};
use super::groups::standing;
use super::path::Mode;
use super::{Event, Memoizer};
use crate::drive::{at_once, block_on};
use crate::entry::Entry;
use crate::error::{MemoError, RegionError};
use crate::etag::Etag;
use crate::generation::Standing;
use crate::options::{Options, Terms};
use crate::store::{Caller, StoreError};
use std::any::TypeId;
use std::time::{Duration, SystemTime};

impl Memoizer {
    /// Whether a call would be answered by what is kept.
    ///
    /// # Errors
    ///
    /// If this handle's options name an unknown region. A store that fails has not
    /// got the key.
    pub fn exists(&self, key: &str) -> Result<bool, RegionError> {
        at_once(self.exists_for(Caller::Blocks, key))
    }

    /// As [`exists`](Self::exists), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`exists`](Self::exists).
    #[cfg(feature = "async")]
    pub async fn exists_async(&self, key: &str) -> Result<bool, RegionError> {
        self.exists_for(Caller::Awaits, key).await
    }

    async fn exists_for(&self, caller: Caller, key: &str) -> Result<bool, RegionError> {
        let terms = self.terms(&Options::new())?;
        let call = self.call(caller, &terms, Mode::Take, None);
        let holder = self.holder(&terms);
        let found = self.store_of(&terms).facts(caller, &terms.full(key)).await;
        let Some(entry) = self.told(&terms, found) else {
            return Ok(false);
        };
        Ok(call.verdict(holder, &entry).await.is_fresh())
    }

    /// What is kept for `key`, whether fresh or not, if it is a `V`.
    ///
    /// # Errors
    ///
    /// As [`exists`](Self::exists).
    pub fn entry<V: Value>(&self, key: &str) -> Result<Option<Entry<V>>, RegionError> {
        at_once(self.entry_for(Caller::Blocks, key))
    }

    /// As [`entry`](Self::entry), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`exists`](Self::exists).
    #[cfg(feature = "async")]
    pub async fn entry_async<V: Value>(&self, key: &str) -> Result<Option<Entry<V>>, RegionError> {
        self.entry_for(Caller::Awaits, key).await
    }

    async fn entry_for<V: Value>(
        &self,
        caller: Caller,
        key: &str,
    ) -> Result<Option<Entry<V>>, RegionError> {
        let terms = self.terms(&Options::new())?;
        let store = self.store_of(&terms);
        let known = store.known(TypeId::of::<V>());
        let coded = coded(known.as_deref(), &terms);
        let found = store.find(caller, &terms.full(key), coded).await;
        let Some(entry) = self.told(&terms, found) else {
            return Ok(None);
        };
        let is_there = self.is_there(caller, &terms, &entry).await;
        let value = entry.value.downcast_ref::<V>().filter(|_| is_there);
        Ok(value.cloned().map(|value| entry.with(value)))
    }

    /// How long what is kept for `key` will still be kept; nothing if it is not
    /// kept, or has no end.
    ///
    /// # Errors
    ///
    /// As [`exists`](Self::exists).
    pub fn ttl(&self, key: &str) -> Result<Option<Duration>, RegionError> {
        at_once(self.ttl_for(Caller::Blocks, key))
    }

    /// As [`ttl`](Self::ttl), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`exists`](Self::exists).
    #[cfg(feature = "async")]
    pub async fn ttl_async(&self, key: &str) -> Result<Option<Duration>, RegionError> {
        self.ttl_for(Caller::Awaits, key).await
    }

    async fn ttl_for(&self, caller: Caller, key: &str) -> Result<Option<Duration>, RegionError> {
        let terms = self.terms(&Options::new())?;
        let Some(entry) = self.facts(caller, &terms, key).await else {
            return Ok(None);
        };
        let left = entry.left(self.settings().clock().now());
        let text = terms.full(key);
        let native = self.store_of(&terms).native_ttl(caller, &text).await;
        let left = left.into_iter().chain(native.ok().flatten()).min();
        Ok(left.filter(|left| !left.is_zero()))
    }

    /// The etag of what is kept for `key`.
    ///
    /// # Errors
    ///
    /// As [`exists`](Self::exists).
    pub fn etag(&self, key: &str) -> Result<Option<Etag>, RegionError> {
        at_once(self.etag_for(Caller::Blocks, key))
    }

    /// As [`etag`](Self::etag), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`exists`](Self::exists).
    #[cfg(feature = "async")]
    pub async fn etag_async(&self, key: &str) -> Result<Option<Etag>, RegionError> {
        self.etag_for(Caller::Awaits, key).await
    }

    async fn etag_for(&self, caller: Caller, key: &str) -> Result<Option<Etag>, RegionError> {
        let terms = self.terms(&Options::new())?;
        let entry = self.facts(caller, &terms, key).await;
        Ok(entry.and_then(|entry| entry.etag().cloned()))
    }

    /// Has what is kept for `key` expire after `age` from now on; answers whether
    /// anything is kept. Its stale period follows, if it has one: so 0 has it refreshed
    /// while it is served.
    ///
    /// # Errors
    ///
    /// If the store fails, or if this is called by the build of that very key.
    pub fn expire(&self, key: &str, age: Duration) -> Result<bool, MemoError> {
        self.expire_at(key, self.in_time(age))
    }

    /// As [`expire`](Self::expire), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`expire`](Self::expire).
    #[cfg(feature = "async")]
    pub async fn expire_async(&self, key: &str, age: Duration) -> Result<bool, MemoError> {
        self.expire_at_async(key, self.in_time(age)).await
    }

    /// Has what is kept for `key` expire at `time`; answers whether anything is
    /// kept.
    ///
    /// # Errors
    ///
    /// As [`expire`](Self::expire).
    pub fn expire_at(&self, key: &str, time: SystemTime) -> Result<bool, MemoError> {
        block_on(self.expire_at_for(Caller::Blocks, key, time))
    }

    /// As [`expire_at`](Self::expire_at), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`expire`](Self::expire).
    #[cfg(feature = "async")]
    pub async fn expire_at_async(&self, key: &str, time: SystemTime) -> Result<bool, MemoError> {
        self.expire_at_for(Caller::Awaits, key, time).await
    }

    async fn expire_at_for(
        &self,
        caller: Caller,
        key: &str,
        time: SystemTime,
    ) -> Result<bool, MemoError> {
        let terms = self.terms(&Options::new())?;
        let store = self.store_of(&terms);
        store.expire_at(caller, terms.full(key), time.into()).await
    }

    /// Forgets `key`; answers whether anything was kept. A build of it that is
    /// under way answers its callers, and is not kept.
    ///
    /// # Errors
    ///
    /// If the store fails: the value may still be there.
    pub fn delete(&self, key: &str) -> Result<bool, MemoError> {
        block_on(self.delete_for(Caller::Blocks, key))
    }

    /// As [`delete`](Self::delete), for callers that await. One that is dropped before it
    /// is ready may have deleted the key or not.
    ///
    /// # Errors
    ///
    /// As [`delete`](Self::delete).
    #[cfg(feature = "async")]
    pub async fn delete_async(&self, key: &str) -> Result<bool, MemoError> {
        self.delete_for(Caller::Awaits, key).await
    }

    async fn delete_for(&self, caller: Caller, key: &str) -> Result<bool, MemoError> {
        let terms = self.terms(&Options::new())?;
        let store = self.store_of(&terms);
        let removed = store.delete(caller, &terms.full(key)).await?;
        self.shared.counters.removals.add(removed.into());
        Ok(removed)
    }

    /// Forgets all results: in the store, and in every function's own table.
    ///
    /// # Errors
    ///
    /// The first store that failed. The others are cleared. Stores that only a
    /// region, a function or a call names are not known here: ask the function.
    pub fn clear(&self) -> Result<(), StoreError> {
        block_on(self.clear_for(Caller::Blocks))
    }

    /// As [`clear`](Self::clear), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`clear`](Self::clear).
    #[cfg(feature = "async")]
    pub async fn clear_async(&self) -> Result<(), StoreError> {
        self.clear_for(Caller::Awaits).await
    }

    async fn clear_for(&self, caller: Caller) -> Result<(), StoreError> {
        let store = self
            .settings()
            .read(|book| book.defaults.store.value().cloned());
        let own = self.adds.as_ref().and_then(|it| it.store.value().cloned());
        let mut cleared = Ok(());
        for store in store.iter().chain(&own).chain([&self.shared.memory]) {
            cleared = cleared.and(store.clear(caller).await);
        }
        for (_, function) in self.shared.functions.iter() {
            cleared = cleared.and(function.clear_tables());
        }
        cleared
    }

    fn in_time(&self, age: Duration) -> SystemTime {
        self.settings().clock().now().after(age).into()
    }

    /// What is known of what is kept for a key, whatever its type, unless a group that
    /// it is in has been invalidated.
    async fn facts(&self, caller: Caller, terms: &Terms, key: &str) -> Option<Entry<()>> {
        let found = self.store_of(terms).facts(caller, &terms.full(key)).await;
        let entry = self.told(terms, found)?;
        self.is_there(caller, terms, &entry).await.then_some(entry)
    }

    /// Whether no group that an entry is in has been invalidated.
    async fn is_there<V>(&self, caller: Caller, terms: &Terms, entry: &Entry<V>) -> bool {
        let fault = |fault: &StoreError| self.log(terms).tell(Event::StoreFault(fault));
        let standing = standing(caller, self.holder(terms), entry.groups(), fault);
        standing.await != Standing::Gone
    }

    /// What was found. A fault is told, and counts as a miss.
    fn told<V>(
        &self,
        terms: &Terms,
        found: Result<Option<Entry<V>>, StoreError>,
    ) -> Option<Entry<V>> {
        found.unwrap_or_else(|fault| {
            self.log(terms).tell(Event::StoreFault(&fault));
            None
        })
    }
}
