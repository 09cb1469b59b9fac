//! Operations on what is kept for one list of arguments, wherever that is.

use super::inner::{AnyFunction, Holding, Inner, Settled};
use crate::clock::Stamp;
use crate::coding::{self, AnyCoding, Codec, Coded, Coding, CodingError, Form};
use crate::entry::{AnyValue, Entry};
use crate::error::{MemoError, RegionError, Remedy, Uncodable};
use crate::etag::Etag;
use crate::generation::Standing;
use crate::key::{Lookup, text};
use crate::memoizer::groups::{Holder, standing};
use crate::memoizer::path::{Call, Mode, Track};
use crate::memoizer::shelf::{Among, Shelf};
use crate::memoizer::table::Table;
use crate::memoizer::{Event, Memoized, Shareable};
use crate::options::{Answer, Terms};
use crate::store::{Caller, SharedStore, StoreError};
use crate::table::Version;
use std::any::type_name;
use std::time::Duration;

/// Where a result is kept.
pub(super) enum Place<'i, M: Memoized> {
    Own(&'i Table<M>),
    Shared(Shared<'i, M>),
}

/// A key in a shared store.
pub(super) struct Shared<'i, M: Memoized> {
    pub(super) store: &'i SharedStore,
    pub(super) text: String,
    pub(super) key: M::Key,
}

/// A function's output in a shared store, with the key that it belongs to: two
/// keys may print the same text.
struct Stored<M: Memoized> {
    key: M::Key,
    output: M::Output,
}

/// How a function's output, in a shared store, becomes bytes: without the key, which
/// the text stands for.
pub(super) struct StoredCoding<'k, M: Memoized> {
    coding: Coding<M::Output>,
    key: &'k M::Key,
}

impl<M: Shareable> AnyCoding for StoredCoding<'_, M> {
    fn type_name(&self) -> &'static str {
        self.coding.type_name()
    }

    fn encode(&self, value: &AnyValue, codec: Codec) -> Result<Vec<u8>, CodingError> {
        let stored = value.downcast_ref::<Stored<M>>();
        let stored = stored.ok_or("this is another function's value")?;
        self.coding.encode(&stored.output, codec)
    }

    fn decode(&self, bytes: &[u8], codec: Codec) -> Result<AnyValue, CodingError> {
        let output = self.coding.decode(bytes, codec)?;
        let key = self.key.clone();
        Ok(AnyValue::new(Stored::<M> { key, output }))
    }
}

impl<M: Shareable> Shared<'_, M> {
    /// The store, if the function's output can be kept in it.
    pub(super) fn shelf<'s>(
        &'s self,
        coding: Option<&'s StoredCoding<'_, M>>,
        terms: &Terms,
    ) -> Result<Among<'s, impl Fn(&AnyValue) -> Option<Answer>>, Uncodable> {
        let coded = coded(coding, terms);
        let (form, output) = (self.store.form(), type_name::<M::Output>());
        let region = terms.region.as_ref();
        coding::check(form, coded, M::NAME, output, region, Remedy::Derive)?;
        Ok(Among {
            store: self.store,
            holder: Holder::Store(self.store),
            answer: |value: &AnyValue| self.output(value).map(M::answer),
            failure: |_| false,
            coded,
        })
    }

    pub(super) fn coding(&self) -> Option<StoredCoding<'_, M>> {
        let (coding, key) = (M::coding()?, &self.key);
        Some(StoredCoding { coding, key })
    }

    pub(super) fn wrap(&self, output: M::Output) -> AnyValue {
        AnyValue::new(Stored::<M> {
            key: self.key.clone(),
            output,
        })
    }

    pub(super) fn give(&self, value: &AnyValue) -> Option<M::Output> {
        M::copy(self.output(value)?)
    }

    fn output<'v>(&self, value: &'v AnyValue) -> Option<&'v M::Output> {
        let stored = value.downcast_ref::<Stored<M>>()?;
        (stored.key == self.key).then_some(&stored.output)
    }
}

fn coded<'c, M: Shareable>(
    coding: Option<&'c StoredCoding<'_, M>>,
    terms: &Terms,
) -> Option<Coded<'c>> {
    let schema = terms.schema;
    coding.map(|coding| Coded { coding, schema })
}

