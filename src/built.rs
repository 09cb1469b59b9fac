//! What a build answers that is told what is kept.

use crate::clock::Stamp;
use crate::entry::{AnyValue, Entry};
use crate::etag::{Etag, IntoEtag};
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What is kept, as a build is told that refreshes it: fresh still, or stale.
#[derive(Clone, Debug)]
pub struct Kept<V> {
    value: V,
    etag: Option<Etag>,
    created: Stamp,
    /// The keys of the groups that it is in.
    groups: Vec<Arc<String>>,
    is_negative: bool,
}

impl<V> Kept<V> {
    /// The value.
    pub fn value(&self) -> &V {
        &self.value
    }

    /// What the value was made from, if that was said.
    pub fn etag(&self) -> Option<&Etag> {
        self.etag.as_ref()
    }

    /// When the value was built, or last found to hold.
    pub fn created(&self) -> SystemTime {
        self.created.into()
    }

    /// The answer that this holds: it is kept for another fresh period, with the etag
    /// and the tags that it has. What is [`negative`](Built::negative) stays so.
    pub fn not_modified(self) -> Built<V> {
        Built {
            keeping: match self.is_negative {
                true => Keeping::Negative,
                false => Keeping::Value,
            },
            etag: self.etag,
            is_not_modified: true,
            tags: Tags::Kept(self.groups),
            ..Built::new(self.value)
        }
    }
}

impl<V: Any + Clone> Kept<V> {
    pub(crate) fn of(entry: &Entry<AnyValue>) -> Option<Self> {
        let value = entry.value.downcast_ref::<V>()?.clone();
        Some(Kept {
            value,
            etag: entry.etag().cloned(),
            created: entry.created,
            groups: entry
                .groups()
                .iter()
                .map(|it| Arc::clone(&it.group))
                .collect(),
            is_negative: entry.is_negative(),
        })
    }
}

/// What a build answers: a value, and how it is to be kept. What it leaves open, the
/// options say.
#[derive(Clone, Debug)]
#[must_use]
pub struct Built<V> {
    pub(crate) value: V,
    pub(crate) keeping: Keeping,
    pub(crate) max_age: Option<Duration>,
    pub(crate) stale_for: Option<Duration>,
    pub(crate) etag: Option<Etag>,
    pub(crate) is_not_modified: bool,
    pub(crate) tags: Tags,
}

/// The tags that a build says.
#[derive(Clone, Debug)]
pub(crate) enum Tags {
    /// Those of the call.
    OfCall,
    /// These of them.
    Named(Vec<Arc<str>>),
    /// Those of what is kept, by the keys of their generations.
    Kept(Vec<Arc<String>>),
}

/// As what a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    Value,
    /// Nothing, for as long as the options or the build say.
    Negative,
    Not,
}

impl<V> Built<V> {
    /// A value.
    pub fn new(value: V) -> Self {
        Built {
            value,
            keeping: Keeping::Value,
            max_age: None,
            stale_for: None,
            etag: None,
            is_not_modified: false,
            tags: Tags::OfCall,
        }
    }

    /// A value that says that there is nothing: it is kept only if
    /// [`max_age`](Self::max_age) or [`Options::none_age`](crate::Options::none_age)
    /// says for how long, and has no stale period.
    pub fn negative(value: V) -> Self {
        Built {
            keeping: Keeping::Negative,
            ..Built::new(value)
        }
    }

    /// A value for who asks now alone. What is kept stays.
    pub fn not_kept(value: V) -> Self {
        Built {
            keeping: Keeping::Not,
            ..Built::new(value)
        }
    }

    /// How long it is fresh, in place of what the options say; but nobody accepts it for
    /// longer than the options of a call do.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// For how long it is stale after that, in place of what the options say.
    pub fn stale_for(mut self, period: Duration) -> Self {
        self.stale_for = Some(period);
        self
    }

    /// What it was made from.
    pub fn etag(mut self, etag: impl IntoEtag) -> Self {
        self.etag = etag.into_etag();
        self
    }

    /// Which tags it has: some of those that the call's
    /// [`tags`](crate::Options::tags) say, or that what is kept has.
    ///
    /// Of others it is not known whether they were invalidated while the value was built:
    /// that takes a look at them before. A value that names one is not kept, and the
    /// observer is told of a store fault. So let the call's options name all tags that
    /// there can be.
    ///
    /// ```
    /// use mementos::{Built, Group, Kept, Memoizer, Options};
    /// use std::convert::Infallible;
    ///
    /// let memo = Memoizer::in_memory();
    /// let people = Options::new().tags(["ann", "bob"]);
    /// let build = |_: Option<Kept<u32>>| Ok::<_, Infallible>(Built::new(1).tags(["ann"]));
    /// memo.get_conditional("key", &people, build)?;
    /// memo.invalidate(Group::tag("bob")).unwrap();
    /// assert!(memo.exists("key").unwrap());
    /// memo.invalidate(Group::tag("ann")).unwrap();
    /// assert!(!memo.exists("key").unwrap());
    /// # Ok::<(), mementos::BuildError<Infallible>>(())
    /// ```
    pub fn tags<T: Into<Arc<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = Tags::Named(tags.into_iter().map(Into::into).collect());
        self
    }
}
