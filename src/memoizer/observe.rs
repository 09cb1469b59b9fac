//! Who is told what happens, and what is counted.

use crate::stats::Counters;
use crate::store::StoreError;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Is told what happens in a memoizer.
///
/// Called with nothing locked, on the thread to which it happens; what it takes,
/// the call takes. If it panics, so does the call.
///
/// Without an observer nothing is spent on this: a hit does not even look for one.
///
/// ```
/// use mementos::{Event, Memoizer, Observer, Origin};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Log(Mutex<Vec<String>>);
///
/// impl Observer for Log {
///     fn observe(&self, origin: &Origin<'_>, event: &Event<'_>) {
///         self.0.lock().unwrap().push(format!("{}: {}", origin.function, event.name()));
///     }
/// }
///
/// let log = Arc::new(Log::default());
/// let memo = Memoizer::in_memory().observer(Arc::clone(&log));
/// memo.get("key", || 1).unwrap();
/// memo.get("key", || 1).unwrap();
/// assert_eq!(*log.0.lock().unwrap(), ["get: miss", "get: built", "get: hit"]);
/// ```
pub trait Observer: Send + Sync {
    /// Something has happened.
    fn observe(&self, origin: &Origin<'_>, event: &Event<'_>);
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, origin: &Origin<'_>, event: &Event<'_>) {
        (**self).observe(origin, event);
    }
}

/// Where it has happened. There is no key in here: keys may be secret, and there
/// are too many of them to be labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin<'o> {
    /// The full name of the function; `get` where the memoizer was asked by hand.
    pub function: &'o str,
    /// The region that the call's options came from, if there was one.
    pub region: Option<&'o str>,
}

/// What has happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A call was answered from what is kept.
    Hit,
    /// Nothing was kept.
    Miss,
    /// What was kept had expired, for itself or for this call.
    Expired,
    /// A call was answered from what is kept, which is being refreshed before it expires.
    Early,
    /// A call was answered by a stale value, which is being refreshed.
    Stale,
    /// A call was answered by a stale value, since a build has failed or has taken too
    /// long.
    Fallback,
    /// A build said that what is kept holds.
    NotModified,
    /// What was kept had another etag.
    EtagChanged,
    /// Another caller's build answered the call.
    Joined,
    /// A result was built.
    Built {
        /// How long the function ran.
        took: Duration,
    },
    /// A build ended with an error, a panic or a circle.
    Failed,
    /// Results were given up: there was no more room, or they had expired.
    Evicted {
        /// How many.
        entries: u64,
    },
    /// A lock was asked for.
    LockWaited {
        /// How long that took.
        waited: Duration,
        /// Whether it was acquired.
        acquired: bool,
    },
    /// The store failed, or held what could not be used. A failed read is a miss.
    StoreFault(&'e StoreError),
}

impl Event<'_> {
    /// A name for it, as a metric would have.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Hit => "hit",
            Event::Miss => "miss",
            Event::Expired => "expired",
            Event::Early => "early",
            Event::Stale => "stale",
            Event::Fallback => "fallback",
            Event::NotModified => "not_modified",
            Event::EtagChanged => "etag_changed",
            Event::Joined => "joined",
            Event::Built { .. } => "built",
            Event::Failed => "failed",
            Event::Evicted { .. } => "evicted",
            Event::LockWaited { .. } => "lock_waited",
            Event::StoreFault(_) => "store_fault",
        }
    }
}

/// The observers of one memoizer.
#[derive(Default)]
pub(crate) struct Observers {
    any: AtomicBool,
    list: RwLock<Arc<[Arc<dyn Observer>]>>,
}

impl Observers {
    pub(crate) fn add(&self, observer: Arc<dyn Observer>) {
        let mut list = self.list.write();
        *list = list.iter().cloned().chain([observer]).collect();
        self.any.store(true, Ordering::Release);
    }

    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    #[inline]
    fn tell(&self, origin: Origin<'_>, event: &Event<'_>) {
        if self.any() {
            self.tell_all(origin, event);
        }
    }

    #[cold]
    fn tell_all(&self, origin: Origin<'_>, event: &Event<'_>) {
        let list = Arc::clone(&self.list.read());
        list.iter()
            .for_each(|observer| observer.observe(&origin, event));
    }
}

/// The counters and the observers of a call.
#[derive(Clone, Copy)]
pub(crate) struct Log<'l> {
    pub(crate) counters: &'l Counters,
    pub(crate) observers: &'l Observers,
    pub(crate) origin: Origin<'l>,
}

impl Log<'_> {
    /// Counts what has happened, and tells it.
    #[inline]
    pub(crate) fn tell(&self, event: Event<'_>) {
        let counters = self.counters;
        match event {
            Event::Hit => counters.hit(),
            Event::Early => {
                counters.hit();
                counters.early.add(1);
            }
            Event::Stale => counters.stale.add(1),
            Event::Fallback => counters.fallbacks.add(1),
            Event::NotModified => counters.not_modified.add(1),
            Event::Expired => counters.expired.add(1),
            Event::EtagChanged => counters.changed.add(1),
            Event::Built { took } => counters.built(took),
            Event::Failed => counters.failures.add(1),
            Event::Evicted { entries } => counters.evicted.add(entries),
            Event::StoreFault(_) => counters.store_faults.add(1),
            Event::Joined => counters.joins.add(1),
            Event::Miss | Event::LockWaited { .. } => {}
        }
        self.observers.tell(self.origin, &event);
    }

    #[inline]
    pub(crate) fn evicted(&self, entries: usize) {
        if entries > 0 {
            let entries = entries as u64;
            self.tell(Event::Evicted { entries });
        }
    }
}
