//! Stores of bytes: what several processes share, or what outlives them.
//!
//! A [`ByteStore`] maps text keys to bytes and knows nothing of what they mean.
//!
//! | part | does one thing |
//! |---|---|
//! | `envelope` | what a value is kept in, byte by byte |
//! | `encoded` | a store of bytes, for values: codecs, compression, faults |
//! | `medium` | a store of bytes, for callers that block and for callers that await |
//!
//! Locks in such a store are [`Leases`]: they expire, and have a token that is
//! checked when a value is put.
//!
//! # The bytes
//!
//! All numbers are little-endian.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `MMTO` |
//! | 4 | 1 | version of the form that wrote it: 1 |
//! | 5 | 1 | the least version that a reader must know |
//! | 6 | 1 | codec: 0 MessagePack, 1 JSON, 2 postcard |
//! | 7 | 1 | flags: 1 compressed |
//! | 8 | 4 | length of all before the payload, `h` |
//! | 12 | 4 | CRC-32 (IEEE) of all but these four bytes |
//! | 16 | 8 | schema: what the value's type was told by |
//! | 24 | 16 | key check: the first bytes of the key's SHA-256 |
//! | 40 | 8 | created, in nanoseconds since 1970 |
//! | 48 | 8 | expires, likewise; all ones: never |
//! | 56 | 4 | how long the build took, in seconds: an IEEE 754 float |
//! | 60 | 4 | length of the payload |
//! | 64 | `h` - 64 | fields: tag (2 bytes), length (4), that many bytes; an unknown tag is skipped |
//! | `h` | | the payload |
//!
//! Field 1 is the etag, in UTF-8. Field 2 is there once for each group that the entry is
//! in: the two numbers of the group's generation before the build (8 bytes each), and the
//! key under which the store holds the generation, in UTF-8. A generation is an envelope
//! too; its value is a list of those two numbers. An entry is missing if the first number
//! is another now or the generation is not there, and stale if the second is another.
//!
//! Field 3 is there if the entry has a stale period: for how many nanoseconds after it
//! has expired it may still be served (8 bytes). Stores give nothing up before that.
//! Field 4 is there, without content, if the build has said that there is nothing.
//!
//! A compressed payload is the length of the value
//! (4 bytes), and the value as a block of LZ4.
//!
//! A later version that only adds fields says that version 1 may read it. Whoever
//! may not read an envelope takes it for a miss, and leaves it where it is, unless told
//! to delete or to refresh it. A generation is replaced by any invalidation.

#[cfg(feature = "async")]
mod awaits;
#[cfg(feature = "async")]
mod driven;
mod encoded;
mod envelope;
mod medium;
#[cfg(feature = "async")]
mod unblocked;

pub use super::lease::{Lease, Leases};
#[cfg(feature = "async")]
pub use awaits::{AsyncByteStore, AsyncLease, AsyncLeases, Awaited};
#[cfg(feature = "async")]
pub use driven::Driven;
pub use encoded::Encoded;
pub(crate) use encoded::Found;
pub(crate) use medium::Medium;
#[cfg(feature = "async")]
pub use unblocked::Unblocked;

use super::StoreError;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A shared map from text keys to bytes, in this process or out of it.
///
/// Calls come from many threads at once, and each may take as long as the medium
/// takes: nothing of ours is locked meanwhile. A store has a limit to that time of
/// its own, and answers with an error when it is over. What callers ask who await is asked
/// on threads that may block, unless the store has a [face](Self::awaited) for them.
///
/// # What must hold
///
/// - Bytes that were put are found, whole, until they are deleted, replaced or
///   expire. A store that gives them up earlier is a cache, and may; one that
///   answers with other bytes is broken, which is found out: they carry a checksum.
/// - After `delete`, `delete_prefix` or `clear` has returned, nothing that was put
///   before is found, and no [`Lease`] that was acquired before publishes.
/// - Bytes are not found any more once they have expired, or later: who reads them
///   looks at the time too. They are found until then.
pub trait ByteStore: Send + Sync {
    /// The bytes kept for `key`.
    ///
    /// # Errors
    ///
    /// When the store cannot answer. The caller takes that for a miss.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps `bytes` for `key`, in place of what is there. From `expires` on nobody
    /// wants them, and not earlier.
    ///
    /// # Errors
    ///
    /// When they could not be kept.
    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError>;

