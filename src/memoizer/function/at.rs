//! Operations on what is kept for one list of arguments, wherever that is.

use super::inner::{AnyFunction, Holding, Inner, Settled};
use crate::clock::Stamp;
use crate::coding::{self, AnyCoding, Codec, Coded, Coding, CodingError, Form};
use crate::drive::{at_once, block_on};
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
    fn peek(&self, terms: &Terms, args: &M::Args<'_>) -> Option<Entry<M::Output>> {
        let asked = M::lookup(args);
        match self.place(terms, &asked) {
            Place::Own(table) => {
                let entry = table.read(self.hash(&asked), &asked)?;
                let output = M::copy(entry.value.get())?;
                Some(entry.with(output))
            }
            Place::Shared(shared) => {
                let coding = shared.coding();
                let found =
                    shared
                        .store
                        .find(Caller::Blocks, &shared.text, coded(coding.as_ref(), terms));
                let entry = self.told(terms, at_once(found))?;
                let output = shared.give(&entry.value)?;
                Some(entry.with(output))
            }
        }
    }

    /// What is known of what is kept. Of bytes, the value is not looked at.
    fn facts(&self, terms: &Terms, args: &M::Args<'_>) -> Option<Entry<()>> {
        if let Place::Shared(shared) = self.place(terms, &M::lookup(args))
            && shared.store.form() != Form::Values
        {
            return self.told(
                terms,
                at_once(shared.store.facts(Caller::Blocks, &shared.text)),
            );
        }
        Some(self.peek(terms, args)?.with(()))
    }

    /// The same, unless a group that it is in has been invalidated.
    fn facts_there(&self, terms: &Terms, args: &M::Args<'_>) -> Option<Entry<()>> {
        let entry = self.facts(terms, args)?;
        self.is_there(terms, &entry).then_some(entry)
    }

    /// Whether no group that an entry is in has been invalidated.
    fn is_there<V>(&self, terms: &Terms, entry: &Entry<V>) -> bool {
        let fault = |fault: &StoreError| self.log(terms).tell(Event::StoreFault(fault));
        standing(self.holder(terms), entry, fault) != Standing::Gone
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
    fn settled_or_panic(&self) -> Holding<'_, M> {
        let settled = self.settled();
        settled.unwrap_or_else(|error: RegionError| panic!("{}: {error}", M::NAME))
    }

    #[track_caller]
    pub(super) fn exists(&self, args: M::Args<'_>) -> bool {
        let settled = self.settled_or_panic();
        let Settled { terms, rules } = &*settled;
        let etag = rules.etag(&args);
        let call = Call {
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
        let entry = self.facts(terms, &args);
        entry.is_some_and(|entry| call.verdict(self.holder(terms), &entry).is_fresh())
    }

    #[track_caller]
    pub(super) fn entry(&self, args: M::Args<'_>) -> Option<Entry<M::Output>> {
        let settled = self.settled_or_panic();
        let terms = &settled.terms;
        let entry = self.peek(terms, &args)?;
        self.is_there(terms, &entry).then_some(entry)
    }

    #[track_caller]
    pub(super) fn ttl(&self, args: M::Args<'_>) -> Option<Duration> {
        let settled = self.settled_or_panic();
        let terms = &settled.terms;
        let left = self.facts_there(terms, &args)?.left(self.now());
        let native = match self.place(terms, &M::lookup(&args)) {
            Place::Own(_) => None,
            Place::Shared(shared) => at_once(shared.store.native_ttl(Caller::Blocks, &shared.text))
                .ok()
                .flatten(),
        };
        let left = left.into_iter().chain(native).min();
        left.filter(|left| !left.is_zero())
    }

    #[track_caller]
    pub(super) fn last_etag(&self, args: M::Args<'_>) -> Option<Etag> {
        let settled = self.settled_or_panic();
        let entry = self.facts_there(&settled.terms, &args)?;
        entry.etag().cloned()
    }

    pub(super) fn expire(&self, age: Duration, args: M::Args<'_>) -> Result<bool, MemoError> {
        self.expire_at(self.now().after(age), args)
    }

    pub(super) fn expire_at(&self, at: Stamp, args: M::Args<'_>) -> Result<bool, MemoError> {
        let settled = self.settled()?;
        let terms = &settled.terms;
        let asked = M::lookup(&args);
        match self.place(terms, &asked) {
            Place::Own(table) => Ok(table.expire_at(self.hash(&asked), &asked, at)),
            Place::Shared(shared) => {
                block_on(shared.store.expire_at(Caller::Blocks, shared.text, at))
            }
        }
    }

    pub(super) fn delete(&self, args: M::Args<'_>) -> Result<bool, MemoError> {
        let settled = self.settled()?;
        let terms = &settled.terms;
        let asked = M::lookup(&args);
        let removed = match self.place(terms, &asked) {
            Place::Own(table) => table.delete(self.hash(&asked), &asked),
            Place::Shared(shared) => block_on(shared.store.delete(Caller::Blocks, &shared.text))?,
        };
        self.counters.removals.add(removed.into());
        Ok(removed)
    }

    pub(super) fn clear(&self) -> Result<(), MemoError> {
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
            block_on(store.delete_where(Caller::Blocks, &head, &goes))?;
        }
        Ok(())
    }
}
