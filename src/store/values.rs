#[cfg(feature = "async")]
use super::apart::Apart;
use super::caller::Caller;
use super::{Lock, Store, StoreError};
use crate::entry::{AnyValue, Entry};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

type Kept = Entry<AnyValue>;
pub(crate) type Map = dyn Store<String, Kept>;
type Asked<T> = Result<T, StoreError>;

/// A store of entries as they are, for callers of all kinds. Who awaits asks it as who
/// blocks does, unless it may block.
pub(crate) struct Values {
    store: Arc<Map>,
    /// The way there for who awaits, if it may block.
    #[cfg(feature = "async")]
    apart: Option<Apart<Map>>,
}

impl Values {
    pub(super) fn new(store: impl Store<String, Kept> + 'static) -> Self {
        let store: Arc<Map> = Arc::new(store);
        Values {
            #[cfg(feature = "async")]
            apart: store.may_block().then(|| Apart::new(Arc::clone(&store))),
            store,
        }
    }

    /// The store, for who changes something where it is: what callers who are gone have
    /// begun is over.
    fn settled(&self) -> &Map {
        #[cfg(feature = "async")]
        if let Some(apart) = &self.apart {
            apart.settle();
        }
        &*self.store
    }

    #[cfg(feature = "async")]
    pub(super) fn may_block(&self) -> bool {
        self.apart.is_some()
    }

    /// The store, if it is in memory: then it is asked without more ado.
    #[inline]
    pub(super) fn at_hand(&self) -> Option<&Map> {
        #[cfg(feature = "async")]
        if self.apart.is_some() {
            return None;
        }
        Some(&*self.store)
    }

    /// The way there for this caller, if it must not block.
    #[cfg(feature = "async")]
    fn apart(&self, caller: Caller) -> Option<&Apart<Map>> {
        self.apart.as_ref().filter(|_| caller == Caller::Awaits)
    }

    /// Its lock.
    pub(super) fn native_lock(&self) -> Option<&dyn Lock> {
        self.store.native_lock()
    }

    #[cfg(feature = "async")]
    pub(super) fn store(&self) -> &Arc<Map> {
        &self.store
    }

    /// Whether nothing is kept, as far as that can be told.
    pub(super) fn is_empty(&self) -> bool {
        self.store.is_empty().unwrap_or(false)
    }

    pub(super) async fn get(&self, caller: Caller, text: &String) -> Asked<Option<Kept>> {
        #[cfg(feature = "async")]
        if let Some(apart) = self.apart(caller) {
            let text = text.clone();
            return apart.ask(move |store| store.get(&text)).await;
        }
        _ = caller;
        self.store.get(text)
    }

    /// Keeps an entry; answers with the one that it replaces.
    pub(super) async fn put(
        &self,
        caller: Caller,
        text: String,
        entry: Kept,
    ) -> Asked<Option<Kept>> {
        let expires = entry.until().hint();
        #[cfg(feature = "async")]
        if let Some(apart) = self.apart(caller) {
            return apart
                .change(move |store| store.put(text, entry, expires))
                .await;
        }
        _ = caller;
        self.settled().put(text, entry, expires)
    }

    pub(super) async fn delete(&self, caller: Caller, text: &String) -> Asked<bool> {
        #[cfg(feature = "async")]
        if let Some(apart) = self.apart(caller) {
            let text = text.clone();
            return apart
                .change(move |store| Ok(store.delete(&text)?.is_some()))
                .await;
        }
        _ = caller;
        Ok(self.settled().delete(text)?.is_some())
    }

    pub(super) async fn entries(&self, caller: Caller) -> Asked<Vec<(String, Kept)>> {
        #[cfg(feature = "async")]
        if let Some(apart) = self.apart(caller) {
            return apart.ask(move |store| store.entries()).await;
        }
        _ = caller;
        self.store.entries()
    }

    pub(super) async fn clear(&self, caller: Caller) -> Asked<()> {
        #[cfg(feature = "async")]
        if let Some(apart) = self.apart(caller) {
            return apart.change(move |store| store.clear()).await;
        }
        _ = caller;
        self.settled().clear()
    }

    pub(super) async fn tidy(&self, caller: Caller, now: SystemTime) -> usize {
        #[cfg(feature = "async")]
        if let Some(apart) = self.apart(caller) {
            return apart.change(move |store| store.tidy(now)).await;
        }
        _ = caller;
        self.store.tidy(now)
    }

    pub(super) async fn native_ttl(
        &self,
        caller: Caller,
        text: &String,
    ) -> Asked<Option<Duration>> {
        #[cfg(feature = "async")]
        if let Some(apart) = self.apart(caller) {
            let text = text.clone();
            return apart.ask(move |store| store.native_ttl(&text)).await;
        }
        _ = caller;
        self.store.native_ttl(text)
    }
}
