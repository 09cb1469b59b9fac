use super::ByteStore;
use super::envelope::{self, Envelope, Fault, key_check};
use super::medium::Medium;
use crate::clock::Stamp;
use crate::coding::{AnyCoding, Codec, Coded, Coding, Form, Plain};
use crate::entry::{AnyValue, Entry};
use crate::etag::Etag;
use crate::generation::{Generation, Marks, Recorded};
use crate::store::{Becomes, Caller, Holds, SharedStore, StoreError};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A store of bytes, for values: in what format they are written, and how much they
/// are compressed.
///
/// Whatever is wrong with the bytes that are found (they are cut, changed, of
/// another version, codec, key or type) is a miss, which is counted and told to the
/// observer as a store fault; the next build overwrites them. Bytes that a later
/// version wrote for its like alone are a miss too, and stay where they are.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use mementos::{Codec, Memoizer, testing::HeapBytes};
/// use mementos::store::bytes::Encoded;
///
/// let store = Encoded::new(HeapBytes::new()).codec(Codec::Json).compress_over(4096);
/// let memo = Memoizer::new(store);
/// assert_eq!(memo.get("key", || 1_u32).unwrap(), 1);
/// # }
/// ```
pub struct Encoded {
    medium: Medium,
    codec: Codec,
    /// The least length of a value that is compressed, in bytes.
    compress_from: usize,
    known: HashMap<TypeId, Arc<dyn AnyCoding>>,
    newer: Newer,
}

/// What is found for one key of several.
pub(crate) type Found = Result<Option<Entry<AnyValue>>, StoreError>;

/// Keys under which a later version keeps what this one cannot read, as of the last
/// look: what is built for them is not to overwrite it.
#[derive(Default)]
struct Newer {
    any: AtomicBool,
    keys: Mutex<HashSet<String>>,
}

impl Newer {
    /// How many keys are remembered. One that is not asked for again stays.
    const MOST: usize = 10_000;

    fn add(&self, text: &str) {
        let mut keys = self.keys.lock();
        if keys.len() >= Newer::MOST {
            keys.clear();
        }
        keys.insert(text.to_owned());
        self.any.store(true, Ordering::Relaxed);
    }

    /// Forgets a key; answers whether it was one.
    fn remove(&self, text: &str) -> bool {
        self.any.load(Ordering::Relaxed) && self.keys.lock().remove(text)
    }
}

impl Encoded {
    /// Values in this store, in MessagePack, and not compressed.
    pub fn new(store: impl ByteStore + 'static) -> Self {
        let encoded = Encoded {
            medium: Medium::new(Arc::new(store)),
            codec: Codec::default(),
            compress_from: usize::MAX,
            known: HashMap::new(),
            newer: Newer::default(),
        };
        encoded
            .knows::<bool>()
            .knows::<char>()
            .knows::<String>()
            .knows::<Vec<u8>>()
            .knows::<Vec<String>>()
            .knows_numbers()
    }

    fn knows_numbers(self) -> Self {
        self.knows::<u8>()
            .knows::<u16>()
            .knows::<u32>()
            .knows::<u64>()
            .knows::<usize>()
            .knows::<i8>()
            .knows::<i16>()
            .knows::<i32>()
            .knows::<i64>()
            .knows::<isize>()
            .knows::<f32>()
            .knows::<f64>()
    }

    /// Writes values in another format. What was written in any format is read.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Compresses values that take more than so many bytes, by LZ4.
    #[must_use]
    pub fn compress_over(mut self, bytes: usize) -> Self {
        self.compress_from = bytes.saturating_add(1);
        self
    }

    /// Lets calls by hand keep values of type `V`, and of type `Option<V>`. Numbers,
    /// texts and bytes are known. A `#[memoize]` function knows its own.
    #[must_use]
    pub fn knows<V: Any + Serialize + DeserializeOwned + Send + Sync>(mut self) -> Self {
        self.know::<V>();
        self.know::<Option<V>>();
        self
    }

    fn know<V: Any + Serialize + DeserializeOwned + Send + Sync>(&mut self) {
        let coding = Arc::new(Plain(Coding::<V>::new()));
        self.known.insert(TypeId::of::<V>(), coding);
    }

    /// How values of this type become bytes, if that has been said.
    pub(crate) fn known(&self, id: TypeId) -> Option<Arc<dyn AnyCoding>> {
        self.known.get(&id).cloned()
    }

