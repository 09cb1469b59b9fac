use super::{Becomes, Guards, Lease, Question, Store, StoreError};
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

    /// Each of several keys, in their order, with one question to a store of bytes.
    pub(super) fn find_many(
        &self,
        questions: &[Question<'_>],
    ) -> Vec<Result<Option<Entry<AnyValue>>, StoreError>> {
        #[cfg(feature = "bytes")]
        let each = |fault| vec![Err(fault); questions.len()];
        match self {
            Backing::Values(store) => questions.iter().map(|q| store.get(q.text)).collect(),
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => {
                let asked = asked(questions);
                let found = asked.and_then(|asked| store.find_many(&asked));
                found.unwrap_or_else(each)
            }
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => {
                let asked = asked(questions);
                let found = asked.and_then(|asked| store.find_many(&asked));
                found.unwrap_or_else(each)
            }
        }
    }

    /// Keeps an entry unless something is kept; answers whether it is, or nothing where
    /// the store cannot do that in one step.
    pub(super) fn add(
        &self,
        text: &String,
        entry: &Entry<AnyValue>,
        coded: Coded<'_>,
    ) -> Result<Option<bool>, StoreError> {
        match self {
            Backing::Values(_) => {
                _ = (text, entry, coded);
                Ok(None)
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.add(text, entry, coded),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.add(text, entry, coded),
        }
    }

    /// Replaces what is kept by what `change` makes of it, unless it is another by then;
    /// answers whether it was replaced.
    pub(super) fn change(
        &self,
        text: &String,
        coded: Coded<'_>,
        change: &Becomes,
    ) -> Result<bool, StoreError> {
        match self {
            Backing::Values(store) => {
                _ = coded;
                let Some(entry) = store.get(text)? else {
                    return Ok(false);
                };
                let changed = change(&entry)?;
                let hint = changed.until().hint();
                store.put(text.clone(), changed, hint)?;
                Ok(true)
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.change(text, coded, change),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.change(text, coded, change),
        }
    }

    /// Whether values are kept as they are.
    pub(super) fn is_memory(&self) -> bool {
        matches!(self, Backing::Values(_))
    }

    /// Whether nothing is kept, as far as that can be told.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Backing::Values(store) => store.is_empty().unwrap_or(false),
            #[cfg(feature = "bytes")]
            Backing::Bytes(_) | Backing::Tiered(_) => false,
        }
    }

    /// Has the next put for a key replace whatever is kept.
    pub(super) fn take_over(&self, text: &str) {
        match self {
            Backing::Values(_) => _ = text,
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.take_over(text),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.take_over(text),
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
                store.put(text, entry.clone(), entry.until().hint())
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

    /// Keeps an entry in place of whatever is there, also of what a later version keeps
    /// for its like alone.
    pub(super) fn overwrite(
        &self,
        text: String,
        entry: &Entry<AnyValue>,
        coded: Coded<'_>,
    ) -> Result<(), StoreError> {
        match self {
            Backing::Values(_) => self.put(text, entry, Some(coded), None).map(drop),
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.overwrite(&text, entry, coded, None),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.overwrite(&text, entry, coded),
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
                    store.put(text.clone(), entry.clone(), entry.until().hint())?;
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

/// The keys, and how what is there becomes values.
#[cfg(feature = "bytes")]
fn asked<'q>(questions: &[Question<'q>]) -> Result<Vec<(&'q String, Coded<'q>)>, StoreError> {
    let asked = |q: &Question<'q>| Ok((q.text, said(q.coded)?));
    questions.iter().map(asked).collect()
}

/// How values become bytes: a call is refused before it comes here without.
#[cfg(feature = "bytes")]
fn said(coded: Option<Coded<'_>>) -> Result<Coded<'_>, StoreError> {
    coded.ok_or_else(|| StoreError::new("encoding", "it is not known how"))
}
