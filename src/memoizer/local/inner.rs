//! A function on one thread: its table, its options, and what they come to.

use super::table::Table;
use crate::clock::{Stamp, Watch};
use crate::decide::{ANY_AGE, Demand, Facts, Verdict, asks_for_time, decide, is_fresh};
use crate::entry::Entry;
use crate::error::{BuildError, RegionError};
use crate::etag::Etag;
use crate::flight::{raise, thrown_circle};
use crate::generation::Standing;
use crate::key::{Lookup, hash_by, hash_of, hasher};
use crate::memoizer::groups::{Asked, Place};
use crate::memoizer::observe::{Event, Log, Origin};
use crate::memoizer::output::Output;
use crate::memoizer::path::Mode;
use crate::memoizer::settings::Settings;
use crate::memoizer::{Memoized, Rules};
use crate::options::{Ages, Answer, Options, Terms};
use crate::stats::Counters;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

/// A function on one thread, under the settings of one memoizer.
pub(super) struct Inner<M: Memoized> {
    hasher: ahash::RandomState,
    clock: Watch,
    /// The results outside every namespace.
    table: Rc<Table<M>>,
    /// Those in a namespace, by its name.
    spaces: RefCell<HashMap<Arc<str>, Rc<Table<M>>>>,
    options: RefCell<Options>,
    rules: RefCell<Rc<Rules<M>>>,
    /// What the options come to, and as of which version of the settings.
    settled: RefCell<Option<(u64, Rc<Terms>)>>,
    /// The same, as far as a plain hit has to know.
    plain: Cell<Plain>,
    /// Whether there may be rows with tags: a plain look does not see them.
    has_tags: Cell<bool>,
    pub(super) counters: Counters,
    settings: Arc<Settings>,
}

/// The oldest age that a plain hit accepts, as of a version of the settings.
#[derive(Clone, Copy)]
struct Plain {
    version: u64,
    max_age: u64,
}

/// There is no such version: calls have more to ask than an age.
const NOT_PLAIN: Plain = Plain {
    version: u64::MAX,
    max_age: 0,
};