    /// What is asked of a value, if it is to be kept here.
    pub(crate) fn form(&self) -> Form {
        match self.codec.describes_itself() {
            true => Form::Bytes,
            false => Form::BytesBySchema,
        }
    }

    pub(crate) fn medium(&self) -> &Medium {
        &self.medium
    }

    pub(crate) async fn find(
        &self,
        caller: Caller,
        text: &str,
        coded: Coded<'_>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        let found = self.medium.get(caller, text).await?;
        self.open(text, found.as_deref(), coded)
    }

    /// Each of several keys, with one question to the store.
    pub(crate) async fn find_many(
        &self,
        caller: Caller,
        asked: &[(&String, Coded<'_>)],
    ) -> Result<Vec<Found>, StoreError> {
        let texts: Vec<&str> = asked.iter().map(|(text, _)| text.as_str()).collect();
        let found = self.medium.get_many(caller, &texts).await?;
        if found.len() != texts.len() {
            let cause = format!(
                "`get_many` was asked for {} keys, and answered for {}",
                texts.len(),
                found.len()
            );
            return Err(unusable(cause));
        }
        let pairs = asked.iter().zip(&found);
        Ok(pairs
            .map(|((text, coded), bytes)| self.open(text, bytes.as_deref(), *coded))
            .collect())
    }

    /// What is known of the value, which is not looked at.
    pub(crate) async fn facts(
        &self,
        caller: Caller,
        text: &str,
    ) -> Result<Option<Entry<()>>, StoreError> {
        let Some(bytes) = self.medium.get(caller, text).await? else {
            return Ok(None);
        };
        let envelope = envelope_of(text, &bytes)?;
        Ok(envelope.map(|envelope| entry(&envelope, ())))
    }

    /// Keeps an entry, by a lease if there is one. Who has lost it keeps nothing, and
    /// is told so by the error.
    pub(crate) async fn put(
        &self,
        caller: Caller,
        text: &str,
        new: &Entry<AnyValue>,
        coded: Coded<'_>,
        lease: Option<Holds<'_>>,
    ) -> Result<(), StoreError> {
        match self.newer.remove(text) {
            true => Ok(()),
            false => self.overwrite(caller, text, new, coded, lease).await,
        }
    }

    /// Has the next put for a key replace what a later version keeps for its like alone.
    pub(crate) fn take_over(&self, text: &str) {
        self.newer.remove(text);
    }

    /// The same, also over what a later version keeps for its like alone.
    pub(crate) async fn overwrite(
        &self,
        caller: Caller,
        text: &str,
        new: &Entry<AnyValue>,
        coded: Coded<'_>,
        lease: Option<Holds<'_>>,
    ) -> Result<(), StoreError> {
        let bytes = self.seal(text, new, coded)?;
        let expires = new.until().hint();
        match lease {
            None => self.medium.put(caller, text, &bytes, expires).await,
            Some(lease) => match lease.publish(&bytes, expires).await? {
                true => Ok(()),
                false => Err(StoreError::new(
                    "publishing",
                    "the lease was lost: the key was deleted, or the build took longer than the \
                     lease could be renewed",
                )),
            },
        }
    }

    /// Keeps an entry unless something is kept; answers whether it is, or nothing where
    /// the store cannot do that in one step.
    pub(crate) async fn add(
        &self,
        caller: Caller,
        text: &str,
        new: &Entry<AnyValue>,
        coded: Coded<'_>,
    ) -> Result<Option<bool>, StoreError> {
        let bytes = self.seal(text, new, coded)?;
        let expires = new.until().hint();
        self.medium
            .put_if_absent(caller, text, &bytes, expires)
            .await
    }

    /// Replaces what is kept by what `change` makes of it, unless it is another by then
    /// or cannot be read; answers whether it was replaced.
    pub(crate) async fn change(
        &self,
        caller: Caller,
        text: &str,
        coded: Coded<'_>,
        change: &Becomes,
    ) -> Result<bool, StoreError> {
        let Some(old) = self.medium.get(caller, text).await? else {
            return Ok(false);
        };
        let Ok(Some(entry)) = self.open(text, Some(&old), coded) else {
            return Ok(false);
        };
        let changed = change(&entry)?;
        let new = self.seal(text, &changed, coded)?;
        let expires = changed.until().hint();
        self.medium.replace(caller, text, &old, &new, expires).await
    }

    /// Gives what is kept another expiry; answers whether anything is kept.
    pub(crate) async fn expire_at(
        &self,
        caller: Caller,
        text: &str,
        at: Stamp,
    ) -> Result<bool, StoreError> {
        const TRIES: usize = 16;
        for _ in 0..TRIES {
            let Some(old) = self.medium.get(caller, text).await? else {
                return Ok(false);
            };
            let Some(envelope) = envelope_of(text, &old)? else {
                return Ok(false);
            };
            let until = at.after_nanos(envelope.stale);
            let new = envelope::with_expiry(&old, at);
            let replaced = self.medium.replace(caller, text, &old, &new, until.hint());
            if replaced.await? {
                return Ok(true);
            }
        }
        Err(StoreError::new(
            "changing an expiry",
            format!("the entry was replaced {TRIES} times meanwhile"),
        ))
    }

    fn open(
        &self,
        text: &str,
        bytes: Option<&[u8]>,
        coded: Coded<'_>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        let envelope = bytes.map(|bytes| envelope_of(text, bytes)).transpose();
        // It is marked for as long as it is there: another caller may be about to put.
        match &envelope {
            Ok(Some(None)) => self.newer.add(text),
            _ => _ = self.newer.remove(text),
        }
        let Some(envelope) = envelope?.flatten() else {
            return Ok(None);
        };
        if envelope.schema != coded.schema() {
            return Err(unusable("they are of another type, or of another schema"));
        }
        let decode = |payload: &[u8]| {
            // A type's own `Deserialize` is user code, and bytes are anybody's.
            let decode = || coded.coding.decode(payload, envelope.codec);
            catch_unwind(AssertUnwindSafe(decode))
                .unwrap_or_else(|_| Err("the type's `Deserialize` panicked".into()))
                .map_err(unusable)
        };
        let value = match envelope.is_compressed {
            true => decode(&envelope::decompressed(envelope.payload).map_err(unusable)?)?,
            false => decode(envelope.payload)?,
        };
        Ok(Some(entry(&envelope, value)))
    }

    fn seal(
        &self,
        text: &str,
        entry: &Entry<AnyValue>,
        coded: Coded<'_>,
    ) -> Result<Vec<u8>, StoreError> {
        let failed = |cause| StoreError::new("encoding", cause);
        let value = coded.coding.encode(&entry.value, self.codec);
        let value = value.map_err(failed)?;
        let is_compressed = value.len() >= self.compress_from;
        let payload = match is_compressed {
            true => envelope::compressed(&value),
            false => value,
        };
        let envelope = Envelope {
            codec: self.codec,
            schema: coded.schema(),
            key_check: key_check(text),
            created: entry.created,
            expires: entry.expires,
            took: entry.took,
            etag: entry.etag().map(Etag::as_str),
            groups: entry.groups().iter().map(named).collect(),
            stale: entry.stale(),
            is_negative: entry.is_negative(),
            is_compressed,
            payload: &payload,
        };
        envelope
            .seal()
            .ok_or_else(|| failed("the value takes more than four gigabytes".into()))
    }
}

/// The envelope, or nothing where it is for a later version alone: that is to stay
/// where it is.
fn envelope_of<'b>(text: &str, bytes: &'b [u8]) -> Result<Option<Envelope<'b>>, StoreError> {
    match Envelope::open(bytes) {
        Ok(envelope) if envelope.key_check == key_check(text) => Ok(Some(envelope)),
        Ok(_) => Err(unusable("they are of another key")),
        Err(Fault::Newer { .. }) => Ok(None),
        Err(fault) => Err(unusable(fault)),
    }
}

fn entry<V>(envelope: &Envelope<'_>, value: V) -> Entry<V> {
    let groups = envelope.groups.iter().map(|(group, generation)| Recorded {
        group: Arc::new((*group).to_owned()),
        generation: *generation,
    });
    let etag = envelope.etag.map(Etag::new);
    let marks = Marks::of(etag, groups.collect(), envelope.stale);
    Entry {
        value,
        created: envelope.created,
        expires: envelope.expires,
        marks: match envelope.is_negative {
            true => Marks::negative(marks),
            false => marks,
        },
        took: envelope.took,
    }
}

/// A group, as the envelope has it.
fn named(recorded: &Recorded) -> (&str, Generation) {
    (&recorded.group, recorded.generation)
}

fn unusable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::new("reading what is kept", cause)
}

impl From<Encoded> for SharedStore {
    fn from(store: Encoded) -> Self {
        SharedStore::encoded(store)
    }
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Encoded({:?}, {} types known)",
            self.codec,
            self.known.len()
        )
    }
}
