use super::ByteStore;
#[cfg(feature = "async")]
use super::{AsyncByteStore, Unblocked};
use crate::store::StoreError;
use crate::store::caller::Caller;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A store of bytes, for callers of all kinds.
pub(crate) struct Medium {
    store: Arc<dyn ByteStore>,
    #[cfg(feature = "async")]
    unblocked: Unblocked,
}

type Asked<T> = Result<T, StoreError>;

impl Medium {
    pub(super) fn new(store: Arc<dyn ByteStore>) -> Self {
        Medium {
            #[cfg(feature = "async")]
            unblocked: Unblocked::of(Arc::clone(&store)),
            store,
        }
    }

    /// The store, for who blocks.
    pub(crate) fn store(&self) -> &dyn ByteStore {
        &*self.store
    }

    /// The same, to change something: what callers who are gone have begun is over.
    fn settled(&self) -> &dyn ByteStore {
        #[cfg(feature = "async")]
        self.unblocked.settle();
        &*self.store
    }

    /// The store, for who awaits.
    #[cfg(feature = "async")]
    pub(crate) fn awaited(&self) -> &dyn AsyncByteStore {
        self.store.awaited().unwrap_or(&self.unblocked)
    }

    pub(super) async fn get(&self, caller: Caller, key: &str) -> Asked<Option<Vec<u8>>> {
        match caller {
            Caller::Blocks => self.store.get(key),
            #[cfg(feature = "async")]
            Caller::Awaits => self.awaited().get(key).await,
        }
    }

    pub(super) async fn get_many(
        &self,
        caller: Caller,
        keys: &[&str],
    ) -> Asked<Vec<Option<Vec<u8>>>> {
        match caller {
            Caller::Blocks => self.store.get_many(keys),
            #[cfg(feature = "async")]
            Caller::Awaits => self.awaited().get_many(keys).await,
        }
    }

    pub(super) async fn put(
        &self,
        caller: Caller,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> Asked<()> {
        match caller {
            Caller::Blocks => self.settled().put(key, bytes, expires),
            #[cfg(feature = "async")]
            Caller::Awaits => self.awaited().put(key, bytes, expires).await,
        }
    }

    pub(super) async fn put_if_absent(
        &self,
        caller: Caller,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> Asked<Option<bool>> {
        match caller {
            Caller::Blocks => self.settled().put_if_absent(key, bytes, expires),
            #[cfg(feature = "async")]
            Caller::Awaits => self.awaited().put_if_absent(key, bytes, expires).await,
        }
    }

    pub(super) async fn replace(
        &self,
        caller: Caller,
        key: &str,
        old: &[u8],
        new: &[u8],
        expires: Option<SystemTime>,
    ) -> Asked<bool> {
        match caller {
            Caller::Blocks => self.settled().replace(key, old, new, expires),
            #[cfg(feature = "async")]
            Caller::Awaits => self.awaited().replace(key, old, new, expires).await,
        }
    }

    pub(crate) async fn delete(&self, caller: Caller, key: &str) -> Asked<bool> {
        match caller {
            Caller::Blocks => self.settled().delete(key),
            #[cfg(feature = "async")]
            Caller::Awaits => self.awaited().delete(key).await,
        }
    }

    pub(crate) async fn delete_prefix(&self, caller: Caller, prefix: &str) -> Asked<()> {
        match caller {
            Caller::Blocks => self.settled().delete_prefix(prefix),
            #[cfg(feature = "async")]
            Caller::Awaits => self.awaited().delete_prefix(prefix).await,
        }
    }

    pub(crate) async fn clear(&self, caller: Caller) -> Asked<()> {
        match caller {
            Caller::Blocks => self.settled().clear(),
            #[cfg(feature = "async")]
            Caller::Awaits => self.awaited().clear().await,
        }
    }

    pub(crate) async fn tidy(&self, caller: Caller, now: SystemTime) -> usize {
        match caller {
            Caller::Blocks => self.store.tidy(now),
            #[cfg(feature = "async")]
            Caller::Awaits => self.awaited().tidy(now).await.unwrap_or(0),
        }
    }

    pub(crate) async fn native_ttl(&self, caller: Caller, key: &str) -> Asked<Option<Duration>> {
        match caller {
            Caller::Blocks => self.store.native_ttl(key),
            #[cfg(feature = "async")]
            Caller::Awaits => self.awaited().native_ttl(key).await,
        }
    }
}
