//! Where results are kept, as a call sees it: a place to look and to put, and the
//! flights into it.

use super::groups::{Asked, Holder};
use crate::clock::Stamp;
use crate::coding::Coded;
use crate::entry::{AnyValue, Entry};
use crate::error::BuildError;
use crate::flight::{Flights, Publish};
use crate::key::{Key, Lookup};
use crate::options::{Answer, Terms};
use crate::refresh::{Ended, Refreshes};
use crate::store::{
    AnyFailure, Caller, Guards, Holds, Question, SharedStore, StoreError, generation,
};
use crate::table::Version;
use std::sync::Arc;

pub(crate) trait Shelf {
    type Key: Key;
    type Value: Clone + Send + Sync + 'static;
    /// What a flight carries where the function's own error is not a value.
    type Failure: Send + Sync + 'static;
    /// What a put pushes out, for the caller to drop with nothing locked.
    type Displaced: Displaces;

    fn flights(&self) -> &Flights<Self::Key, Entry<Self::Value>, Self::Failure>;

    /// The refreshes of what is in there.
    fn refreshes(&self) -> &Arc<Refreshes<Self::Key, Done<Self>>>;

    /// What is kept. A table in memory has nobody wait.
    async fn find<Q: Lookup<Self::Key>>(
        &self,
        caller: Caller,
        hash: u64,
        asked: &Q,
    ) -> Result<Option<Entry<Self::Value>>, StoreError>;

    /// The same, and with the same question what there is of groups.
    async fn find_with<Q: Lookup<Self::Key>>(
        &self,
        caller: Caller,
        hash: u64,
        asked: &Q,
        groups: &Asked,
    ) -> Result<Option<Entry<Self::Value>>, StoreError>;

    /// The same where it is at hand, in memory.
    fn at_hand<Q: Lookup<Self::Key>>(
        &self,
        hash: u64,
        asked: &Q,
    ) -> Option<Result<Option<Entry<Self::Value>>, StoreError>>;

    /// Has the next put replace whatever is kept, also what is for later versions alone.
    fn take_over<Q: Lookup<Self::Key>>(&self, _asked: &Q) {}

    /// Where the generations of groups are held.
    fn holder(&self) -> Holder<'_>;

    /// Whether what was not there, as of that version, may have come by now. For who
    /// leads the flight for it.
    fn may_have_changed(&self, _hash: u64, _since: Version) -> bool {
        true
    }

    /// Puts an entry, by the lease if there is one.
    async fn put(
        &self,
        caller: Caller,
        hash: u64,
        key: Self::Key,
        entry: &Entry<Self::Value>,
        lease: Option<Holds<'_>>,
    ) -> Result<Self::Displaced, StoreError>;

    /// Puts an entry where that is at hand, in memory; or else gives the key back.
    fn put_at_hand(
        &self,
        hash: u64,
        key: Self::Key,
        entry: &Entry<Self::Value>,
    ) -> Result<Result<Self::Displaced, StoreError>, Self::Key>;

    /// How a value gets in.
    fn publish(&self) -> Publish;

    /// Whether anything in there can expire.
    fn expires(&self) -> bool {
        true
    }

    /// Gives up some of what has expired; answers how many that were.
    async fn tidy(&self, caller: Caller, now: Stamp) -> usize;

    /// What the store itself has against doing work twice.
    fn guards(&self) -> Option<Guards<'_>>;

    /// The key as text, for a lock.
    fn text(&self, key: &Self::Key, terms: &Terms) -> String;

    /// Whether what another caller's build ended with means anything to this one.
    fn knows(&self, landed: Result<&Self::Value, &Self::Failure>) -> bool;

    /// Whether a value is an error of the function's own.
    fn fails(&self, value: &Self::Value) -> bool;
}

/// What a job for such a shelf ends with.
pub(crate) type Done<S> = Ended<Entry<<S as Shelf>::Value>, <S as Shelf>::Failure>;

/// What a build of such a shelf's ends with.
pub(crate) type Outcome<S> = Result<Entry<<S as Shelf>::Value>, BuildError<<S as Shelf>::Failure>>;

/// What a put has pushed out.
pub(crate) trait Displaces {
    /// How many results gave way, beside the one that was replaced.
    fn evicted(&self) -> usize {
        0
    }
}

/// A shared store evicts as it likes, and tells that to its own listener.
impl Displaces for Option<Entry<AnyValue>> {}

/// A shared store, for values of which `answer` knows what they are, and errors that
/// `failure` recognises. Any other value under the same key is a fault, and counts as a miss.
pub(crate) struct Among<'s, F> {
    pub(crate) store: &'s SharedStore,
    pub(crate) holder: Holder<'s>,
    pub(crate) answer: F,
    pub(crate) failure: fn(&AnyFailure) -> bool,
    /// How its values become bytes, if that is asked.
    pub(crate) coded: Option<Coded<'s>>,
}

