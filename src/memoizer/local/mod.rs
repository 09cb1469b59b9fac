//! Functions whose results stay on their thread.

mod inner;
mod stack;
mod table;

use super::path::Mode;
use super::settings::Settings;
use super::{Meant, Memoized, Rules};
use crate::clock::Stamp;
use crate::entry::Entry;
use crate::error::{BuildError, MemoError, RegionError};
use crate::etag::Etag;
use crate::key::{Lookup, text};
use crate::options::{Options, Terms};
use crate::scope;
use crate::stats::Stats;
use inner::Inner;
use std::any::{Any, TypeId};
use std::borrow::Borrow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A memoized function whose results stay on their thread, and what can be done
/// with those of this thread.
///
/// `#[memoize(local)]` functions are called so. They need nothing to be `Send` or
/// `Sync`, take no lock, and wait for nobody; each thread runs the function for
/// itself.
///
/// The operations are those of [`Function`](super::Function), on this thread alone,
/// and of the same form.
pub struct LocalFunction<M>(PhantomData<M>);

/// Where one function's table lives on each thread: a thread local of its own.
pub struct LocalHome<M: Memoized>(OnceCell<Rc<Inner<M>>>);

impl<M: Memoized> LocalHome<M> {
    /// Nothing lives there yet.
    #[allow(clippy::new_without_default)] // it is for thread locals alone
    pub const fn new() -> Self {
        LocalHome(OnceCell::new())
    }

    #[inline]
    fn get(&self) -> &Rc<Inner<M>> {
        let new = || Rc::new(Inner::new(Arc::clone(M::memoizer().settings())));
        self.0.get_or_init(new)
    }
}

thread_local! {
    /// The tables without a home: those of generic functions, and of scopes. By the
    /// settings they live under, and by the function.
    static TABLES: RefCell<HashMap<(usize, TypeId), Rc<dyn Any>>> = RefCell::default();
}

/// The result for these arguments, on this thread.
#[inline]
#[track_caller]
pub(super) fn call<M: Memoized>(args: M::Args<'_>) -> M::Output {
    match M::local_home() {
        Some(home) if !scope::any::<Meant>() => match home.try_with(|home| Rc::clone(home.get())) {
            Ok(inner) => inner.call(args),
            // The thread is being torn down, and its results are gone.
            Err(_) => M::run(args),
        },
        _ => current::<M>().call(args),
    }
}

fn current<M: Memoized>() -> Rc<Inner<M>> {
    if scope::any::<Meant>()
        && let Some(memoizer) = Meant::here().0
    {
        return without_home(memoizer.settings());
    }
    match M::local_home() {
        Some(home) => home.with(|home| Rc::clone(home.get())),
        None => without_home(M::memoizer().settings()),
    }
}

fn without_home<M: Memoized>(settings: &Arc<Settings>) -> Rc<Inner<M>> {
    let id = (Arc::as_ptr(settings).addr(), TypeId::of::<M>());
    let known = TABLES.with(|tables| tables.borrow().get(&id).map(Rc::clone));
    let known = known.unwrap_or_else(|| {
        // It holds the settings, so their address stays theirs.
        let ours: Rc<dyn Any> = Rc::new(Inner::<M>::new(Arc::clone(settings)));
        TABLES.with(|tables| tables.borrow_mut().insert(id, Rc::clone(&ours)));
        ours
    });
    known.downcast().expect("its id names its type")
}

impl<M: Memoized> LocalFunction<M> {
    /// The function, on whatever thread it is asked.
    #[allow(clippy::new_without_default)] // it is named, not made
    pub const fn new() -> Self {
        LocalFunction(PhantomData)
    }

    /// The result for these arguments: what is kept, or what the function answers
    /// with.
    ///
    /// # Panics
    ///
    /// If the function panics; and where [`get`](Self::get) would answer with an
    /// error.
    #[inline]
    #[track_caller]
    pub fn call(&self, args: M::Args<'_>) -> M::Output {
        call::<M>(args)
    }

    /// The result for these arguments, with options for this call.
    ///
    /// # Errors
    ///
    /// If the function asks for the very result that it is to bring, or an option
    /// names a region that there is not.
    pub fn get(
        &self,
        options: impl Borrow<Options>,
        args: M::Args<'_>,
    ) -> Result<M::Output, BuildError<Infallible>> {
        let inner = current::<M>();
        let (terms, rules) = inner.terms_with(options.borrow())?;
        inner.ask(&terms, &rules, Mode::Take, args)
    }

