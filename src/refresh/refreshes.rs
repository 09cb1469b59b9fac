use super::Slot;
use crate::clock::Stamp;
use crate::flight::Promise;
use crate::key::{Key, Lookup};
use crate::sync::Mutex;
use hashbrown::HashTable;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The refreshes of what is in one store. Rows are few: of keys whose refresh is under
/// way, or has failed lately.
pub(crate) struct Refreshes<K, T> {
    rows: Mutex<HashTable<Row<K, T>>>,
    /// How many rows there are. While there are none, nobody locks them.
    len: AtomicUsize,
}

struct Row<K, T> {
    hash: u64,
    key: K,
    /// Where the job that is under way leaves its outcome.
    slot: Option<Arc<Slot<T>>>,
    /// Until when no other is tried, for what was there when it failed.
    rests: Stamp,
    /// When it failed last.
    failed: Stamp,
}

/// A caller's part in a refresh.
pub(crate) enum Begun<K: Key, T> {
    /// There was none: this caller is to have it done.
    First(Job<K, T>),
    /// It is under way.
    Under(Arc<Slot<T>>),
}

/// A refresh that is to be done. Dropped before that, it is over, and who waits for it
/// is told so.
pub(crate) struct Job<K: Key, T> {
    refreshes: Arc<Refreshes<K, T>>,
    hash: u64,
    key: K,
    slot: Arc<Slot<T>>,
}

/// How many failures are remembered at most.
const MOST: usize = 10_000;
/// No time to wait for.
const AT_ONCE: Stamp = Stamp::from_nanos(0);

impl<K: Key, T> Refreshes<K, T> {
    pub(crate) fn new() -> Self {
        Refreshes {
            rows: Mutex::new(HashTable::new()),
            len: AtomicUsize::new(0),
        }
    }

    /// Whether a refresh of what was `created` then has failed, and it is too soon for
    /// another. What is newer than the failure has been built since, here or elsewhere.
    pub(crate) fn rests(
        &self,
        hash: u64,
        asked: &impl Lookup<K>,
        created: Stamp,
        now: Stamp,
    ) -> bool {
        if self.is_empty() {
            return false;
        }
        let rows = self.rows.lock();
        let row = rows.find(hash, |row| asked.is(&row.key));
        row.is_some_and(|row| created <= row.failed && now < row.rests)
    }

    /// Begins a refresh, unless one is under way. `what` names what is built, in errors.
    pub(crate) fn begin(self: &Arc<Self>, what: &'static str, hash: u64, key: &K) -> Begun<K, T> {
        if let Some(slot) = self.under_way(hash, key) {
            return Begun::Under(slot);
        }
        let slot = Arc::new(Slot::new(Promise::new(what, key.clone())));
        let under_way = self.change(hash, key.clone(), |row| {
            let under_way = row.slot.clone();
            row.slot.get_or_insert_with(|| Arc::clone(&slot));
            under_way
        });
        match under_way {
            Some(slot) => Begun::Under(slot),
            None => Begun::First(Job {
                refreshes: Arc::clone(self),
                hash,
                key: key.clone(),
                slot,
            }),
        }
    }

    fn under_way(&self, hash: u64, key: &K) -> Option<Arc<Slot<T>>> {
        if self.is_empty() {
            return None;
        }
        let rows = self.rows.lock();
        let row = rows.find(hash, |row| row.key == *key)?;
        row.slot.clone()
    }

    /// Takes note that a build has failed, and that none is to be tried until then.
    pub(crate) fn failed(&self, hash: u64, key: K, until: Stamp, now: Stamp) {
        if self.len.load(Ordering::Relaxed) >= MOST {
            self.forget(now);
        }
        self.change(hash, key, |row| {
            row.rests = row.rests.max(until);
            row.failed = row.failed.max(now);
        });
    }

    /// Takes note that a build has brought a value.
    pub(crate) fn succeeded(&self, hash: u64, asked: &impl Lookup<K>) {
        if !self.is_empty() {
            self.leave(hash, asked, |row| row.rests = AT_ONCE);
        }
    }

    /// What is under way for what was asked began before it was removed: nobody who comes
    /// from here on waits for that.
    pub(crate) fn void(&self, hash: u64, asked: &impl Lookup<K>) {
        if !self.is_empty() {
            self.leave(hash, asked, |row| {
                row.slot = None;
                row.rests = AT_ONCE;
            });
        }
    }

    /// The same for all keys that `goes`.
    pub(crate) fn void_where(&self, goes: impl Fn(&K) -> bool) {
        if self.is_empty() {
            return;
        }
        let mut rows = self.rows.lock();
        let gone: Vec<_> = rows.extract_if(|row| goes(&row.key)).collect();
        self.len.store(rows.len(), Ordering::Relaxed);
        drop(rows);
        drop(gone);
    }

    /// What is under way began before all that is kept was made stale. What rests goes on
    /// resting, as it does when it expires.
    pub(crate) fn void_jobs(&self) {
        if self.is_empty() {
            return;
        }
        let mut rows = self.rows.lock();
        let slots: Vec<_> = rows.iter_mut().filter_map(|row| row.slot.take()).collect();
        let gone: Vec<_> = rows.extract_if(|row| row.rests == AT_ONCE).collect();
        self.len.store(rows.len(), Ordering::Relaxed);
        drop(rows);
        drop((slots, gone));
    }

    fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    fn change<R>(&self, hash: u64, key: K, change: impl FnOnce(&mut Row<K, T>) -> R) -> R {
        let mut rows = self.rows.lock();
        // A key that is there already is dropped with nothing locked.
        let (changed, _spare) = match rows.find_mut(hash, |row| row.key == key) {
            Some(row) => (change(row), Some(key)),
            None => {
                let mut row = Row {
                    hash,
                    key,
                    slot: None,
                    rests: AT_ONCE,
                    failed: AT_ONCE,
                };
                let changed = change(&mut row);
                rows.insert_unique(hash, row, |row| row.hash);
                (changed, None)
            }
        };
        self.len.store(rows.len(), Ordering::Relaxed);
        drop(rows);
        changed
    }

    /// Changes a row, if it is there, and takes it out if it says nothing any more.
    fn leave(&self, hash: u64, asked: &impl Lookup<K>, change: impl FnOnce(&mut Row<K, T>)) {
        let mut rows = self.rows.lock();
        let Ok(mut row) = rows.find_entry(hash, |row| asked.is(&row.key)) else {
            return;
        };
        change(row.get_mut());
        let says = row.get().slot.is_some() || row.get().rests != AT_ONCE;
        let gone = (!says).then(|| row.remove().0);
        self.len.store(rows.len(), Ordering::Relaxed);
        drop(rows);
        drop(gone);
    }

    /// Forgets failures: those that are over, and if that is not enough, all.
    fn forget(&self, now: Stamp) {
        let mut gone = Vec::new();
        let mut rows = self.rows.lock();
        for keeps in [now, Stamp::NEVER] {
            if rows.len() < MOST {
                break;
            }
            let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(&mut *rows)
                .into_iter()
                .partition(|row| row.slot.is_some() || row.rests > keeps);
            for row in stay {
                rows.insert_unique(row.hash, row, |row| row.hash);
            }
            gone.extend(go);
        }
        self.len.store(rows.len(), Ordering::Relaxed);
        drop(rows);
        drop(gone);
    }
}

impl<K: Key, T> Job<K, T> {
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    /// What it works for.
    pub(crate) fn promise(&self) -> &Arc<Promise> {
        self.slot.promise()
    }

    /// Where its outcome will be.
    pub(crate) fn slot(&self) -> Arc<Slot<T>> {
        Arc::clone(&self.slot)
    }

    /// Leaves the outcome for who waits.
    pub(crate) fn done(self, outcome: T) {
        self.end(Some(outcome));
    }

    fn end(&self, outcome: Option<T>) {
        // In this order: who comes after the outcome is there begins another.
        let ours = &self.slot;
        self.refreshes.leave(self.hash, &&self.key, |row| {
            row.slot.take_if(|slot| Arc::ptr_eq(slot, ours));
        });
        self.slot.fill(outcome);
    }
}

impl<K: Key, T> Drop for Job<K, T> {
    fn drop(&mut self) {
        // After `done` this changes nothing: another's slot is not taken.
        self.end(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::block_on;
    use crate::key::hash_of;
    use std::time::Duration;

    type Of = Refreshes<u32, u32>;

    fn waited(slot: &Slot<u32>, timeout: Duration) -> Option<Option<&u32>> {
        block_on(slot.wait(timeout)).expect("it is inside of no build");
        slot.outcome()
    }

    fn at(nanos: u64) -> Stamp {
        Stamp::from_nanos(nanos)
    }

    #[test]
    fn one_refresh_of_a_key_is_under_way_at_a_time() {
        let refreshes = Arc::new(Of::new());
        let begin = |key: u32| refreshes.begin("", hash_of(&key), &key);
        let Begun::First(job) = begin(1) else {
            panic!("there is none");
        };
        assert!(matches!(begin(2), Begun::First(_)), "another key");
        let Begun::Under(slot) = begin(1) else {
            panic!("there is one");
        };
        assert_eq!(waited(&slot, Duration::ZERO), None);
        job.done(7);
        assert_eq!(waited(&slot, Duration::MAX), Some(Some(&7)));
        assert!(matches!(begin(1), Begun::First(_)), "it is over");
        assert!(refreshes.is_empty(), "and so is the other");
    }

    #[test]
    fn who_waits_for_a_job_that_is_dropped_is_told() {
        let refreshes = Arc::new(Of::new());
        let Begun::First(job) = refreshes.begin("", 1, &1) else {
            panic!("there is none");
        };
        let slot = job.slot();
        drop(job);
        assert_eq!(waited(&slot, Duration::MAX), Some(None));
    }

    #[test]
    fn a_failure_is_remembered_until_its_time_or_a_success() {
        let refreshes = Of::new();
        let rests = |key: u32, now| refreshes.rests(1, &&key, at(5), at(now));
        assert!(!rests(1, 9));
        refreshes.failed(1, 1, at(39), at(9));
        assert!(rests(1, 38));
        assert!(!rests(1, 39));
        assert!(!rests(2, 9), "another key");
        assert!(!refreshes.rests(1, &&1, at(10), at(11)), "built since");
        refreshes.succeeded(1, &&1);
        assert!(!rests(1, 9));
        assert!(refreshes.is_empty());
    }

    #[test]
    fn failures_are_bounded() {
        let refreshes = Of::new();
        for key in 0..3 * MOST as u32 {
            refreshes.failed(hash_of(&key), key, at(9), at(0));
            assert!(refreshes.rows.lock().len() <= MOST);
        }
    }
}