impl<F: Fn(&AnyValue) -> Option<Answer>> Among<'_, F> {
    /// What is kept for several keys, of whatever kind, and with the same question what
    /// there is of groups. The keys come first: in a store that answers for one after
    /// another, a generation is then no older than an entry.
    pub(crate) async fn find_many(
        &self,
        caller: Caller,
        texts: &[&String],
        groups: Option<&Asked>,
    ) -> Vec<Result<Option<Entry<AnyValue>>, StoreError>> {
        let coded = self.coded;
        let keys = texts.iter().map(|text| Question { text, coded });
        let groups = groups.filter(|_| matches!(self.holder, Holder::Store(_)));
        let of_groups = groups.into_iter().flat_map(Asked::keys);
        let questions: Vec<_> = keys.chain(of_groups.map(Question::of_group)).collect();
        let mut found = self.store.find_many(caller, &questions).await;
        let generations = found.split_off(texts.len());
        if let Some(groups) = groups {
            groups.saw(generations.into_iter().map(generation));
        }
        found
    }

    /// What has been found, unless it is of another kind.
    pub(crate) fn recognise(
        &self,
        found: Result<Option<Entry<AnyValue>>, StoreError>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        match found? {
            Some(entry) if (self.answer)(&entry.value).is_none() => {
                let found = format!("there is a value of another kind, {:?}", entry.value);
                Err(StoreError::new("reading", found))
            }
            found => Ok(found),
        }
    }
}

impl<F: Fn(&AnyValue) -> Option<Answer>> Shelf for Among<'_, F> {
    type Key = String;
    type Value = AnyValue;
    type Failure = AnyFailure;
    type Displaced = Option<Entry<AnyValue>>;

    fn flights(&self) -> &Flights<String, Entry<AnyValue>, AnyFailure> {
        self.store.flights()
    }

    fn refreshes(&self) -> &Arc<Refreshes<String, Done<Self>>> {
        self.store.refreshes()
    }

    async fn find<Q: Lookup<String>>(
        &self,
        caller: Caller,
        _hash: u64,
        asked: &Q,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        let text = asked.to_key();
        self.recognise(self.store.find(caller, &text, self.coded).await)
    }

    async fn find_with<Q: Lookup<String>>(
        &self,
        caller: Caller,
        _hash: u64,
        asked: &Q,
        groups: &Asked,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        let text = asked.to_key();
        let mut found = self.find_many(caller, &[&text], Some(groups)).await;
        self.recognise(found.pop().expect("one was asked for"))
    }

    #[inline]
    fn at_hand<Q: Lookup<String>>(
        &self,
        _hash: u64,
        asked: &Q,
    ) -> Option<Result<Option<Entry<AnyValue>>, StoreError>> {
        let store = self.store.at_hand()?;
        Some(self.recognise(store.get(&asked.to_key())))
    }

    fn take_over<Q: Lookup<String>>(&self, asked: &Q) {
        self.store.take_over(&asked.to_key());
    }

    fn holder(&self) -> Holder<'_> {
        self.holder
    }

    async fn put(
        &self,
        caller: Caller,
        _hash: u64,
        key: String,
        entry: &Entry<AnyValue>,
        lease: Option<Holds<'_>>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        self.store.put(caller, key, entry, self.coded, lease).await
    }

    #[inline]
    fn put_at_hand(
        &self,
        _hash: u64,
        key: String,
        entry: &Entry<AnyValue>,
    ) -> Result<Result<Option<Entry<AnyValue>>, StoreError>, String> {
        match self.store.at_hand() {
            Some(store) => Ok(store.put(key, entry.clone(), entry.until().hint())),
            None => Err(key),
        }
    }

    fn publish(&self) -> Publish {
        Publish::InSteps
    }

    async fn tidy(&self, caller: Caller, now: Stamp) -> usize {
        self.store.tidy(caller, now.into()).await
    }

    fn guards(&self) -> Option<Guards<'_>> {
        self.store.guards()
    }

    fn text(&self, key: &String, _: &Terms) -> String {
        key.clone()
    }

    fn knows(&self, landed: Result<&AnyValue, &AnyFailure>) -> bool {
        match landed {
            Ok(value) => (self.answer)(value).is_some(),
            Err(failure) => (self.failure)(failure),
        }
    }

    fn fails(&self, value: &AnyValue) -> bool {
        (self.answer)(value) == Some(Answer::Error)
    }
}