    /// Runs the function now, and replaces what is kept.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn refresh(&self, args: M::Args<'_>) -> Result<M::Output, BuildError<Infallible>> {
        let inner = current::<M>();
        let terms = inner.terms()?;
        inner.ask(&terms, &inner.rules(), Mode::Refresh, args)
    }

    /// Runs the function, whatever is kept, and keeps nothing.
    pub fn uncached(&self, args: M::Args<'_>) -> M::Output {
        M::run(args)
    }

    /// Whether a call would be answered by what is kept.
    ///
    /// # Panics
    ///
    /// If the function's options name a region that there is not, as every call
    /// would.
    pub fn exists(&self, args: M::Args<'_>) -> bool {
        let (inner, terms) = settled::<M>();
        let etag = inner.rules().etag(&args);
        let asked = M::lookup(&args);
        let entry = inner.table(&terms).find(inner.hash(&asked), &asked);
        entry.is_some_and(|entry| inner.is_fresh(&entry, &terms, etag.as_ref()))
    }

    /// What is kept for these arguments, whether fresh or not.
    pub fn entry(&self, args: M::Args<'_>) -> Option<Entry<M::Output>> {
        let (inner, terms) = settled::<M>();
        let asked = M::lookup(&args);
        let entry = inner.table(&terms).find(inner.hash(&asked), &asked)?;
        if !inner.is_there(&entry) {
            return None;
        }
        let output = M::copy(entry.value.get())?;
        Some(entry.with(output))
    }

    /// How long what is kept will still be kept; nothing if it is not kept, or has
    /// no end.
    pub fn ttl(&self, args: M::Args<'_>) -> Option<Duration> {
        let left = self.entry(args)?.left(current::<M>().now());
        left.filter(|left| !left.is_zero())
    }

    /// The etag of what is kept.
    pub fn last_etag(&self, args: M::Args<'_>) -> Option<Etag> {
        self.entry(args)?.etag().cloned()
    }

    /// Has what is kept expire after `age` from now on; answers whether anything is
    /// kept.
    ///
    /// # Errors
    ///
    /// If the function's options name a region that there is not.
    pub fn expire(&self, age: Duration, args: M::Args<'_>) -> Result<bool, MemoError> {
        expire::<M>(current::<M>().now().after(age), &args)
    }

    /// Has what is kept expire at `time`; answers whether anything is kept.
    ///
    /// # Errors
    ///
    /// As [`expire`](Self::expire).
    pub fn expire_at(&self, time: SystemTime, args: M::Args<'_>) -> Result<bool, MemoError> {
        expire::<M>(time.into(), &args)
    }

    /// Forgets the result for these arguments; answers whether anything was kept.
    ///
    /// # Errors
    ///
    /// If the function's options name a region that there is not.
    pub fn delete(&self, args: M::Args<'_>) -> Result<bool, MemoError> {
        let inner = current::<M>();
        let terms = inner.terms()?;
        let asked = M::lookup(&args);
        let removed = inner.table(&terms).delete(inner.hash(&asked), &asked);
        inner.counters.removals.add(removed.into());
        Ok(removed)
    }

    /// Forgets all results of this function on this thread.
    ///
    /// # Errors
    ///
    /// If the function's options name a region that there is not.
    pub fn clear(&self) -> Result<(), MemoError> {
        let inner = current::<M>();
        let removed: usize = inner.tables().iter().map(|table| table.clear()).sum();
        inner.counters.removals.add(removed as u64);
        Ok(())
    }

    /// The key of these arguments, as text.
    pub fn key(&self, args: M::Args<'_>) -> String {
        text::text(M::NAME, &M::lookup(&args).to_key())
    }

    /// How many results are kept.
    pub fn len(&self) -> usize {
        current::<M>()
            .tables()
            .iter()
            .map(|table| table.len())
            .sum()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has happened on this thread.
    pub fn stats(&self) -> Stats {
        current::<M>().counters.stats()
    }

    /// Switches the counting of hits on or off.
    pub fn count_hits(&self, counting: bool) {
        let inner = current::<M>();
        inner.counters.count_hits(counting);
        inner.unsettle();
    }

    /// The options of the function on this thread.
    pub fn options(&self) -> Options {
        current::<M>().options()
    }

    /// Replaces the options of the function on this thread.
    pub fn set_options(&self, options: Options) {
        current::<M>().set_options(options);
    }

    /// Replaces the rules of the function on this thread.
    pub fn set_rules(&self, rules: Rules<M>) {
        self.change_rules(|_| rules);
    }

    /// Changes some rules of the function on this thread, and leaves the others.
    pub fn change_rules(&self, change: impl FnOnce(Rules<M>) -> Rules<M>) {
        current::<M>().change_rules(change);
    }
}

#[track_caller]
fn settled<M: Memoized>() -> (Rc<Inner<M>>, Rc<Terms>) {
    let inner = current::<M>();
    let terms = inner.terms();
    let terms = terms.unwrap_or_else(|error: RegionError| panic!("{}: {error}", M::NAME));
    (inner, terms)
}

fn expire<M: Memoized>(at: Stamp, args: &M::Args<'_>) -> Result<bool, MemoError> {
    let inner = current::<M>();
    let terms = inner.terms()?;
    let asked = M::lookup(args);
    let table = inner.table(&terms);
    Ok(table.expire_at(inner.hash(&asked), &asked, at))
}

impl<M> Clone for LocalFunction<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for LocalFunction<M> {}

impl<M: Memoized> fmt::Debug for LocalFunction<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalFunction({})", M::NAME)
    }
}
