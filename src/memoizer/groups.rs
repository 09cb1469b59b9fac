//! The groups of a call: what it reads of them, what its build records, and how an
//! entry that it finds stands in its own.
//!
//! ```text
//!   who builds                        who invalidates
//!   reads the group's generation: 1
//!   builds; the value is old
//!                                     puts generation 2
//!   puts the entry, of generation 1
//! ```
//!
//! Whoever comes after reads generation 2, and the entry is missing: wherever it was
//! built, and also where it is handed over by a flight that was joined.

use super::epochs::Epochs;
use super::observe::Event;
use super::path::Call;
use super::shelf::Shelf;
use crate::decide::Facts;
use crate::entry::Entry;
use crate::etag::Etag;
use crate::generation::{Generation, Marks, Recorded, Standing};
use crate::group::Group;
use crate::key::Lookup;
use crate::options::Terms;
use crate::store::{Caller, SharedStore, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;

/// Where the generations of groups are held.
#[derive(Clone, Copy)]
pub(crate) enum Holder<'h> {
    /// In the store in which the entries are.
    Store(&'h SharedStore),
    /// In the memoizer, for what it and its functions keep in memory of their own.
    Memoizer(&'h Epochs),
}

/// The groups that the result of a call is in.
pub(crate) struct Asked {
    /// The keys of their generations.
    keys: Vec<Arc<String>>,
    /// The generations, as of the last look; nothing, before there was one.
    seen: Mutex<Vec<Option<Generation>>>,
}

impl Asked {
    /// The groups of a result with these tags. In a shared store it may be in others
    /// too, as the terms say. A function's own tables are invalidated as a whole where
    /// a region, a namespace or all of them is: a row need not know.
    pub(crate) fn of(terms: &Terms, tags: Option<&[Arc<str>]>, place: Place) -> Option<Self> {
        let wide = match place {
            Place::Shared => terms.groups(),
            Place::Own => Vec::new(),
        };
        let tags = tags.unwrap_or_default();
        if tags.is_empty() && wide.is_empty() {
            return None;
        }
        let tags = tags.iter().cloned().map(Group::Tag);
        let mut keys: Vec<_> = tags
            .chain(wide)
            .map(|group| Arc::new(terms.group(&group)))
            .collect();
        keys.sort();
        keys.dedup();
        let seen = Mutex::default();
        Some(Asked { keys, seen })
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.keys.iter().map(|key| &**key)
    }

    /// Takes note of what a look has found. What cannot be read is as good as not
    /// there: another is put in its place before a build.
    pub(super) fn saw(
        &self,
        found: impl IntoIterator<Item = Result<Option<Generation>, StoreError>>,
    ) {
        let seen = found.into_iter().map(|found| found.ok().flatten());
        let seen = seen.collect();
        *self.seen.lock() = seen;
    }

    /// What was seen of a group, if it is one of these and was there.
    fn seen(&self, group: &String) -> Option<Generation> {
        let at = self.keys.iter().position(|key| **key == *group)?;
        self.seen.lock().get(at).copied().flatten()
    }

    /// The marks of an entry in these groups.
    pub(super) fn marks(
        groups: Option<&Asked>,
        etag: Option<Etag>,
        stale: u64,
    ) -> Option<Arc<Marks>> {
        Marks::of(etag, groups.map_or_else(Vec::new, Asked::recorded), stale)
    }

    fn recorded(&self) -> Vec<Recorded> {
        let seen = self.seen.lock();
        let keys = self.keys.iter().enumerate();
        keys.map(|(at, key)| Recorded {
            group: Arc::clone(key),
            generation: seen
                .get(at)
                .copied()
                .flatten()
                .unwrap_or(Generation::UNKNOWN),
        })
        .collect()
    }
}

/// Where results are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a table of the function's own.
    Own,
    /// In a store.
    Shared,
}

/// How an entry stands that records these, for who has not asked for its groups.
pub(crate) async fn standing(
    caller: Caller,
    holder: Holder<'_>,
    recorded: &[Recorded],
    fault: impl Fn(&StoreError),
) -> Standing {
    compare(caller, holder, recorded, |_| None, fault).await
}

/// Compares what is recorded with what has been `seen`, and the rest with what is there
/// now.
async fn compare(
    caller: Caller,
    holder: Holder<'_>,
    recorded: &[Recorded],
    seen: impl Fn(&String) -> Option<Generation>,
    fault: impl Fn(&StoreError),
) -> Standing {
    let store = match holder {
        _ if recorded.is_empty() => return Standing::Holds,
        Holder::Memoizer(epochs) => return epochs.standing(recorded),
        Holder::Store(store) => store,
    };
    let (mut worst, mut open) = (Standing::Holds, Vec::new());
    for group in recorded {
        match seen(&group.group) {
            Some(now) => worst = worst.max(now.since(group.generation)),
            None if group.generation == Generation::UNKNOWN => worst = Standing::Gone,
            None => open.push(group),
        }
    }
    if worst == Standing::Gone || open.is_empty() {
        return worst;
    }
    let groups = open.iter().map(|group| &*group.group);
    let found = store.generations(caller, groups).await;
    let each = open.into_iter().zip(found).map(|(group, found)| {
        let now = found.inspect_err(&fault).ok().flatten();
        now.map_or(Standing::Gone, |now| now.since(group.generation))
    });
    each.fold(worst, Standing::max)
}

impl Call<'_> {
    /// What is kept for a key; and with the same question the generations of the groups
    /// that this call's own result would be in, since most entries are in those.
    pub(super) async fn find<S: Shelf>(
        &self,
        shelf: &S,
        hash: u64,
        asked: &impl Lookup<S::Key>,
    ) -> Result<Option<Entry<S::Value>>, StoreError> {
        match self.groups {
            None => shelf.find(self.caller, hash, asked).await,
            Some(groups) => shelf.find_with(self.caller, hash, asked, groups).await,
        }
    }

    /// What a rule may look at of an entry.
    pub(super) async fn facts<'e, V>(&self, holder: Holder<'_>, entry: &'e Entry<V>) -> Facts<'e> {
        match entry.groups() {
            [] => Facts::from(entry),
            recorded => {
                let standing = self.standing(holder, recorded).await;
                Facts::standing(entry, standing)
            }
        }
    }

    #[cold]
    async fn standing(&self, holder: Holder<'_>, recorded: &[Recorded]) -> Standing {
        let seen = |group: &String| self.groups?.seen(group);
        let fault = |fault: &StoreError| self.log.tell(Event::StoreFault(fault));
        compare(self.caller, holder, recorded, seen, fault).await
    }

    /// The same of an entry that a flight has brought which this call had joined.
    ///
    /// The flight may have begun before a group was invalidated, and the call after. So
    /// its groups are compared; but not those of a second flight, which has begun when the
    /// first was over, and so after the call. While generations cannot be read, that is
    /// what keeps callers from building one after the other.
    pub(super) async fn joined<'e, V>(&self, holder: Holder<'_>, entry: &'e Entry<V>) -> Facts<'e> {
        match self.track.waited.get() {
            true => Facts::from(entry),
            false => self.facts(holder, entry).await,
        }
    }

    /// Sees to it that the generations are known that a build is to record: before it
    /// begins. Answers whether they are.
    #[inline]
    pub(super) async fn begin<S: Shelf>(&self, shelf: &S) -> bool {
        match self.groups {
            None => true,
            Some(groups) => self.begin_in(groups, shelf.holder()).await,
        }
    }

    #[cold]
    async fn begin_in(&self, groups: &Asked, holder: Holder<'_>) -> bool {
        let begun = groups.begin(self.caller, holder).await;
        begun
            .inspect_err(|fault| self.log.tell(Event::StoreFault(fault)))
            .is_ok()
    }

    /// The marks of an entry that this call has built, which says this of its own make and
    /// has this stale period, in nanoseconds.
    #[inline]
    pub(super) fn marks(&self, own: Option<Etag>, stale: u64) -> Option<Arc<Marks>> {
        if own.is_none() && self.demand.etag.is_none() && self.groups.is_none() && stale == 0 {
            return None;
        }
        let groups = self.groups.map_or_else(Vec::new, Asked::recorded);
        self.marks_in(own, groups, stale)
    }

    /// The same in these groups.
    pub(super) fn marks_in(
        &self,
        own: Option<Etag>,
        groups: Vec<Recorded>,
        stale: u64,
    ) -> Option<Arc<Marks>> {
        let etag = own.or_else(|| self.demand.etag.cloned());
        Marks::of(etag, groups, stale)
    }

    /// The groups of an entry that is to be refreshed and that are not this call's, as
    /// their generations are now: before the build, which may say that they stay. What
    /// cannot be read is left out.
    pub(super) async fn carried<S: Shelf, V>(&self, shelf: &S, entry: &Entry<V>) -> Vec<Recorded> {
        let is_own = |group: &Recorded| {
            let own = self.groups.map_or(&[][..], |groups| &groups.keys);
            own.contains(&group.group)
        };
        let open: Vec<_> = entry.groups().iter().filter(|it| !is_own(it)).collect();
        if open.is_empty() {
            return Vec::new();
        }
        let found = match shelf.holder() {
            Holder::Memoizer(epochs) => open.iter().map(|_| Ok(Some(epochs.now()))).collect(),
            Holder::Store(store) => {
                let groups = open.iter().map(|it| &*it.group);
                store.generations(self.caller, groups).await
            }
        };
        let pairs = open.into_iter().zip(found);
        let read = pairs.filter_map(|(group, found)| {
            let generation = found.ok().flatten()?;
            let group = Arc::clone(&group.group);
            Some(Recorded { group, generation })
        });
        read.collect()
    }

    /// The groups of a result whose build has said which tags it has: those of them that
    /// are the call's or were `carried`, and those of the call's that are no tags.
    pub(super) fn told(
        &self,
        told: &[Arc<String>],
        carried: &[Recorded],
    ) -> Result<Vec<Recorded>, StoreError> {
        let own = self.groups.map_or_else(Vec::new, Asked::recorded);
        let known = || own.iter().chain(carried).map(|known| &known.group);
        if let Some(unknown) = told
            .iter()
            .find(|told| !known().any(|known| known == *told))
        {
            return Err(StoreError::new(
                "keeping a result",
                format!(
                    "its build says the group {unknown:?}, which is none of the call's: name it \
                     in the option `tags` too, so that it is read before the build"
                ),
            ));
        }
        let tags = self
            .terms
            .tag_keys(self.terms.tags.as_deref().unwrap_or(&[]));
        let has = |group: &Recorded| told.contains(&group.group) || !tags.contains(&group.group);
        let carried = carried.iter().filter(|group| told.contains(&group.group));
        let carried: Vec<_> = carried.cloned().collect();
        Ok(own.into_iter().filter(has).chain(carried).collect())
    }
}

impl Asked {
    /// The same where a function has a table of its own.
    pub(super) fn begin_by(&self, epochs: &Epochs) {
        let now = epochs.now();
        self.saw(self.keys.iter().map(|_| Ok(Some(now))));
    }

    async fn begin(&self, caller: Caller, holder: Holder<'_>) -> Result<(), StoreError> {
        let store = match holder {
            Holder::Memoizer(epochs) => {
                self.begin_by(epochs);
                return Ok(());
            }
            Holder::Store(store) => store,
        };
        if self.seen.lock().is_empty() {
            self.saw(store.generations(caller, self.keys()).await);
        }
        for (at, key) in self.keys.iter().enumerate() {
            if self.seen.lock()[at].is_none() {
                // With nothing borrowed: the store may be the user's own.
                // Rarely, so in a box: what is asked for a call is no larger for it.
                let made = Box::pin(store.make_generation(caller, key)).await?;
                self.seen.lock()[at] = Some(made);
            }
        }
        Ok(())
    }
}
