//! A function in one memoizer: its tables, its options, and what they come to.

use crate::clock::{Stamp, Watch};
use crate::decide::{ANY_AGE, is_fresh};
use crate::error::RegionError;
use crate::generation::How;
use crate::held::{Erased, Held};
use crate::key::{Lookup, hash_by, hasher};
use crate::memoizer::invalidate::Tables;
use crate::memoizer::observe::{Log, Origin};
use crate::memoizer::settings::Settings;
use crate::memoizer::table::Table;
use crate::memoizer::{Memoized, Rules, Shareable};
use crate::options::{Options, Terms};
use crate::stats::{Counters, Stats};
use crate::store::StoreError;
use crate::table::{Lasting, Version};
use once_cell::sync::OnceCell;
use parking_lot::{Mutex, RwLock};
use std::collections::HashSet;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// A function in one memoizer.
pub(crate) struct Inner<M: Memoized> {
    /// A copy of the process's hasher, where a hit finds it without a detour.
    hasher: ahash::RandomState,
    /// All that a plain hit has to know: the oldest age that is accepted in
    /// nanoseconds, or [`ANY_AGE`], or that this function's calls are [`NOT_PLAIN`].
    plain_age: AtomicU64,
    clock: Watch,
    /// The results outside every namespace.
    table: Table<M>,
    /// Those in a namespace, by its name.
    spaces: Lasting<Arc<str>, Table<M>>,
    said: Mutex<Said<M>>,
    /// What was settled first, and whether it still holds: until something is said
    /// anew, calls need not lock and count to know it. It stays here when it no longer
    /// holds, so nothing that names a store is put here.
    first: OnceCell<Settled<M>>,
    first_holds: AtomicBool,
    /// Whether there may be rows with tags: a plain look does not see them.
    has_tags: AtomicBool,
    /// The regions by whose options anything may be kept in the function's own tables.
    regions: RwLock<HashSet<Arc<str>>>,
    pub(super) counters: Counters,
    pub(super) settings: Arc<Settings>,
    /// Itself, unless it lives in a static.
    own: Weak<Inner<M>>,
}

/// What is said of a function, and what that comes to.
struct Said<M: Memoized> {
    options: Options,
    rules: Arc<Rules<M>>,
    /// Nothing, until it is asked for after a change; and nothing while the first
    /// holds.
    settled: Option<Arc<Settled<M>>>,
}

/// What holds for a call.
pub(super) struct Settled<M: Memoized> {
    pub(super) terms: Terms,
    pub(super) rules: Arc<Rules<M>>,
}

impl<M: Memoized> Clone for Settled<M> {
    fn clone(&self) -> Self {
        Settled {
            terms: self.terms.clone(),
            rules: Arc::clone(&self.rules),
        }
    }
}

/// What holds, as a call holds it.
pub(super) enum Holding<'i, M: Memoized> {
    First(&'i Settled<M>),
    Counted(Arc<Settled<M>>),
}

impl<M: Memoized> Deref for Holding<'_, M> {
    type Target = Settled<M>;

    fn deref(&self) -> &Settled<M> {
        match self {
            Holding::First(settled) => settled,
            Holding::Counted(settled) => settled,
        }
    }
}

/// A plain look has not found the answer.
pub(super) struct Missed {
    /// The hash of what was asked.
    pub(super) hash: u64,
    /// As of when nothing is kept; nothing, if there is something to look at in full.
    pub(super) nothing: Option<Version>,
}

/// The calls of a function have more to ask than an age. No entry is accepted at
/// such an age in any case: it is always built anew.
const NOT_PLAIN: u64 = 0;

/// Where the global table of one function lives: a static of the function's own.
pub struct Home<M: Memoized>(OnceCell<Inner<M>>);

impl<M: Memoized> Home<M> {
    /// Nothing lives there yet.
    #[allow(clippy::new_without_default)] // it is for statics alone
    pub const fn new() -> Self {
        Home(OnceCell::new())
    }

