use super::bytes::{Change, Encoded, Found, Watch};
use super::{Becomes, Caller, Holds, MemoryStore, SharedStore, Store, StoreError};
use crate::clock::{Clock, Stamp, Watch as Clocked, nanos};
use crate::coding::{AnyCoding, Coded, Form};
use crate::entry::{AnyValue, Entry};
use crate::key::hash_of;
use parking_lot::Mutex;
use std::any::TypeId;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A store of bytes with the memory of this process in front of it: what has been
/// read or built here lately is not asked of the store again.
///
/// A result may then be as old as the bound says, for others have deleted or replaced
/// it meanwhile: 10 seconds, if nothing is said. What this process deletes itself is
/// gone at once. A store that tells what changes in it, as Redis does, is listened to:
/// then what others delete is gone as soon as that is heard.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use mementos::store::{Tiered, bytes::Encoded};
/// use mementos::{Memoizer, testing::HeapBytes};
/// use std::time::Duration;
///
/// let far = Encoded::new(HeapBytes::new());
/// let memo = Memoizer::new(Tiered::new(far).no_older_than(Duration::from_secs(2)));
/// assert_eq!(memo.get("key", || 1_u32).unwrap(), 1);
/// # }
/// ```
pub struct Tiered {
    memory: Arc<Memory>,
    far: Encoded,
    /// For how long what is near is not asked for again, in nanoseconds.
    bound: u64,
    clock: Clocked,
    /// Tells the memory what others change, if the store can.
    _watch: Option<Watch>,
}

/// What is near.
struct Memory {
    results: MemoryStore<String, Near>,
    stripes: Box<[Mutex<Epoch>]>,
}

/// A result that is near.
#[derive(Clone)]
struct Near {
    entry: Entry<AnyValue>,
    /// When it was read from afar, or put there.
    since: Stamp,
    schema: Option<u64>,
}

/// How often something of a stripe's keys has been invalidated, or put here. What was
/// asked of the store before is not kept after:
///
/// ```text
///   reader                         whoever deletes
///   notes the epoch
///   is sent the old value
///                                  deletes it in the store
///                                  takes it out of memory; the epoch is another
///   keeps nothing: the epoch has changed
/// ```
///
/// The same holds of who puts something in place of the old value, and of two who put at
/// once: which of them came last is not known. The check and the put are one step, as are
/// the removal and the new epoch.
#[derive(Default)]
struct Epoch(u64);

const STRIPES: usize = 64;

impl Tiered {
    /// Memory in front of this store.
    ///
    /// If the store tells what changes in it, what others delete is gone from memory
    /// as soon as that is heard; the bound holds beside.
    pub fn new(far: Encoded) -> Self {
        let memory = Arc::new(Memory {
            results: MemoryStore::new(),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
        });
        let told = Arc::clone(&memory);
        let watch = far
            .medium()
            .store()
            .watch(Box::new(move |change| match change {
                Change::Key(text) => told.forget(text),
                Change::All => told.forget_all(),
            }));
        Tiered {
            memory,
            far,
            bound: nanos(Duration::from_secs(10)),
            clock: Clocked::Coarse,
            // One that cannot be watched is asked again when the bound is over.
            _watch: watch.ok().flatten(),
        }
    }

    /// How old what is near may be, beside what its own age allows.
    #[must_use]
    pub fn no_older_than(mut self, age: Duration) -> Self {
        self.bound = nanos(age);
        self
    }

