use super::values::{Map, Values};
use super::{Becomes, Caller, Guards, Holds, Question, StoreError};
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
    Values(Values),
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

    pub(super) async fn find(
        &self,
        caller: Caller,
        text: &String,
        coded: Option<Coded<'_>>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        match self {
            Backing::Values(store) => {
                _ = coded;
                store.get(caller, text).await
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.find(caller, text, said(coded)?).await,
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.find(caller, text, said(coded)?).await,
        }
    }

    /// Each of several keys, in their order, with one question to a store of bytes.
    pub(super) async fn find_many(
        &self,
        caller: Caller,
        questions: &[Question<'_>],
    ) -> Vec<Result<Option<Entry<AnyValue>>, StoreError>> {
        #[cfg(feature = "bytes")]
        let each = |fault| vec![Err(fault); questions.len()];
        match self {
            Backing::Values(store) => {
                let mut found = Vec::with_capacity(questions.len());
                for question in questions {
                    found.push(store.get(caller, question.text).await);
                }
                found
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => match asked(questions) {
                Ok(asked) => store.find_many(caller, &asked).await.unwrap_or_else(each),
                Err(fault) => each(fault),
            },
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => match asked(questions) {
                Ok(asked) => store.find_many(caller, &asked).await.unwrap_or_else(each),
                Err(fault) => each(fault),
            },
        }
    }

    /// Keeps an entry unless something is kept; answers whether it is, or nothing where
    /// the store cannot do that in one step.
    pub(super) async fn add(
        &self,
        caller: Caller,
        text: &String,
        entry: &Entry<AnyValue>,
        coded: Coded<'_>,
    ) -> Result<Option<bool>, StoreError> {
        match self {
            Backing::Values(_) => {
                _ = (caller, text, entry, coded);
                Ok(None)
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.add(caller, text, entry, coded).await,
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.add(caller, text, entry, coded).await,
        }
    }

    /// Replaces what is kept by what `change` makes of it, unless it is another by then;
    /// answers whether it was replaced.
    pub(super) async fn change(
        &self,
        caller: Caller,
        text: &String,
        coded: Coded<'_>,
        change: &Becomes,
    ) -> Result<bool, StoreError> {
        match self {
            Backing::Values(store) => {
                _ = coded;
                let Some(entry) = store.get(caller, text).await? else {
                    return Ok(false);
                };
                let changed = change(&entry)?;
                store.put(caller, text.clone(), changed).await?;
                Ok(true)
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.change(caller, text, coded, change).await,
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.change(caller, text, coded, change).await,
        }
    }

    /// Whether values are kept as they are.
    pub(super) fn is_memory(&self) -> bool {
        matches!(self, Backing::Values(_))
    }

    /// The store of values, if it is in memory.
    #[inline]
    pub(super) fn at_hand(&self) -> Option<&Map> {
        match self {
            Backing::Values(store) => store.at_hand(),
            #[cfg(feature = "bytes")]
            Backing::Bytes(_) | Backing::Tiered(_) => None,
        }
    }

    /// Whether callers who await wait for it.
    #[cfg(feature = "async")]
    pub(super) fn may_block(&self) -> bool {
        match self {
            Backing::Values(store) => store.may_block(),
            #[cfg(feature = "bytes")]
            Backing::Bytes(_) | Backing::Tiered(_) => true,
        }
    }

    /// Whether nothing is kept, as far as that can be told.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Backing::Values(store) => store.is_empty(),
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
    pub(super) async fn facts(
        &self,
        caller: Caller,
        text: &String,
    ) -> Result<Option<Entry<()>>, StoreError> {
        match self {
            Backing::Values(store) => {
                Ok(store.get(caller, text).await?.map(|entry| entry.with(())))
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.facts(caller, text).await,
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.facts(caller, text).await,
        }
    }

    /// Keeps an entry; answers with the one that it replaces, where that is known.
    pub(super) async fn put(
        &self,
        caller: Caller,
        text: String,
        entry: &Entry<AnyValue>,
        coded: Option<Coded<'_>>,
        lease: Option<Holds<'_>>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        match self {
            Backing::Values(store) => {
                _ = (coded, lease);
                store.put(caller, text, entry.clone()).await
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => {
                store.put(caller, &text, entry, said(coded)?, lease).await?;
                Ok(None)
            }
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => {
                store.put(caller, &text, entry, said(coded)?, lease).await?;
                Ok(None)
            }
        }
    }

    /// Keeps an entry in place of whatever is there, also of what a later version keeps
    /// for its like alone.
    pub(super) async fn overwrite(
        &self,
        caller: Caller,
        text: String,
        entry: &Entry<AnyValue>,
        coded: Coded<'_>,
    ) -> Result<(), StoreError> {
        match self {
            Backing::Values(store) => {
                _ = coded;
                store.put(caller, text, entry.clone()).await.map(drop)
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.overwrite(caller, &text, entry, coded, None).await,
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.overwrite(caller, &text, entry, coded).await,
        }
    }

    /// Gives what is kept another expiry, unless it is not to be kept any more, as
    /// `may_put` says in between; answers whether anything is kept.
    pub(super) async fn expire_at(
        &self,
        caller: Caller,
        text: &String,
        at: Stamp,
        may_put: impl FnOnce() -> bool,
    ) -> Result<bool, StoreError> {
        match self {
            Backing::Values(store) => {
                let Some(mut entry) = store.get(caller, text).await? else {
                    return Ok(false);
                };
                entry.expires = at;
                if !may_put() {
                    return Ok(false);
                }
                store.put(caller, text.clone(), entry).await?;
                Ok(true)
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => match may_put() {
                true => store.expire_at(caller, text, at).await,
                false => Ok(false),
            },
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => match may_put() {
                true => store.expire_at(caller, text, at).await,
                false => Ok(false),
            },
        }
    }

    pub(super) async fn delete(&self, caller: Caller, text: &String) -> Result<bool, StoreError> {
        match self {
            Backing::Values(store) => store.delete(caller, text).await,
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.medium().delete(caller, text).await,
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.delete(caller, text).await,
        }
    }

    /// Forgets the entries that `goes` recognises; of bytes, those whose keys begin
    /// with `head`.
    pub(super) async fn delete_where(
        &self,
        caller: Caller,
        head: &str,
        goes: &Goes<'_>,
    ) -> Result<(), StoreError> {
        match self {
            Backing::Values(store) => {
                _ = head;
                for (key, entry) in store.entries(caller).await? {
                    if goes(&key, &entry.value) {
                        store.delete(caller, &key).await?;
                    }
                }
                Ok(())
            }
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.medium().delete_prefix(caller, head).await,
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.delete_prefix(caller, head).await,
        }
    }

    pub(super) async fn clear(&self, caller: Caller) -> Result<(), StoreError> {
        match self {
            Backing::Values(store) => store.clear(caller).await,
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.medium().clear(caller).await,
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.clear(caller).await,
        }
    }

    pub(super) async fn tidy(&self, caller: Caller, now: SystemTime) -> usize {
        match self {
            Backing::Values(store) => store.tidy(caller, now).await,
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.medium().tidy(caller, now).await,
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.tidy(caller, now).await,
        }
    }

    pub(super) async fn native_ttl(
        &self,
        caller: Caller,
        text: &String,
    ) -> Result<Option<Duration>, StoreError> {
        match self {
            Backing::Values(store) => store.native_ttl(caller, text).await,
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => store.medium().native_ttl(caller, text).await,
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => store.native_ttl(caller, text).await,
        }
    }

    /// What the store itself has against doing work twice.
    pub(super) fn guards(&self) -> Option<Guards<'_>> {
        match self {
            Backing::Values(store) => store.native_lock().map(|_| Guards::Native(store)),
            #[cfg(feature = "bytes")]
            Backing::Bytes(store) => Guards::leases(store.medium()),
            #[cfg(feature = "bytes")]
            Backing::Tiered(store) => Guards::leases(store.far().medium()),
        }
    }
}

/// Which values go.
pub(super) type Goes<'g> = dyn Fn(&str, &AnyValue) -> bool + Sync + 'g;

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
