use super::{Guards, Lease, Store, StoreError};
#[cfg(feature = "bytes")]
use super::{Tiered, bytes::Encoded};
use crate::clock::Stamp;
use crate::coding::{AnyCoding, Coded, Form};
use crate::entry::{AnyValue, Entry};
use std::any::TypeId;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// In what form a shared store keeps entries: as values, or as bytes.
pub(super) enum Backing {
    Values(Box<dyn Store<String, Entry<AnyValue>>>),
    #[cfg(feature = "bytes")]
    Bytes(Encoded),
    #[cfg(feature = "bytes")]
    Tiered(Tiered),
}

impl Backing {
    /// What is asked of a value, if it is to be kept here.
    pub(super) fn form(&self) -> Form {
        match self {
            Backing::Values(_) => Form::Values,
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.form(),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.form(),
        }
    }

    /// How values of this type become bytes, if the store has been told.
    pub(super) fn known(&self, id: TypeId) -> Option<Arc<dyn AnyCoding>> {
        match self {
            Backing::Values(_) => {
                _ = id;
                None
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.known(id),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.known(id),
        }
    }

    pub(super) fn find(
        &self,
        text: &String,
        coded: Option<Coded<'_>>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        match self {
            Backing::Values(store) => {
                _ = coded;
                store.get(text)
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.find(text, said(coded)?),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.find(text, said(coded)?),
        }
    }

    /// Each of several keys, with one question to a store of bytes.
    pub(super) fn find_many(
        &self,
        texts: &[&String],
        coded: Option<Coded<'_>>,
    ) -> Vec<Result<Option<Entry<AnyValue>>, StoreError>> {
        match self {
            Backing::Values(store) => {
                _ = coded;
                texts.iter().map(|text| store.get(text)).collect()
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => {
                let keys: Vec<&str> = texts.iter().map(|text| text.as_str()).collect();
                let found = said(coded).and_then(|coded| store.find_many(&keys, coded));
                found.unwrap_or_else(|fault| vec![Err(fault); texts.len()])
            }
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => {
                let found = said(coded).and_then(|coded| store.find_many(texts, coded));
                found.unwrap_or_else(|fault| vec![Err(fault); texts.len()])
            }
        }
    }

    /// What is known of a value.
    pub(super) fn facts(&self, text: &String) -> Result<Option<Entry<()>>, StoreError> {
        match self {
            Backing::Values(store) => Ok(store.get(text)?.map(|entry| entry.with(()))),
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.facts(text),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.facts(text),
        }
    }

    /// Keeps an entry; answers with the one that it replaces, where that is known.
    pub(super) fn put(
        &self,
        text: String,
        entry: &Entry<AnyValue>,
        coded: Option<Coded<'_>>,
        lease: Option<&dyn Lease>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        match self {
            Backing::Values(store) => {
                _ = (coded, lease);
                store.put(text, entry.clone(), entry.expires.hint())
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => {
                store.put(&text, entry, said(coded)?, lease)?;
                Ok(None)
            }
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => {
                store.put(&text, entry, said(coded)?, lease)?;
                Ok(None)
            }
        }
    }

    /// Gives what is kept another expiry, by `put`, which may find that it is not to
    /// be kept any more; answers whether anything is kept.
    pub(super) fn expire_at(
        &self,
        text: &String,
        at: Stamp,
        put: impl FnOnce(&dyn Fn() -> Result<bool, StoreError>) -> Option<Result<bool, StoreError>>,
    ) -> Result<bool, StoreError> {
        let change: Box<dyn Fn() -> Result<bool, StoreError> + '_> = match self {
            Backing::Values(store) => {
                let Some(mut entry) = store.get(text)? else {
                    return Ok(false);
                };
                entry.expires = at;
                Box::new(move || {
                    store.put(text.clone(), entry.clone(), at.hint())?;
                    Ok(true)
                })
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => Box::new(move || store.expire_at(text, at)),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => Box::new(move || store.expire_at(text, at)),
        };
        put(&*change).unwrap_or(Ok(false))
    }

    pub(super) fn delete(&self, text: &String) -> Result<bool, StoreError> {
        match self {
            Backing::Values(store) => Ok(store.delete(text)?.is_some()),
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.store().delete(text),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.delete(text),
        }
    }

    /// Forgets the entries that `goes` recognises; of bytes, those whose keys begin
    /// with `head`.
    pub(super) fn delete_where(
        &self,
        head: &str,
        goes: impl Fn(&str, &AnyValue) -> bool,
    ) -> Result<(), StoreError> {
        match self {
            Backing::Values(store) => {
                _ = head;
                let entries = store.entries()?.into_iter();
                entries
                    .filter(|(key, entry)| goes(key, &entry.value))
                    .try_for_each(|(key, _)| store.delete(&key).map(drop))
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.store().delete_prefix(head),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.delete_prefix(head),
        }
    }

    pub(super) fn clear(&self) -> Result<(), StoreError> {
        match self {
            Backing::Values(store) => store.clear(),
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.store().clear(),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.clear(),
        }
    }

    pub(super) fn tidy(&self, now: SystemTime) -> usize {
        match self {
            Backing::Values(store) => store.tidy(now),
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.store().tidy(now),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.tidy(now),
        }
    }

    pub(super) fn native_ttl(&self, text: &String) -> Result<Option<Duration>, StoreError> {
        match self {
            Backing::Values(store) => store.native_ttl(text),
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.store().native_ttl(text),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.native_ttl(text),
        }
    }

    /// What the store itself has against doing work twice.
    pub(super) fn guards(&self) -> Option<Guards<'_>> {
        match self {
            Backing::Values(store) => store.native_lock().map(Guards::Lock),
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.store().leases().map(Guards::Leases),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.guards(),
        }
    }
}

/// How values become bytes: a call is refused before it comes here without.
#[cfg(feature = "bytes")]
fn said(coded: Option<Coded<'_>>) -> Result<Coded<'_>, StoreError> {
    coded.ok_or_else(|| StoreError::new("encoding", "it is not known how"))
}
