//! Calls of a memoized function.

mod again;
#[cfg(feature = "async")]
mod again_async;
mod at;
mod call;
#[cfg(feature = "async")]
mod call_async;
#[cfg(feature = "async")]
mod handle_async;
mod inner;

pub(super) use call::call;
#[cfg(feature = "async")]
pub use call_async::call_async;
pub use inner::Home;
pub(super) use inner::{AnyFunction, Inner};

use super::{Memoized, Memoizer, Rules, Shareable};
use crate::answered::Detailed;
use crate::drive::{at_once, block_on};
use crate::entry::Entry;
use crate::error::{BuildError, MemoError};
use crate::etag::Etag;
use crate::held::Held;
use crate::key::{Lookup, text};
use crate::options::Options;
use crate::stats::Stats;
use crate::store::Caller;
use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A memoized function, and what can be done with its results.
///
/// All operations take the function's arguments as [`Memoized::Args`]: nothing,
/// the one, or a tuple. A `#[memoize]` function has the same operations with its
/// own argument lists: `adder::exists(1, 2)`.
pub struct Function<M: Memoized>(Held<Inner<M>>);

impl<M: Shareable> Function<M> {
    /// The function, in the memoizer that a call here and now would mean.
    #[allow(clippy::new_without_default)] // it is looked up, not made
    pub fn new() -> Self {
        Function(call::current())
    }

    /// The function, in this memoizer.
    pub fn of(memoizer: &Memoizer) -> Self {
        Function(memoizer.function())
    }

    /// The result for these arguments: what is kept, or what the function answers
    /// with. This is what a `#[memoize]` function does.
    ///
    /// # Panics
    ///
    /// If the function panics and this caller leads the build; and where
    /// [`get`](Self::get) would answer with an error.
    #[inline]
    #[track_caller]
    pub fn call(&self, args: M::Args<'_>) -> M::Output {
        self.0.call(args)
    }

    /// The result for these arguments, with options for this call.
    ///
    /// # Errors
    ///
    /// What kept the function from running; its own errors are part of its output.
    ///
    /// # Panics
    ///
    /// If the function panics and this caller leads the build.
    pub fn get(
        &self,
        options: impl Borrow<Options>,
        args: M::Args<'_>,
    ) -> Result<M::Output, BuildError<Infallible>> {
        self.0.get(options.borrow(), args)
    }

    /// As [`get`](Self::get), and says how the answer came about.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// If the function panics and this caller leads the build.
    pub fn detailed(
        &self,
        options: impl Borrow<Options>,
        args: M::Args<'_>,
    ) -> Result<Detailed<M::Output>, BuildError<Infallible>> {
        self.0.detailed(options.borrow(), args)
    }

    /// Runs the function now, and replaces what is kept.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). What was kept stays.
    ///
    /// # Panics
    ///
    /// If the function panics.
    pub fn refresh(&self, args: M::Args<'_>) -> Result<M::Output, BuildError<Infallible>> {
        self.0.refresh(args)
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
        let settled = self.0.settled_or_panic();
        at_once(self.0.exists(Caller::Blocks, &settled, args))
    }

    /// What is kept for these arguments, whether fresh or not.
    ///
    /// # Panics
    ///
    /// As [`exists`](Self::exists).
    pub fn entry(&self, args: M::Args<'_>) -> Option<Entry<M::Output>> {
        let settled = self.0.settled_or_panic();
        at_once(self.0.entry(Caller::Blocks, &settled.terms, args))
    }

    /// How long what is kept will still be kept; nothing if it is not kept, or has
    /// no end.
    ///
    /// # Panics
    ///
    /// As [`exists`](Self::exists).
    pub fn ttl(&self, args: M::Args<'_>) -> Option<Duration> {
        let settled = self.0.settled_or_panic();
        at_once(self.0.ttl(Caller::Blocks, &settled.terms, args))
    }

    /// The etag of what is kept.
    ///
    /// # Panics
    ///
    /// As [`exists`](Self::exists).
    pub fn last_etag(&self, args: M::Args<'_>) -> Option<Etag> {
        let settled = self.0.settled_or_panic();
        at_once(self.0.last_etag(Caller::Blocks, &settled.terms, args))
    }

    /// Has what is kept expire after `age` from now on; answers whether anything is
    /// kept.
    ///
    /// # Errors
    ///
    /// If the store fails, or the function's options name a region that there is
    /// not.
    pub fn expire(&self, age: Duration, args: M::Args<'_>) -> Result<bool, MemoError> {
        let at = self.0.in_time(age);
        block_on(self.0.expire_at(Caller::Blocks, at, args))
    }

    /// Has what is kept expire at `time`; answers whether anything is kept.
    ///
    /// # Errors
    ///
    /// As [`expire`](Self::expire).
    pub fn expire_at(&self, time: SystemTime, args: M::Args<'_>) -> Result<bool, MemoError> {
        block_on(self.0.expire_at(Caller::Blocks, time.into(), args))
    }

    /// Forgets the result for these arguments; answers whether anything was kept. A
    /// build of it that is under way answers its callers, and is not kept.
    ///
    /// # Errors
    ///
    /// If the store fails: the value may still be there.
    pub fn delete(&self, args: M::Args<'_>) -> Result<bool, MemoError> {
        block_on(self.0.delete(Caller::Blocks, args))
    }

    /// Forgets all results of this function, in every namespace of its own tables,
    /// or in the store and the namespace that its options name.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn clear(&self) -> Result<(), MemoError> {
        block_on(self.0.clear(Caller::Blocks))
    }

    /// The key of these arguments, as a shared store sees it, but for the
    /// namespace.
    pub fn key(&self, args: M::Args<'_>) -> String {
        text::text(M::NAME, &M::lookup(&args).to_key())
    }

    /// How many results are kept in the function's own tables.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is kept in the function's own tables.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has happened.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// Switches the counting of hits on or off. It is off at first: a counter that
    /// all threads write costs each of their hits more than the hit.
    pub fn count_hits(&self, counting: bool) {
        self.0.count_hits(counting);
    }

    /// The options of the function, as they are now.
    pub fn options(&self) -> Options {
        self.0.options()
    }

    /// Replaces the options of the function.
    pub fn set_options(&self, options: Options) {
        self.0.set_options(options);
    }

    /// Replaces the rules of the function.
    pub fn set_rules(&self, rules: Rules<M>) {
        self.0.change_rules(|_| rules);
    }

    /// Changes some rules of the function, and leaves the others:
    /// `f.change_rules(|rules| rules.etag_by(..))`.
    pub fn change_rules(&self, change: impl FnOnce(Rules<M>) -> Rules<M>) {
        self.0.change_rules(change);
    }
}

impl<M: Memoized> Clone for Function<M> {
    fn clone(&self) -> Self {
        Function(self.0.clone())
    }
}

impl<M: Memoized> fmt::Debug for Function<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", M::NAME)
    }
}