impl<M: Shareable> Inner<M> {
    pub(super) fn place<'i>(
        &'i self,
        terms: &'i Terms,
        asked: &impl Lookup<M::Key>,
    ) -> Place<'i, M> {
        match &terms.store {
            None => Place::Own(self.table(terms.namespace.as_ref())),
            Some(store) => {
                let key = asked.to_key();
                let text = terms.full(&text::text(M::NAME, &key));
                Place::Shared(Shared { store, text, key })
            }
        }
    }

    /// What is kept, whether fresh or not.
    async fn peek(
        &self,
        caller: Caller,
        terms: &Terms,
        args: &M::Args<'_>,
    ) -> Option<Entry<M::Output>> {
        let shared = match self.place(terms, &M::lookup(args)) {
            Place::Own(table) => {
                let asked = M::lookup(args);
                let entry = table.read(self.hash(&asked), &asked)?;
                let output = M::copy(entry.value.get())?;
                return Some(entry.with(output));
            }
            Place::Shared(shared) => shared,
        };
        let coding = shared.coding();
        let coded = coded(coding.as_ref(), terms);
        let found = shared.store.find(caller, &shared.text, coded).await;
        let entry = self.told(terms, found)?;
        let output = shared.give(&entry.value)?;
        Some(entry.with(output))
    }

    /// What is known of what is kept. Of bytes, the value is not looked at.
    async fn facts(&self, caller: Caller, terms: &Terms, args: &M::Args<'_>) -> Option<Entry<()>> {
        if let Place::Shared(shared) = self.place(terms, &M::lookup(args))
            && shared.store.form() != Form::Values
        {
            let found = shared.store.facts(caller, &shared.text).await;
            return self.told(terms, found);
        }
        Some(self.peek(caller, terms, args).await?.with(()))
    }

    /// The same, unless a group that it is in has been invalidated.
    async fn facts_there(
        &self,
        caller: Caller,
        terms: &Terms,
        args: &M::Args<'_>,
    ) -> Option<Entry<()>> {
        let entry = self.facts(caller, terms, args).await?;
        self.is_there(caller, terms, &entry).await.then_some(entry)
    }

    /// Whether no group that an entry is in has been invalidated.
    async fn is_there<V>(&self, caller: Caller, terms: &Terms, entry: &Entry<V>) -> bool {
        let fault = |fault: &StoreError| self.log(terms).tell(Event::StoreFault(fault));
        let standing = standing(caller, self.holder(terms), entry.groups(), fault);
        standing.await != Standing::Gone
    }

    /// Where the generations of groups are held.
    fn holder<'h>(&'h self, terms: &'h Terms) -> Holder<'h> {
        match &terms.store {
            None => self.table(terms.namespace.as_ref()).holder(),
            Some(store) => Holder::Store(store),
        }
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

    /// The terms of a call, for who cannot answer with an error.
    #[track_caller]
    pub(super) fn settled_or_panic(&self) -> Holding<'_, M> {
        let settled = self.settled();
        settled.unwrap_or_else(|error: RegionError| panic!("{}: {error}", M::NAME))
    }

    pub(super) async fn exists(
        &self,
        caller: Caller,
        settled: &Settled<M>,
        args: M::Args<'_>,
    ) -> bool {
        let Settled { terms, rules } = settled;
        let etag = rules.etag(&args);
        let call = Call {
            caller,
            terms,
            demand: terms.demand(etag.as_ref()),
            clock: self.clock(),
            log: self.log(terms),
            mode: Mode::Take,
            groups: None,
            missed: Version::UNKNOWN,
            works: &self.settings.works,
            track: Track::default(),
        };
        let Some(entry) = self.facts(caller, terms, &args).await else {
            return false;
        };
        let verdict = call.verdict(self.holder(terms), &entry);
        verdict.await.is_fresh()
    }

    pub(super) async fn entry(
        &self,
        caller: Caller,
        terms: &Terms,
        args: M::Args<'_>,
    ) -> Option<Entry<M::Output>> {
        let entry = self.peek(caller, terms, &args).await?;
        self.is_there(caller, terms, &entry).await.then_some(entry)
    }

    pub(super) async fn ttl(
        &self,
        caller: Caller,
        terms: &Terms,
        args: M::Args<'_>,
    ) -> Option<Duration> {
        let entry = self.facts_there(caller, terms, &args).await?;
        let left = entry.left(self.now());
        let native = match self.place(terms, &M::lookup(&args)) {
            Place::Own(_) => None,
            Place::Shared(shared) => {
                let native = shared.store.native_ttl(caller, &shared.text).await;
                native.ok().flatten()
            }
        };
        let left = left.into_iter().chain(native).min();
        left.filter(|left| !left.is_zero())
    }

    pub(super) async fn last_etag(
        &self,
        caller: Caller,
        terms: &Terms,
        args: M::Args<'_>,
    ) -> Option<Etag> {
        let entry = self.facts_there(caller, terms, &args).await?;
        entry.etag().cloned()
    }

    /// When it is this long from now.
    pub(super) fn in_time(&self, age: Duration) -> Stamp {
        self.now().after(age)
    }

    pub(super) async fn expire_at(
        &self,
        caller: Caller,
        at: Stamp,
        args: M::Args<'_>,
    ) -> Result<bool, MemoError> {
        let settled = self.settled()?;
        let terms = &settled.terms;
        let shared = {
            let asked = M::lookup(&args);
            match self.place(terms, &asked) {
                Place::Own(table) => return Ok(table.expire_at(self.hash(&asked), &asked, at)),
                Place::Shared(shared) => shared,
            }
        };
        shared.store.expire_at(caller, shared.text, at).await
    }

    pub(super) async fn delete(
        &self,
        caller: Caller,
        args: M::Args<'_>,
    ) -> Result<bool, MemoError> {
        let settled = self.settled()?;
        let terms = &settled.terms;
        let own = {
            let asked = M::lookup(&args);
            match self.place(terms, &asked) {
                Place::Own(table) => Ok(table.delete(self.hash(&asked), &asked)),
                Place::Shared(shared) => Err(shared),
            }
        };
        let removed = match own {
            Ok(removed) => removed,
            Err(shared) => shared.store.delete(caller, &shared.text).await?,
        };
        self.counters.removals.add(removed.into());
        Ok(removed)
    }

    pub(super) async fn clear(&self, caller: Caller) -> Result<(), MemoError> {
        self.clear_tables()?;
        let settled = self.settled()?;
        let terms = &settled.terms;
        if let Some(store) = &terms.store {
            // A long text is cut, so flights are told by what of it is left in any
            // case. That may void some of others: they are not kept, and no more.
            let head = terms.head(M::NAME);
            let goes = |text: &str, value: &AnyValue| {
                let stored = value.downcast_ref::<Stored<M>>();
                stored.is_some_and(|stored| terms.full(&text::text(M::NAME, &stored.key)) == *text)
            };
            store.delete_where(caller, &head, &goes).await?;
        }
        Ok(())
    }
}
