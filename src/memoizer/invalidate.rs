//! Invalidating groups of results.

use super::Memoizer;
use crate::drive::block_on;
use crate::error::MemoError;
use crate::generation::How;
use crate::group::Group;
use crate::options::{Options, Terms};
use crate::store::Caller;
use std::sync::Arc;

/// What goes of functions' own tables.
#[derive(Clone, Copy)]
pub(crate) enum Tables<'t> {
    All,
    /// Those of a namespace, or those outside every namespace.
    Of(Option<&'t Arc<str>>),
    /// The same, of functions that have kept anything by the options of a region.
    By(&'t Arc<str>, Option<&'t Arc<str>>),
}

impl Memoizer {
    /// Invalidates a group: its results are not there any more. A call that begins
    /// after this has returned gets none whose build began before, be it kept or under
    /// way, here or in another process that shares the store. One that has its memory in
    /// front of the store, by `Tiered`, finds out as it does of a delete: when it is told,
    /// or when its bound is over.
    ///
    /// It holds for the store of this memoizer, or of the handle that is asked, or of
    /// the region, and for functions' own tables. Results in a store that only a
    /// function or a call names are reached by a handle that names it:
    /// `memo.with(Options::new().store(..))`. Tags and regions are those of the
    /// namespace in force. Of what a `local` function keeps on its threads, tags are
    /// reached, and no other group.
    ///
    /// One write to the store, however many results there are. Functions' own tables
    /// are walked, but for a tag.
    ///
    /// ```
    /// use mementos::{Group, Memoizer, Options};
    ///
    /// let memo = Memoizer::in_memory().defaults(Options::new().grouped(true));
    /// memo.get("a", || 1)?;
    /// memo.get_with("b", Options::new().tags(["t"]), || 2)?;
    ///
    /// memo.invalidate(Group::tag("t")).unwrap();
    /// assert!(memo.exists("a").unwrap() && !memo.exists("b").unwrap());
    /// memo.invalidate(Group::All).unwrap();
    /// assert!(!memo.exists("a").unwrap());
    /// # Ok::<(), mementos::BuildError<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the store fails: results may still be there. If the region is unknown, or if this
    /// is called by the store itself while it does the same to the group. And
    /// [`MemoError::Ungrouped`] for a group other than a tag, if results in the store
    /// are not [`grouped`](Options::grouped): then nothing is invalidated.
    pub fn invalidate(&self, group: Group) -> Result<(), MemoError> {
        block_on(self.end(Caller::Blocks, group, How::Hard))
    }

    /// As [`invalidate`](Self::invalidate), for callers that await. One that is dropped
    /// before it is ready may have invalidated the group or not.
    ///
    /// # Errors
    ///
    /// As [`invalidate`](Self::invalidate).
    #[cfg(feature = "async")]
    pub async fn invalidate_async(&self, group: Group) -> Result<(), MemoError> {
        self.end(Caller::Awaits, group, How::Hard).await
    }

    /// Makes a group stale: the next call for each of its results builds it anew, as if
    /// it had expired. Until then [`entry`](Self::entry) still shows it.
    ///
    /// Else as [`invalidate`](Self::invalidate). Where a store of bytes cannot replace what
    /// is there in one step, or memoizers have the same map by an `Arc` of it, and another
    /// invalidates the group at the same time, the group may come out stale.
    ///
    /// ```
    /// use mementos::{Group, Memoizer, Options};
    ///
    /// let memo = Memoizer::in_memory().defaults(Options::new().tags(["t"]));
    /// memo.get("a", || 1)?;
    /// memo.make_stale(Group::tag("t")).unwrap();
    /// assert!(!memo.exists("a").unwrap());
    /// assert_eq!(memo.entry("a").unwrap().map(|kept| *kept.value()), Some(1));
    /// assert_eq!(memo.get("a", || 2)?, 2);
    /// # Ok::<(), mementos::BuildError<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`invalidate`](Self::invalidate).
    pub fn make_stale(&self, group: Group) -> Result<(), MemoError> {
        block_on(self.end(Caller::Blocks, group, How::Soft))
    }

    /// As [`make_stale`](Self::make_stale), for callers that await.
    ///
    /// # Errors
    ///
    /// As [`invalidate`](Self::invalidate).
    #[cfg(feature = "async")]
    pub async fn make_stale_async(&self, group: Group) -> Result<(), MemoError> {
        self.end(Caller::Awaits, group, How::Soft).await
    }

    async fn end(&self, caller: Caller, group: Group, how: How) -> Result<(), MemoError> {
        let terms = self.terms(&match &group {
            Group::Region(name) => Options::new().region(Arc::clone(name)),
            Group::Tag(_) | Group::Namespace | Group::All => Options::new(),
        })?;
        let is_told = terms.grouped || matches!(group, Group::Tag(_));
        // Where nothing has been kept by hand, functions' own tables are meant.
        let has_none = terms.store.is_none() && self.shared.memory.is_idle();
        if !is_told && !has_none {
            return Err(MemoError::Ungrouped(group));
        }
        let key = terms.group(&group);
        let ended = match &terms.store {
            Some(store) => store.end(caller, &key, how).await,
            None => Ok(()),
        };
        self.settings().epochs.end(key, how);
        self.end_tables(&group, &terms, how);
        ended
    }

    /// Goes through functions' own tables, of which rows record their tags alone.
    fn end_tables(&self, group: &Group, terms: &Terms, how: How) {
        let space = terms.namespace.as_ref();
        let tables = match group {
            Group::Tag(_) => return,
            Group::Region(region) => Tables::By(region, space),
            Group::Namespace => Tables::Of(space),
            Group::All => Tables::All,
        };
        for (_, function) in self.shared.functions.iter() {
            function.end_tables(tables, how);
        }
    }
}