impl<M: Memoized> Inner<M> {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Inner {
            hasher: hasher().clone(),
            clock: settings.clock().clone(),
            table: Rc::new(Table::new()),
            spaces: RefCell::default(),
            options: RefCell::new(M::options()),
            rules: RefCell::new(Rc::new(M::rules())),
            settled: RefCell::new(None),
            plain: Cell::new(NOT_PLAIN),
            has_tags: Cell::new(false),
            counters: Counters::default(),
            settings,
        }
    }

    pub(super) fn hash(&self, asked: &impl Lookup<M::Key>) -> u64 {
        hash_by(&self.hasher, asked)
    }

    pub(super) fn now(&self) -> Stamp {
        self.clock.now()
    }

    #[inline]
    #[track_caller]
    pub(super) fn call(&self, args: M::Args<'_>) -> M::Output {
        let asked = M::lookup(&args);
        match self.hit(&asked) {
            Some(output) => output,
            None => {
                drop(asked);
                self.call_in_full(args)
            }
        }
    }

    #[inline]
    fn hit(&self, asked: &impl Lookup<M::Key>) -> Option<M::Output> {
        let Plain { version, max_age } = self.plain.get();
        if version != self.settings.version() {
            return None;
        }
        let (output, created, expires) = self.table.glance(self.hash(asked), asked)?;
        let asks_for_time = expires != Stamp::NEVER || max_age != ANY_AGE;
        if asks_for_time && !is_fresh(created, expires, max_age, self.now()) {
            return None;
        }
        output.give()
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn call_in_full(&self, args: M::Args<'_>) -> M::Output {
        let terms = self.terms().map_err(BuildError::from);
        let got = terms.and_then(|terms| self.ask(&terms, &self.rules(), Mode::Take, args));
        got.unwrap_or_else(|error| raise(&error))
    }

    /// Has the next call ask for its terms again.
    pub(super) fn unsettle(&self) {
        self.plain.set(NOT_PLAIN);
        let settled = self.settled.borrow_mut().take();
        drop(settled);
    }

    /// The table of the namespace that the terms name.
    pub(super) fn table(&self, terms: &Terms) -> Rc<Table<M>> {
        let Some(name) = &terms.namespace else {
            return Rc::clone(&self.table);
        };
        let mut spaces = self.spaces.borrow_mut();
        let space = spaces
            .entry(Arc::clone(name))
            .or_insert_with(|| Rc::new(Table::new()));
        Rc::clone(space)
    }

    /// The tables of all namespaces.
    pub(super) fn tables(&self) -> Vec<Rc<Table<M>>> {
        let spaces = self.spaces.borrow();
        let spaces = spaces.values().map(Rc::clone);
        [Rc::clone(&self.table)].into_iter().chain(spaces).collect()
    }

    /// What holds for a call that says nothing itself.
    pub(super) fn terms(&self) -> Result<Rc<Terms>, RegionError> {
        let version = self.settings.version();
        if let Some((as_of, terms)) = &*self.settled.borrow()
            && *as_of == version
        {
            return Ok(Rc::clone(terms));
        }
        let terms = self.settings.terms(&self.options.borrow())?;
        let terms = Rc::new(self.rules().apply(terms));
        let is_plain = !self.counters.counts_hits()
            && !self.settings.observers.any()
            && !self.has_tags.get()
            && self.rules.borrow().etag_by.is_none()
            && self.rules.borrow().tags_by.is_none();
        let age = terms.plain_age().filter(|_| is_plain);
        self.plain.set(match age {
            Some(max_age) => Plain { version, max_age },
            None => NOT_PLAIN,
        });
        let old = self
            .settled
            .borrow_mut()
            .replace((version, Rc::clone(&terms)));
        drop(old);
        Ok(terms)
    }

    /// The same, for a call that says something.
    pub(super) fn terms_with(
        &self,
        call: &Options,
    ) -> Result<(Rc<Terms>, Rc<Rules<M>>), RegionError> {
        let options = call.over(&self.options.borrow());
        let rules = Rc::new(self.rules().under(call));
        let terms = rules.apply(self.settings.terms(&options)?);
        Ok((Rc::new(terms.for_call(call)), rules))
    }

    pub(super) fn rules(&self) -> Rc<Rules<M>> {
        Rc::clone(&self.rules.borrow())
    }

    pub(super) fn options(&self) -> Options {
        self.options.borrow().clone()
    }

    pub(super) fn set_options(&self, options: Options) {
        let old = self.options.replace(options);
        self.unsettle();
        drop(old);
    }

    pub(super) fn change_rules(&self, change: impl FnOnce(Rules<M>) -> Rules<M>) {
        let changed = Rc::new(change(Rules::clone(&self.rules())));
        let old = self.rules.replace(changed);
        self.unsettle();
        drop(old);
    }

    fn log<'l>(&'l self, terms: &'l Terms) -> Log<'l> {
        Log {
            counters: &self.counters,
            observers: &self.settings.observers,
            origin: Origin {
                function: M::NAME,
                region: terms.region.as_deref(),
            },
        }
    }

    fn verdict<V>(&self, entry: &Entry<V>, demand: Demand<'_>) -> Verdict {
        let facts = Facts::standing(entry, self.standing(entry));
        let now = match asks_for_time(facts, demand) {
            true => self.now(),
            false => Stamp::from_nanos(0),
        };
        decide(facts, demand, now)
    }

    /// How an entry stands in its groups.
    fn standing<V>(&self, entry: &Entry<V>) -> Standing {
        match entry.groups() {
            [] => Standing::Holds,
            recorded => self.settings.epochs.standing(recorded),
        }
    }

    /// Whether no tag that an entry has was invalidated.
    pub(super) fn is_there<V>(&self, entry: &Entry<V>) -> bool {
        self.standing(entry) != Standing::Gone
    }

    /// The tags that the result of a call has. From then on a plain look answers none.
    fn groups(&self, terms: &Terms, rules: &Rules<M>, args: &M::Args<'_>) -> Option<Asked> {
        let tags = rules.tags(args, terms);
        let asked = Asked::of(terms, tags.as_deref(), Place::Own)?;
        if !self.has_tags.replace(true) {
            self.unsettle();
        }
        Some(asked)
    }

    /// Whether what is kept would answer a call.
    pub(super) fn is_fresh<V>(&self, entry: &Entry<V>, terms: &Terms, etag: Option<&Etag>) -> bool {
        self.verdict(entry, terms.demand(etag)).is_fresh()
    }

    pub(super) fn ask(
        &self,
        terms: &Terms,
        rules: &Rules<M>,
        mode: Mode,
        args: M::Args<'_>,
    ) -> Result<M::Output, BuildError<Infallible>> {
        let etag = rules.etag(&args);
        let log = self.log(terms);
        let asked = M::lookup(&args);
        let hash = self.hash(&asked);
        if mode == Mode::Take {
            match self.table(terms).find(hash, &asked) {
                None => log.tell(Event::Miss),
                Some(entry) => match self.verdict(&entry, terms.demand(etag.as_ref())) {
                    Verdict::Fresh | Verdict::Early => {
                        if let Some(output) = entry.value.give() {
                            log.tell(Event::Hit);
                            return Ok(output);
                        }
                    }
                    Verdict::Missing => log.tell(Event::Miss),
                    Verdict::Expired | Verdict::Stale => log.tell(Event::Expired),
                    Verdict::Changed => log.tell(Event::EtagChanged),
                },
            }
        }
        let key = asked.to_key();
        drop(asked);
        self.build(terms, rules, log, hash, key, etag, args)
    }

    #[allow(clippy::too_many_arguments)] // what a call has come to so far
    fn build(
        &self,
        terms: &Terms,
        rules: &Rules<M>,
        log: Log<'_>,
        hash: u64,
        key: M::Key,
        etag: Option<Etag>,
        args: M::Args<'_>,
    ) -> Result<M::Output, BuildError<Infallible>> {
        let by_args = rules.ages(&args);
        let groups = self.groups(terms, rules, &args);
        let table = self.table(terms);
        let building = table
            .begin(hash, key.clone())
            .map_err(BuildError::<Infallible>::from_circle)?;
        if let Some(groups) = &groups {
            groups.begin_by(&self.settings.epochs);
        }
        let began = self.clock.elapsed();
        // User code. A panic goes on from here, and ends the build on its way.
        let ran = catch_unwind(AssertUnwindSafe(|| M::run(args)));
        let output = match ran.map_err(thrown_circle) {
            Ok(output) => output,
            Err(thrown) => {
                log.tell(Event::Failed);
                match thrown {
                    Ok(circle) => return Err(BuildError::from_circle(circle)),
                    Err(payload) => resume_unwind(payload),
                }
            }
        };
        let took = self.clock.elapsed().saturating_sub(began);
        let answer = M::answer(&output);
        let event = match answer {
            Answer::Error => Event::Failed,
            Answer::Value | Answer::Nothing => Event::Built { took },
        };
        let said = Ages::first(rules.ages_of(&output), by_args);
        let ages = Ages::first(said, terms.ages_of(&output));
        let created = self.now();
        let expires = terms.expires(answer, ages.as_ref(), created, || hash_of(&(hash, created)));
        let copy = M::copy(&output);
        let own_etag = rules.own_etag(&output);
        // All user code is behind us: what was deleted so far is not kept.
        let expires = expires.filter(|_| !building.is_void());
        drop(building);
        let (Some(expires), Some(copy)) = (expires, copy) else {
            log.tell(event);
            return Ok(output);
        };
        let etag = own_etag.or(etag).or_else(|| terms.etag.clone());
        let entry = Entry {
            value: Output::new(output),
            created,
            expires,
            // Nothing is refreshed here while it is served.
            marks: Asked::marks(groups.as_ref(), etag, 0),
            took: took.as_secs_f32(),
        };
        let evicted = table.put(hash, key, entry, created);
        log.tell(event);
        log.evicted(evicted);
        Ok(copy)
    }
}
