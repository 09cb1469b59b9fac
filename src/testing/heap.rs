use crate::store::bytes::{ByteStore, Change, Watch};
use crate::store::{Lease, Leases, StoreError};
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

/// A store of bytes in this process's memory, with leases: the plainest there can
/// be. Others are held against it, and tests of what uses bytes need no server.
///
/// A clone is the same store. A lease lasts until it is dropped.
#[derive(Clone, Default)]
pub struct HeapBytes(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    released: Condvar,
    watchers: Mutex<Vec<Weak<Told>>>,
}

type Told = dyn Fn(Change<'_>) + Send + Sync;

#[derive(Default)]
struct State {
    rows: BTreeMap<String, Row>,
    /// The token of each lease that is held.
    leases: BTreeMap<String, u64>,
    next_token: u64,
}

struct Row {
    bytes: Vec<u8>,
    expires: Option<SystemTime>,
}

impl HeapBytes {
    /// An empty store.
    pub fn new() -> Self {
        HeapBytes::default()
    }

    /// How many keys are kept.
    pub fn len(&self) -> usize {
        self.0.state.lock().rows.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put_row(state: &mut State, key: &str, bytes: &[u8], expires: Option<SystemTime>) {
        let bytes = bytes.to_vec();
        state.rows.insert(key.to_owned(), Row { bytes, expires });
    }

    /// Tells those who watch, with nothing locked.
    fn tell(&self, change: Change<'_>) {
        let mut watchers = self.0.watchers.lock();
        watchers.retain(|told| told.strong_count() > 0);
        let watchers: Vec<_> = watchers.iter().filter_map(Weak::upgrade).collect();
        watchers.iter().for_each(|told| told(change));
    }

    /// Voids the leases whose keys `go`.
    fn void(&self, state: &mut State, goes: impl Fn(&str) -> bool) {
        state.leases.retain(|key, _| !goes(key));
        self.0.released.notify_all();
    }
}

impl ByteStore for HeapBytes {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.0.state.lock();
        Ok(state.rows.get(key).map(|row| row.bytes.clone()))
    }

    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError> {
        HeapBytes::put_row(&mut self.0.state.lock(), key, bytes, expires);
        self.tell(Change::Key(key));
        Ok(())
    }

    fn put_if_absent(
        &self,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<Option<bool>, StoreError> {
        let mut state = self.0.state.lock();
        let is_absent = !state.rows.contains_key(key);
        if is_absent {
            HeapBytes::put_row(&mut state, key, bytes, expires);
        }
        drop(state);
        self.tell(Change::Key(key));
        Ok(Some(is_absent))
    }

    fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<bool, StoreError> {
        let mut state = self.0.state.lock();
        let is_same = state.rows.get(key).is_some_and(|row| row.bytes == old);
        if is_same {
            HeapBytes::put_row(&mut state, key, new, expires);
        }
        drop(state);
        self.tell(Change::Key(key));
        Ok(is_same)
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        let mut state = self.0.state.lock();
        self.void(&mut state, |held| held == key);
        let was_there = state.rows.remove(key).is_some();
        drop(state);
        self.tell(Change::Key(key));
        Ok(was_there)
    }

    fn keys(&self, prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
        let state = self.0.state.lock();
        let keys = state.rows.keys().filter(|key| key.starts_with(prefix));
        Ok(Some(keys.cloned().collect()))
    }

    fn delete_prefix(&self, prefix: &str) -> Result<(), StoreError> {
        let mut state = self.0.state.lock();
        self.void(&mut state, |key| key.starts_with(prefix));
        state.rows.retain(|key, _| !key.starts_with(prefix));
        drop(state);
        self.tell(Change::All);
        Ok(())
    }

    fn sweep(&self, now: SystemTime) -> Result<usize, StoreError> {
        let mut state = self.0.state.lock();
        let before = state.rows.len();
        let stays = |row: &Row| row.expires.is_none_or(|at| at > now);
        state.rows.retain(|_, row| stays(row));
        Ok(before - state.rows.len())
    }

    fn leases(&self) -> Option<&dyn Leases> {
        Some(self)
    }

    fn watch(
        &self,
        told: Box<dyn Fn(Change<'_>) + Send + Sync>,
    ) -> Result<Option<Watch>, StoreError> {
        let told: Arc<Told> = Arc::from(told);
        self.0.watchers.lock().push(Arc::downgrade(&told));
        Ok(Some(Box::new(told)))
    }
}

impl Leases for HeapBytes {
    fn acquire<'l>(
        &'l self,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Lease + 'l>>, StoreError> {
        let until = Instant::now().checked_add(timeout);
        let mut state = self.0.state.lock();
        while state.leases.contains_key(key) {
            match until {
                None => self.0.released.wait(&mut state),
                Some(until) => {
                    if self.0.released.wait_until(&mut state, until).timed_out() {
                        return Ok(None);
                    }
                }
            }
        }
        state.next_token += 1;
        let token = state.next_token;
        state.leases.insert(key.to_owned(), token);
        let key = key.to_owned();
        Ok(Some(Box::new(Held {
            store: self,
            key,
            token,
        })))
    }
}

struct Held<'l> {
    store: &'l HeapBytes,
    key: String,
    token: u64,
}

impl Held<'_> {
    /// Gives the lease back; answers whether it was still held.
    fn release(&self, state: &mut State) -> bool {
        let is_held = state.leases.get(&self.key) == Some(&self.token);
        if is_held {
            state.leases.remove(&self.key);
            self.store.0.released.notify_all();
        }
        is_held
    }
}

impl Lease for Held<'_> {
    fn publish(&self, bytes: &[u8], expires: Option<SystemTime>) -> Result<bool, StoreError> {
        let mut state = self.store.0.state.lock();
        let is_held = self.release(&mut state);
        if is_held {
            HeapBytes::put_row(&mut state, &self.key, bytes, expires);
        }
        drop(state);
        self.store.tell(Change::Key(&self.key));
        Ok(is_held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.release(&mut self.store.0.state.lock());
    }
}

impl fmt::Debug for HeapBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeapBytes({} keys)", self.len())
    }
}