    /// Keeps `bytes` for `key` unless something is kept there; answers whether they
    /// were, or with nothing where the store cannot do that in one step.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    fn put_if_absent(
        &self,
        _key: &str,
        _bytes: &[u8],
        _expires: Option<SystemTime>,
    ) -> Result<Option<bool>, StoreError> {
        Ok(None)
    }

    /// Keeps `new` for `key` if `old` is still what is kept there; answers whether
    /// it was. The plain form takes more than one step, between which another
    /// caller's bytes may be lost.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<bool, StoreError> {
        if self.get(key)?.as_deref() != Some(old) {
            return Ok(false);
        }
        self.put(key, new, expires)?;
        Ok(true)
    }

    /// Forgets `key`, and voids its lease; answers whether anything was kept.
    ///
    /// # Errors
    ///
    /// When the bytes may still be there. Callers never pass over it in silence.
    fn delete(&self, key: &str) -> Result<bool, StoreError>;

    /// The bytes kept for each of `keys`, in their order. The plain form asks for
    /// one after another.
    ///
    /// # Errors
    ///
    /// When the store cannot answer for all of them.
    fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// The keys that begin with `prefix`, at some moment during the call for each,
    /// or nothing where the store cannot list them.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn keys(&self, _prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
        Ok(None)
    }

    /// Forgets all keys that begin with `prefix`, and voids their leases. The plain
    /// form lists them and deletes one after another.
    ///
    /// # Errors
    ///
    /// When something may still be there; also where the store cannot list its keys.
    fn delete_prefix(&self, prefix: &str) -> Result<(), StoreError> {
        let keys = self.keys(prefix)?.ok_or_else(|| {
            StoreError::new("deleting by prefix", "this store cannot list its keys")
        })?;
        keys.iter().try_for_each(|key| self.delete(key).map(drop))
    }

    /// Forgets everything, and voids all leases.
    ///
    /// # Errors
    ///
    /// As [`delete_prefix`](Self::delete_prefix).
    fn clear(&self) -> Result<(), StoreError> {
        self.delete_prefix("")
    }

    /// Gives up what has expired by `now`; answers how many keys that were.
    ///
    /// # Errors
    ///
    /// When the store cannot do so now.
    fn sweep(&self, _now: SystemTime) -> Result<usize, StoreError> {
        Ok(0)
    }

    /// Gives up some of what has expired by `now`; answers how many keys that were.
    /// Called after each put, so it should cost no more than puts do, on average.
    fn tidy(&self, _now: SystemTime) -> usize {
        0
    }

    /// The store's leases, if it has any.
    fn leases(&self) -> Option<&dyn Leases> {
        None
    }

    /// The same store for callers that await, if it has a client for them. Where it has
    /// none, what they ask is moved to threads that may block, by [`Unblocked`].
    #[cfg(feature = "async")]
    fn awaited(&self) -> Option<&dyn AsyncByteStore> {
        None
    }

    /// Has `told` be called with whatever changes in the store, by whomever, until the
    /// answer is dropped; nothing where the store cannot tell. `told` is quick, and
    /// does not call back.
    ///
    /// # Errors
    ///
    /// When the store cannot be watched, and will not be.
    fn watch(
        &self,
        _told: Box<dyn Fn(Change<'_>) + Send + Sync>,
    ) -> Result<Option<Watch>, StoreError> {
        Ok(None)
    }

    /// How long the store itself goes on keeping a key, where it counts that:
    /// rounded down, so that nobody relies on more than there is.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn native_ttl(&self, _key: &str) -> Result<Option<Duration>, StoreError> {
        Ok(None)
    }
}

/// What has changed in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'c> {
    /// What is kept for this key: it is there anew, or replaced, or gone.
    Key(&'c str),
    /// Anything: the store was cleared, or could not be heard for a while.
    All,
}

/// A store is being watched. Dropping this ends it.
pub type Watch = Box<dyn Send + Sync>;

macro_rules! behind_pointers {
    ($($pointer:ty),*) => { $(
        impl<S: ByteStore + ?Sized> ByteStore for $pointer {
            fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
                (**self).get(key)
            }

            fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>)
            -> Result<(), StoreError> {
                (**self).put(key, bytes, expires)
            }

            fn put_if_absent(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>)
            -> Result<Option<bool>, StoreError> {
                (**self).put_if_absent(key, bytes, expires)
            }

            fn replace(&self, key: &str, old: &[u8], new: &[u8], expires: Option<SystemTime>)
            -> Result<bool, StoreError> {
                (**self).replace(key, old, new, expires)
            }

            fn delete(&self, key: &str) -> Result<bool, StoreError> {
                (**self).delete(key)
            }

            fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
                (**self).get_many(keys)
            }

            fn keys(&self, prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
                (**self).keys(prefix)
            }

            fn delete_prefix(&self, prefix: &str) -> Result<(), StoreError> {
                (**self).delete_prefix(prefix)
            }

            fn clear(&self) -> Result<(), StoreError> {
                (**self).clear()
            }

            fn sweep(&self, now: SystemTime) -> Result<usize, StoreError> {
                (**self).sweep(now)
            }

            fn tidy(&self, now: SystemTime) -> usize {
                (**self).tidy(now)
            }

            fn leases(&self) -> Option<&dyn Leases> {
                (**self).leases()
            }

            #[cfg(feature = "async")]
            fn awaited(&self) -> Option<&dyn AsyncByteStore> {
                (**self).awaited()
            }

            fn watch(&self, told: Box<dyn Fn(Change<'_>) + Send + Sync>)
            -> Result<Option<Watch>, StoreError> {
                (**self).watch(told)
            }

            fn native_ttl(&self, key: &str) -> Result<Option<Duration>, StoreError> {
                (**self).native_ttl(key)
            }
        }
    )* };
}

behind_pointers!(&S, Box<S>, Arc<S>);