    #[inline]
    pub(crate) fn get(&'static self) -> Option<&'static Inner<M>> {
        self.0.get()
    }

    pub(crate) fn get_or_init(&'static self, init: impl FnOnce() -> Inner<M>) -> &'static Inner<M> {
        // Made outside of the cell: the function's options are user code, and may
        // ask for functions whose options ask for this one.
        let inner = init();
        match self.0.try_insert(inner) {
            Ok(inner) => inner,
            Err((first, _)) => first,
        }
    }
}

impl<M: Shareable> Inner<M> {
    /// `own` leads to itself, unless it is to live in a static.
    pub(crate) fn new(settings: Arc<Settings>, own: Weak<Inner<M>>) -> Self {
        Inner {
            hasher: hasher().clone(),
            plain_age: AtomicU64::new(NOT_PLAIN),
            clock: settings.clock().clone(),
            table: Table::new(&settings.epochs),
            spaces: Lasting::new(),
            said: Mutex::new(Said {
                options: M::options(),
                rules: Arc::new(M::rules()),
                settled: None,
            }),
            first: OnceCell::new(),
            first_holds: AtomicBool::new(false),
            has_tags: AtomicBool::new(false),
            regions: RwLock::default(),
            counters: Counters::default(),
            settings,
            own,
        }
    }

    /// A handle on itself, for work that outlives the call.
    pub(super) fn held(&self) -> Option<Held<Inner<M>>> {
        let at_home = M::home().and_then(Home::get);
        match at_home.filter(|inner| std::ptr::eq(*inner, self)) {
            Some(inner) => Some(Held::Forever(inner)),
            None => self.own.upgrade().map(Held::Counted),
        }
    }

    /// The output that is kept, if a plain look finds it.
    #[inline(always)]
    pub(super) fn hit<Q: Lookup<M::Key>>(&self, asked: &Q) -> Result<M::Output, Missed> {
        let max_age = self.plain_age.load(Ordering::Relaxed);
        let hash = hash_by(&self.hasher, asked);
        if max_age == NOT_PLAIN {
            return Err(Missed {
                hash,
                nothing: None,
            });
        }
        let any_age = max_age == ANY_AGE;
        let glance = self.table.glance(hash, asked, any_age);
        let glance = glance.map_err(|version| Missed {
            hash,
            nothing: Some(version),
        })?;
        let (created, expires) = (glance.created, glance.expires);
        let asks_for_time = !any_age || expires != Stamp::NEVER;
        if asks_for_time && !self.is_fresh(created, expires, max_age) {
            return Err(Missed {
                hash,
                nothing: None,
            });
        }
        let output = glance.output.give();
        output.ok_or(Missed {
            hash,
            nothing: None,
        })
    }

    /// Not in line, so that a hit without an age has a smaller frame; and by numbers,
    /// which travel in registers.
    #[inline(never)]
    fn is_fresh(&self, created: Stamp, expires: Stamp, max_age: u64) -> bool {
        is_fresh(created, expires, max_age, self.clock.now())
    }

    pub(super) fn clock(&self) -> &Watch {
        &self.clock
    }

    pub(super) fn hash(&self, asked: &impl Lookup<M::Key>) -> u64 {
        hash_by(&self.hasher, asked)
    }

    /// The function's own table in a namespace.
    pub(super) fn table(&self, namespace: Option<&Arc<str>>) -> &Table<M> {
        let Some(name) = namespace else {
            return &self.table;
        };
        let hash = hash_by(&self.hasher, name);
        let known = self.spaces.get(hash, |known| known == name);
        known.unwrap_or_else(|| {
            self.spaces
                .get_or_insert(hash, Arc::clone(name), Table::new(&self.settings.epochs))
        })
    }

    /// The same, if there is one.
    fn known_table(&self, namespace: Option<&Arc<str>>) -> Option<&Table<M>> {
        let Some(name) = namespace else {
            return Some(&self.table);
        };
        let hash = hash_by(&self.hasher, name);
        self.spaces.get(hash, |known| known == name)
    }

    fn tables(&self) -> impl Iterator<Item = &Table<M>> {
        let spaces = self.spaces.iter().map(|(_, table)| table);
        [&self.table].into_iter().chain(spaces)
    }

    /// What holds for a call that says nothing itself.
    pub(super) fn settled(&self) -> Result<Holding<'_, M>, RegionError> {
        match self.first() {
            Some(first) => Ok(Holding::First(first)),
            None => self.settle(),
        }
    }

    /// What was settled first, if it holds.
    #[inline]
    fn first(&self) -> Option<&Settled<M>> {
        let holds = self.first_holds.load(Ordering::Acquire);
        holds.then(|| self.first.get()).flatten()
    }

    #[cold]
    fn settle(&self) -> Result<Holding<'_, M>, RegionError> {
        let mut said = self.said.lock();
        if let Some(first) = self.first() {
            return Ok(Holding::First(first));
        }
        if let Some(settled) = &said.settled {
            return Ok(Holding::Counted(Arc::clone(settled)));
        }
        // With `said` locked, so that a change that comes meanwhile is not lost: it
        // waits here to unsettle what is settled now.
        let rules = Arc::clone(&said.rules);
        let terms = rules.apply(self.settings.terms(&said.options)?);
        self.note_region(&terms);
        let is_plain = rules.etag_by.is_none()
            && rules.tags_by.is_none()
            && !self.has_tags.load(Ordering::SeqCst)
            && !self.counters.counts_hits()
            && !self.settings.observers.any();
        let age = terms.plain_age().filter(|_| is_plain);
        let settled = Settled { terms, rules };
        let holding = if settled.terms.store.is_none() && self.first.get().is_none() {
            let first = self.first.get_or_init(|| settled);
            self.first_holds.store(true, Ordering::Release);
            Holding::First(first)
        } else {
            let settled = Arc::new(settled);
            said.settled = Some(Arc::clone(&settled));
            Holding::Counted(settled)
        };
        self.plain_age
            .store(age.unwrap_or(NOT_PLAIN), Ordering::Relaxed);
        Ok(holding)
    }