    /// Chooses the clock by which that is told.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Clocked::Own(Arc::new(clock));
        self
    }

    pub(super) fn form(&self) -> Form {
        self.far.form()
    }

    pub(super) fn known(&self, id: TypeId) -> Option<Arc<dyn AnyCoding>> {
        self.far.known(id)
    }

    pub(super) async fn find(
        &self,
        caller: Caller,
        text: &String,
        coded: Coded<'_>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        if let Some(near) = self.near(text, coded.schema) {
            return Ok(Some(near));
        }
        let epoch = self.memory.epoch(text);
        let found = self.far.find(caller, text, coded).await?;
        if let Some(entry) = &found {
            self.keep(text, entry, coded, epoch);
        }
        Ok(found)
    }

    pub(super) async fn find_many(
        &self,
        caller: Caller,
        asked: &[(&String, Coded<'_>)],
    ) -> Result<Vec<Found>, StoreError> {
        let mut found: Vec<_> = asked
            .iter()
            .map(|(text, coded)| Ok(self.near(text, coded.schema)))
            .collect();
        let missing = |found: &[Result<Option<_>, _>]| -> Vec<usize> {
            let missing = |at: &usize| matches!(found[*at], Ok(None));
            (0..asked.len()).filter(missing).collect()
        };
        let open = missing(&found);
        if open.is_empty() {
            return Ok(found);
        }
        let epochs: Vec<u64> = open
            .iter()
            .map(|at| self.memory.epoch(asked[*at].0))
            .collect();
        let keys: Vec<_> = open.iter().map(|at| asked[*at]).collect();
        let far = self.far.find_many(caller, &keys).await?;
        for ((at, epoch), far) in open.into_iter().zip(epochs).zip(far) {
            if let Ok(Some(entry)) = &far {
                let (text, coded) = asked[at];
                self.keep(text, entry, coded, epoch);
            }
            found[at] = far;
        }
        Ok(found)
    }

    pub(super) async fn facts(
        &self,
        caller: Caller,
        text: &str,
    ) -> Result<Option<Entry<()>>, StoreError> {
        self.far.facts(caller, text).await
    }

    pub(super) async fn put(
        &self,
        caller: Caller,
        text: &String,
        entry: &Entry<AnyValue>,
        coded: Coded<'_>,
        lease: Option<Holds<'_>>,
    ) -> Result<(), StoreError> {
        let put = self.far.put(caller, text, entry, coded, lease);
        self.put_by(text, entry, coded, put).await
    }

    /// As [`Encoded::take_over`].
    pub(super) fn take_over(&self, text: &str) {
        self.far.take_over(text);
    }

    /// The same, also over what a later version keeps for its like alone.
    pub(super) async fn overwrite(
        &self,
        caller: Caller,
        text: &String,
        entry: &Entry<AnyValue>,
        coded: Coded<'_>,
    ) -> Result<(), StoreError> {
        let put = self.far.overwrite(caller, text, entry, coded, None);
        self.put_by(text, entry, coded, put).await
    }

    async fn put_by(
        &self,
        text: &String,
        entry: &Entry<AnyValue>,
        coded: Coded<'_>,
        put: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let changing = self.memory.changing(text);
        put.await?;
        let (near, expires) = self.as_near(entry, coded);
        changing.to(near, expires);
        Ok(())
    }

    pub(super) async fn add(
        &self,
        caller: Caller,
        text: &String,
        entry: &Entry<AnyValue>,
        coded: Coded<'_>,
    ) -> Result<Option<bool>, StoreError> {
        let changing = self.memory.changing(text);
        let added = self.far.add(caller, text, entry, coded).await?;
        if let Some(true) = added {
            let (near, expires) = self.as_near(entry, coded);
            changing.to(near, expires);
        }
        Ok(added)
    }

    pub(super) async fn change(
        &self,
        caller: Caller,
        text: &String,
        coded: Coded<'_>,
        change: &Becomes,
    ) -> Result<bool, StoreError> {
        let _changing = self.memory.changing(text);
        self.far.change(caller, text, coded, change).await
    }

    pub(super) async fn expire_at(
        &self,
        caller: Caller,
        text: &String,
        at: Stamp,
    ) -> Result<bool, StoreError> {
        let _changing = self.memory.changing(text);
        self.far.expire_at(caller, text, at).await
    }

    pub(super) async fn delete(&self, caller: Caller, text: &String) -> Result<bool, StoreError> {
        let _changing = self.memory.changing(text);
        self.far.medium().delete(caller, text).await
    }

    pub(super) async fn delete_prefix(
        &self,
        caller: Caller,
        prefix: &str,
    ) -> Result<(), StoreError> {
        let _changing = self.memory.changing_all();
        self.far.medium().delete_prefix(caller, prefix).await
    }

    pub(super) async fn clear(&self, caller: Caller) -> Result<(), StoreError> {
        let _changing = self.memory.changing_all();
        self.far.medium().clear(caller).await
    }

    pub(super) async fn tidy(&self, caller: Caller, now: SystemTime) -> usize {
        self.memory.results.tidy(self.clock.now().into());
        self.far.medium().tidy(caller, now).await
    }

    pub(super) async fn native_ttl(
        &self,
        caller: Caller,
        text: &str,
    ) -> Result<Option<Duration>, StoreError> {
        self.far.medium().native_ttl(caller, text).await
    }

    /// The store itself.
    pub(super) fn far(&self) -> &Encoded {
        &self.far
    }

    /// What is near, if it is young enough.
    fn near(&self, text: &String, schema: Option<u64>) -> Option<Entry<AnyValue>> {
        let near = self.memory.results.find(hash_of(text), &text)?;
        let ends = near.since.after_nanos(self.bound);
        (near.schema == schema && self.clock.now() < ends).then_some(near.entry)
    }

    /// Keeps an entry near, unless something of its stripe has been invalidated since
    /// that epoch.
    fn keep(&self, text: &String, entry: &Entry<AnyValue>, coded: Coded<'_>, epoch: u64) {
        let (near, expires) = self.as_near(entry, coded);
        self.memory.keep(text, near, expires, epoch);
    }

    /// An entry as it is kept near from now on, and until when.
    fn as_near(&self, entry: &Entry<AnyValue>, coded: Coded<'_>) -> (Near, Stamp) {
        let since = self.clock.now();
        let expires = entry.until().min(since.after_nanos(self.bound));
        let near = Near {
            entry: entry.clone(),
            since,
            schema: coded.schema,
        };
        (near, expires)
    }
}

impl Memory {
    fn changing<'m>(&'m self, text: &'m String) -> Changing<'m> {
        Changing {
            memory: self,
            text,
            epoch: self.epoch(text),
            is_known: false,
        }
    }

    fn changing_all(&self) -> ChangingAll<'_> {
        ChangingAll(self)
    }

    fn keep(&self, text: &String, near: Near, expires: Stamp, epoch: u64) {
        let hash = hash_of(text);
        let now = self.stripe(hash).lock();
        let kept = (now.0 == epoch).then(|| self.results.keep(hash, text.clone(), near, expires));
        drop(now);
        // What was replaced is the user's.
        drop(kept);
    }

    fn replace(&self, text: &String, near: Near, expires: Stamp, epoch: u64) {
        let hash = hash_of(text);
        let mut now = self.stripe(hash).lock();
        let is_last = now.0 == epoch;
        now.0 += 1;
        let gone = match is_last {
            true => Ok(self.results.keep(hash, text.clone(), near, expires)),
            false => Err((self.results.take(hash, &text), near)),
        };
        drop(now);
        // Both are the user's.
        drop(gone);
    }

    fn epoch(&self, text: &str) -> u64 {
        self.stripe(hash_of(text)).lock().0
    }

    fn forget(&self, text: &str) {
        let hash = hash_of(text);
        let mut epoch = self.stripe(hash).lock();
        epoch.0 += 1;
        let gone = self.results.take(hash, &text);
        drop(epoch);
        drop(gone);
    }

    fn forget_all(&self) {
        for stripe in &self.stripes {
            stripe.lock().0 += 1;
        }
        _ = self.results.clear();
    }

    fn stripe(&self, hash: u64) -> &Mutex<Epoch> {
        &self.stripes[hash as usize % STRIPES]
    }
}

/// The value of a key is being changed, afar. When this goes, whatever has come of that,
/// and be it that who changes it is dropped, what is near is not known to hold.
struct Changing<'m> {
    memory: &'m Memory,
    text: &'m String,
    epoch: u64,
    /// Whether it is known what is there now.
    is_known: bool,
}

impl Changing<'_> {
    /// It has become this.
    fn to(mut self, near: Near, expires: Stamp) {
        self.is_known = true;
        self.memory.replace(self.text, near, expires, self.epoch);
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        if !self.is_known {
            self.memory.forget(self.text);
        }
    }
}

/// The same of all keys.
struct ChangingAll<'m>(&'m Memory);

impl Drop for ChangingAll<'_> {
    fn drop(&mut self) {
        self.0.forget_all();
    }
}

impl From<Tiered> for SharedStore {
    fn from(store: Tiered) -> Self {
        SharedStore::tiered(store)
    }
}

impl fmt::Debug for Tiered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tiered({:?})", self.far)
    }
}
