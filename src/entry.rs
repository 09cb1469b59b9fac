//! What is kept of a function's result.

use crate::clock::Stamp;
use crate::etag::Etag;
use crate::generation::{Marks, Recorded};
use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A kept result: the value, and what is known about it.
///
/// A memoizer's store is a map from text keys to `Entry<AnyValue>`, since one
/// memoizer serves functions of all types.
#[derive(Clone)]
pub struct Entry<V> {
    pub(crate) value: V,
    pub(crate) created: Stamp,
    pub(crate) expires: Stamp,
    /// Most have none, and a row must stay small.
    pub(crate) marks: Option<Arc<Marks>>,
    /// In seconds. A hit has no use for it, but its row must stay small.
    pub(crate) took: f32,
}

impl<V> Entry<V> {
    /// The version of the form that entries have.
    pub const VERSION: u32 = 1;

    /// The version of this entry's form.
    pub fn version(&self) -> u32 {
        Self::VERSION
    }

    /// When the value was built. A function's own table, while nothing in it can
    /// expire, knows that to a little over a millisecond, rounded down.
    pub fn created(&self) -> SystemTime {
        self.created.into()
    }

    /// When it expires, if it does. Options of a call can be stricter.
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires.time()
    }

    /// Until when it may be served after it has expired, if it expires and has a stale
    /// period. Options of a call can be stricter.
    pub fn stale_until(&self) -> Option<SystemTime> {
        match self.stale() {
            0 => None,
            _ => self.until().time(),
        }
    }

    /// What the value was made from, if that was said.
    pub fn etag(&self) -> Option<&Etag> {
        self.marks.as_ref()?.etag.as_ref()
    }

    /// The value.
    pub fn value(&self) -> &V {
        &self.value
    }

    /// The value, out of the entry.
    pub fn into_value(self) -> V {
        self.value
    }

    /// How long the build took, to about one part in ten million; from a function's
    /// own table, to one in four thousand.
    pub fn build_time(&self) -> Duration {
        Duration::try_from_secs_f32(self.took).unwrap_or_default()
    }

    /// The same entry of another value.
    pub(crate) fn with<W>(&self, value: W) -> Entry<W> {
        Entry {
            value,
            created: self.created,
            expires: self.expires,
            marks: self.marks.clone(),
            took: self.took,
        }
    }

    /// The groups that it is in, with their generations before it was built.
    pub(crate) fn groups(&self) -> &[Recorded] {
        self.marks.as_ref().map_or(&[], |marks| &marks.groups)
    }

    /// For how long it is stale after it has expired, in nanoseconds.
    pub(crate) fn stale(&self) -> u64 {
        self.marks.as_ref().map_or(0, |marks| marks.stale)
    }

    /// Whether its build has said that there is nothing.
    pub(crate) fn is_negative(&self) -> bool {
        self.marks.as_ref().is_some_and(|marks| marks.is_negative)
    }

    /// When nobody wants it any more: the end of its stale period.
    pub(crate) fn until(&self) -> Stamp {
        self.expires.after_nanos(self.stale())
    }

    /// How long it will still be fresh, or nothing if there is no end to it.
    pub(crate) fn left(&self, now: Stamp) -> Option<Duration> {
        (self.expires != Stamp::NEVER).then(|| self.expires.since(now))
    }
}

impl<V: fmt::Debug> fmt::Debug for Entry<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("value", &self.value)
            .field("created", &self.created())
            .field("expires", &self.expires())
            .field("stale_until", &self.stale_until())
            .field("etag", &self.etag())
            .field("build_time", &self.build_time())
            .finish()
    }
}

/// A value of any type that can be shared. A clone costs a reference count.
#[derive(Clone)]
pub struct AnyValue {
    value: Arc<dyn Any + Send + Sync>,
    type_name: &'static str,
}

impl AnyValue {
    /// Wraps a value. Allocates once.
    pub fn new<V: Any + Send + Sync>(value: V) -> Self {
        AnyValue {
            value: Arc::new(value),
            type_name: type_name::<V>(),
        }
    }

    /// The value, if it is a `V`.
    pub fn downcast_ref<V: Any>(&self) -> Option<&V> {
        self.value.downcast_ref()
    }

    /// The name of its type.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl fmt::Debug for AnyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyValue({})", self.type_name)
    }
}
