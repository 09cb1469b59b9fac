//! What the tests share.

use mementos::clock::FakeClock;
use mementos::store::{Lock, Store, StoreError};
use mementos::{AnyValue, Entry, Event, Memoizer, Observer, Origin};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, SystemTime};

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Waits until `there` says so, giving way to the other threads meanwhile.
pub(crate) fn until(there: impl Fn() -> bool) {
    while !there() {
        thread::yield_now();
    }
}

/// How often something ran.
#[derive(Default)]
pub(crate) struct Runs(AtomicU32);

impl Runs {
    pub(crate) const fn new() -> Self {
        Runs(AtomicU32::new(0))
    }

    /// Counts a run, and answers with its number.
    pub(crate) fn count(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn so_far(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A door that is shut until somebody opens it, for good.
pub(crate) struct Door {
    is_open: Mutex<bool>,
    opened: Condvar,
    came: AtomicU32,
}

impl Door {
    pub(crate) const fn new() -> Self {
        Door {
            is_open: Mutex::new(false),
            opened: Condvar::new(),
            came: AtomicU32::new(0),
        }
    }

    /// Waits for the door to open.
    pub(crate) fn pass(&self) {
        self.came.fetch_add(1, Ordering::SeqCst);
        let mut is_open = self.is_open.lock();
        self.opened.wait_while(&mut is_open, |is_open| !*is_open);
    }

    pub(crate) fn open(&self) {
        *self.is_open.lock() = true;
        self.opened.notify_all();
    }

    /// Waits until so many have come to the door.
    pub(crate) fn until_came(&self, many: u32) {
        until(|| self.came.load(Ordering::SeqCst) >= many);
    }
}

/// An argument that tells who joins the build for it: a table of flights compares
/// keys with the flight's own under the lock under which it hands the flight out.
/// A table without a row for it compares nothing.
#[derive(Clone)]
pub(crate) struct Watched(pub(crate) &'static str, Arc<Mutex<HashSet<ThreadId>>>);

impl Watched {
    pub(crate) fn new(name: &'static str) -> Self {
        Watched(name, Arc::default())
    }

    /// Waits until so many threads have joined.
    pub(crate) fn until_joined(&self, many: usize) {
        until(|| self.1.lock().len() >= many);
    }
}

impl PartialEq for Watched {
    fn eq(&self, other: &Self) -> bool {
        self.1.lock().insert(thread::current().id());
        self.0 == other.0
    }
}

impl Eq for Watched {}

impl Hash for Watched {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Counts the builds that wait from inside a build; nobody else in this process
/// does meanwhile who holds this too.
pub(crate) struct Nested(#[allow(dead_code)] MutexGuard<'static, ()>);

impl Nested {
    pub(crate) fn alone() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        Nested(ALONE.lock())
    }

    /// Waits until so many wait.
    pub(crate) fn until_waiting(&self, many: usize) {
        until(|| mementos::private::edges() >= many);
    }
}

/// The rows of a store that the tests look into.
pub(crate) type Rows = Arc<Mutex<BTreeMap<String, Entry<AnyValue>>>>;

pub(crate) fn keys(rows: &Rows) -> Vec<String> {
    rows.lock().keys().cloned().collect()
}

pub(crate) fn row(rows: &Rows, key: &str) -> Entry<AnyValue> {
    rows.lock()[key].clone()
}

/// A memoizer over an empty store, whose time is moved by hand.
pub(crate) fn over_rows() -> (Memoizer, Rows, FakeClock) {
    let (rows, clock) = (Rows::default(), FakeClock::new());
    let memo = Memoizer::new(Arc::clone(&rows)).clock(clock.clone());
    (memo, rows, clock)
}

/// A memoizer in memory, whose time is moved by hand.
pub(crate) fn in_memory() -> (Memoizer, FakeClock) {
    let clock = FakeClock::new();
    (Memoizer::in_memory().clock(clock.clone()), clock)
}

/// Notes of what has happened, in order.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<String>>);

impl Notes {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().push(what.into());
    }

    pub(crate) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }

    pub(crate) fn has(&self, what: &str) -> bool {
        self.count(what) > 0
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.0.lock().iter().filter(|note| *note == what).count()
    }
}

impl Observer for Notes {
    fn observe(&self, _: &Origin<'_>, event: &Event<'_>) {
        self.note(event.name());
    }
}

/// What a lock answers to who asks for it.
#[derive(Clone, Copy)]
pub(crate) enum Answers {
    Yes,
    No,
    Fails,
}

/// A lock that notes what is done with it.
pub(crate) struct NotedLock(pub(crate) Arc<Notes>, pub(crate) Answers);

impl Lock for NotedLock {
    fn acquire(&self, key: &str, _: Duration) -> Result<bool, StoreError> {
        self.0.note(format!("lock {key}"));
        match self.1 {
            Answers::Yes => Ok(true),
            Answers::No => Ok(false),
            Answers::Fails => Err(StoreError::new("locking", "out of order")),
        }
    }

    fn release(&self, key: &str) {
        self.0.note(format!("unlock {key}"));
    }
}

/// What a [`Hooked`] store does before each of its operations. An error is what
/// the operation fails with.
pub(crate) type Hook = Box<dyn Fn(Doing<'_>) -> Result<(), StoreError> + Send + Sync>;

/// An operation on a store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Doing<'d> {
    Get(&'d str),
    Put(&'d str, Option<SystemTime>),
    Delete(&'d str),
    Clear,
    List,
}

/// A store with something of the test's own in front of it.
pub(crate) struct Hooked {
    pub(crate) rows: Rows,
    pub(crate) hook: Hook,
    pub(crate) lock: Option<NotedLock>,
    pub(crate) ttl: Option<Duration>,
}

impl Hooked {
    pub(crate) fn new(
        hook: impl Fn(Doing<'_>) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> Self {
        Hooked {
            rows: Rows::default(),
            hook: Box::new(hook),
            lock: None,
            ttl: None,
        }
    }
}

impl Store<String, Entry<AnyValue>> for Hooked {
    fn get(&self, key: &String) -> Result<Option<Entry<AnyValue>>, StoreError> {
        (self.hook)(Doing::Get(key))?;
        self.rows.get(key)
    }

    fn put(
        &self,
        key: String,
        entry: Entry<AnyValue>,
        expires: Option<SystemTime>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        (self.hook)(Doing::Put(&key, expires))?;
        self.rows.put(key, entry, expires)
    }

    fn delete(&self, key: &String) -> Result<Option<Entry<AnyValue>>, StoreError> {
        (self.hook)(Doing::Delete(key))?;
        self.rows.delete(key)
    }

    fn clear(&self) -> Result<(), StoreError> {
        (self.hook)(Doing::Clear)?;
        self.rows.clear()
    }

    fn entries(&self) -> Result<Vec<(String, Entry<AnyValue>)>, StoreError> {
        (self.hook)(Doing::List)?;
        self.rows.entries()
    }

    fn native_lock(&self) -> Option<&dyn Lock> {
        self.lock.as_ref().map(|lock| lock as _)
    }

    fn native_ttl(&self, _: &String) -> Result<Option<Duration>, StoreError> {
        Ok(self.ttl)
    }
}
