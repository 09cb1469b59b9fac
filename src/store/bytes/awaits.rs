//! Stores of bytes that are awaited.

use super::StoreError;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// What an operation of a store comes to, later.
pub type Awaited<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A [`ByteStore`](super::ByteStore) for callers that await: the same map, the same
/// promises, and no operation holds up the thread that polls it.
///
/// An operation that is dropped before it is ready may have been carried out or not; but not
/// after a later one has been, unless that is a lease's [`publish`](AsyncLease::publish), which
/// is refused where it comes too late. It needs no particular runtime: a store whose client
/// needs one brings it.
pub trait AsyncByteStore: Send + Sync {
    /// The bytes kept for `key`.
    ///
    /// # Errors
    ///
    /// When the store cannot answer. The caller takes that for a miss.
    fn get<'a>(&'a self, key: &'a str) -> Awaited<'a, Option<Vec<u8>>>;

    /// Keeps `bytes` for `key`, in place of what is there. From `expires` on nobody
    /// wants them, and not earlier.
    ///
    /// # Errors
    ///
    /// When they could not be kept.
    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: &'a [u8],
        expires: Option<SystemTime>,
    ) -> Awaited<'a, ()>;

    /// Keeps `bytes` for `key` unless something is kept there; answers whether they
    /// were, or with nothing where the store cannot do that in one step.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    fn put_if_absent<'a>(
        &'a self,
        _key: &'a str,
        _bytes: &'a [u8],
        _expires: Option<SystemTime>,
    ) -> Awaited<'a, Option<bool>> {
        Box::pin(async { Ok(None) })
    }

    /// Keeps `new` for `key` if `old` is still what is kept there; answers whether
    /// it was. The plain form takes more than one step, between which another
    /// caller's bytes may be lost.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    fn replace<'a>(
        &'a self,
        key: &'a str,
        old: &'a [u8],
        new: &'a [u8],
        expires: Option<SystemTime>,
    ) -> Awaited<'a, bool> {
        Box::pin(async move {
            if self.get(key).await?.as_deref() != Some(old) {
                return Ok(false);
            }
            self.put(key, new, expires).await?;
            Ok(true)
        })
    }

    /// Forgets `key`, and voids its lease; answers whether anything was kept.
    ///
    /// # Errors
    ///
    /// When the bytes may still be there. Callers never pass over it in silence.
    fn delete<'a>(&'a self, key: &'a str) -> Awaited<'a, bool>;

    /// The bytes kept for each of `keys`, in their order. The plain form asks for
    /// one after another.
    ///
    /// # Errors
    ///
    /// When the store cannot answer for all of them.
    fn get_many<'a>(&'a self, keys: &'a [&'a str]) -> Awaited<'a, Vec<Option<Vec<u8>>>> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                found.push(self.get(key).await?);
            }
            Ok(found)
        })
    }

    /// Forgets all keys that begin with `prefix`, and voids their leases.
    ///
    /// # Errors
    ///
    /// When something may still be there; also where the store cannot list its keys.
    fn delete_prefix<'a>(&'a self, prefix: &'a str) -> Awaited<'a, ()>;

    /// Forgets everything, and voids all leases.
    ///
    /// # Errors
    ///
    /// As [`delete_prefix`](Self::delete_prefix).
    fn clear(&self) -> Awaited<'_, ()> {
        self.delete_prefix("")
    }

    /// Gives up some of what has expired by `now`; answers how many keys that were.
    /// Called after each put, so it should cost no more than puts do, on average.
    ///
    /// # Errors
    ///
    /// When the store cannot do so now. Nobody is told.
    fn tidy(&self, _now: SystemTime) -> Awaited<'_, usize> {
        Box::pin(async { Ok(0) })
    }

    /// The store's leases, if it has any.
    fn leases(&self) -> Option<&dyn AsyncLeases> {
        None
    }

    /// How long the store itself goes on keeping a key, where it counts that:
    /// rounded down, so that nobody relies on more than there is.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn native_ttl<'a>(&'a self, _key: &'a str) -> Awaited<'a, Option<Duration>> {
        Box::pin(async { Ok(None) })
    }
}

/// [`Leases`](super::Leases) for callers that await.
pub trait AsyncLeases: Send + Sync {
    /// Acquires the lease of `key`, waiting for at most `timeout`; nothing where it
    /// was held all that time. It is renewed until it is dropped. Dropping what this
    /// answers, before it is ready too, leaves the lease to nobody.
    ///
    /// # Errors
    ///
    /// When the store cannot answer. That counts as not acquired.
    fn acquire<'a>(
        &'a self,
        key: &'a str,
        timeout: Duration,
    ) -> Awaited<'a, Option<Box<dyn AsyncLease + 'a>>>;
}

/// A lease that is held. Dropping it has it released, and waits for nothing.
pub trait AsyncLease: Send + Sync {
    /// Keeps `bytes` for the lease's key and releases the lease, in one step, if it
    /// is still held; answers whether it was. If not, nothing is kept: another
    /// caller has it, or the key was deleted.
    ///
    /// # Errors
    ///
    /// When the bytes could not be kept, or it is not known whether they were.
    fn publish<'a>(&'a self, bytes: &'a [u8], expires: Option<SystemTime>) -> Awaited<'a, bool>;
}