    /// The same, for a call that says something.
    pub(super) fn settled_with(&self, call: &Options) -> Result<Settled<M>, RegionError> {
        let (options, rules) = {
            let said = self.said.lock();
            (call.over(&said.options), Arc::clone(&said.rules))
        };
        let rules = Arc::new(rules.under(call));
        let terms = rules.apply(self.settings.terms(&options)?).for_call(call);
        self.note_region(&terms);
        Ok(Settled { terms, rules })
    }

    /// Takes note of a region, before anything is kept by its options.
    fn note_region(&self, terms: &Terms) {
        let region = terms.region.as_ref().filter(|_| terms.store.is_none());
        if let Some(region) = region
            && !self.regions.read().contains(region)
        {
            self.regions.write().insert(Arc::clone(region));
        }
    }

    /// Has no plain look answer any more: a row with tags is about to be there, and is
    /// to be compared with them.
    pub(super) fn has_tags(&self) {
        if !self.has_tags.swap(true, Ordering::SeqCst) {
            self.unsettle();
        }
    }

    pub(super) fn options(&self) -> Options {
        self.said.lock().options.clone()
    }

    pub(super) fn set_options(&self, options: Options) {
        let old = std::mem::replace(&mut self.said.lock().options, options);
        self.unsettle();
        drop(old);
    }

    pub(super) fn change_rules(&self, change: impl FnOnce(Rules<M>) -> Rules<M>) {
        let rules = Arc::clone(&self.said.lock().rules);
        let changed = Arc::new(change(Rules::clone(&rules)));
        let old = std::mem::replace(&mut self.said.lock().rules, changed);
        self.unsettle();
        drop(old);
    }

    pub(super) fn count_hits(&self, counting: bool) {
        self.counters.count_hits(counting);
        self.unsettle();
    }

    pub(super) fn len(&self) -> usize {
        self.tables().map(Table::len).sum()
    }

    pub(super) fn log<'l>(&'l self, terms: &'l Terms) -> Log<'l> {
        Log {
            counters: &self.counters,
            observers: &self.settings.observers,
            origin: Origin {
                function: M::NAME,
                region: terms.region.as_deref(),
            },
        }
    }

    pub(super) fn now(&self) -> Stamp {
        self.clock.now()
    }
}

/// A function by what all of them can do.
pub(crate) trait AnyFunction: Erased {
    fn name(&self) -> &'static str;
    fn stats(&self) -> Stats;

    /// Has the next call ask for its terms again.
    fn unsettle(&self);

    /// Forgets what is kept in the function's own tables.
    fn clear_tables(&self) -> Result<(), StoreError>;

    /// Invalidates what is kept in some of them.
    fn end_tables(&self, tables: Tables<'_>, how: How);
}

impl<M: Shareable> AnyFunction for Inner<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn stats(&self) -> Stats {
        self.counters.stats()
    }

    fn unsettle(&self) {
        let mut said = self.said.lock();
        let settled = said.settled.take();
        self.first_holds.store(false, Ordering::Release);
        self.plain_age.store(NOT_PLAIN, Ordering::Relaxed);
        drop(said);
        // It may own a store.
        drop(settled);
    }

    fn clear_tables(&self) -> Result<(), StoreError> {
        let removed: usize = self.tables().map(Table::clear).sum();
        self.counters.removals.add(removed as u64);
        Ok(())
    }

    fn end_tables(&self, tables: Tables<'_>, how: How) {
        let now = self.now();
        let gone: usize = match tables {
            Tables::All => self.tables().map(|table| table.end(how, now)).sum(),
            Tables::Of(space) => self
                .known_table(space)
                .map_or(0, |table| table.end(how, now)),
            Tables::By(region, space) => {
                let is_kept_by = self.regions.read().contains(region);
                let table = is_kept_by.then(|| self.known_table(space)).flatten();
                table.map_or(0, |table| table.end(how, now))
            }
        };
        self.counters.removals.add(gone as u64);
    }
}

const _: () = assert!(NOT_PLAIN != ANY_AGE);
