//! Stores: where kept things live. A store is a shared map from keys to values
//! and nothing more; how long an instance lives is a question of which store
//! holds it.
//!
//! | store | keeps |
//! |---|---|
//! | [`MemoryStore`] | until removed or expired |
//! | [`WeakStore`] | while somebody holds the instance |
//! | [`PinnedStore`] | as the weak one, and the last *n* used in any case |
//! | [`StaticStore`] | for ever |
//! | a locked `HashMap` or `BTreeMap`, a bare `DashMap` | until removed |
//! | anything that implements [`Store`] | as it likes |

#[cfg(feature = "async")]
mod apart;
#[cfg(feature = "async")]
mod away;
mod backing;
#[cfg(feature = "bounded")]
mod bounded;
#[cfg(feature = "bytes")]
pub mod bytes;
mod caller;
#[cfg(feature = "disk")]
pub mod disk;
mod generations;
mod guards;
mod keep;
mod kept;
mod lease;
mod lock;
mod maps;
mod memory;
#[cfg(feature = "opendal")]
pub mod opendal;
mod pinned;
#[cfg(feature = "redis")]
pub mod redis;
mod shared;
mod statics;
#[cfg(any(feature = "opendal", all(feature = "async", feature = "redis")))]
mod threads;
#[cfg(feature = "bytes")]
mod tiered;
mod values;
mod weak;

#[cfg(feature = "bounded")]
pub(crate) use bounded::Leaving;
#[cfg(feature = "bounded")]
pub use bounded::{BoundedStore, Evicted};
pub(crate) use caller::Caller;
pub(crate) use generations::{Becomes, Question, generation};
pub(crate) use guards::{Guards, Holds, Locked};
pub use keep::Keep;
pub(crate) use kept::{Displaced, Kept};
pub use lease::{Lease, Leases};
pub use lock::Lock;
pub use memory::MemoryStore;
pub use pinned::PinnedStore;
pub(crate) use shared::AnyFailure;
pub use shared::SharedStore;
pub use statics::StaticStore;
#[cfg(feature = "bytes")]
pub use tiered::Tiered;
pub use weak::WeakStore;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A shared map from keys to values.
///
/// Calls come from many threads at once. A store need not coordinate them
/// beyond what a map does: that one key is built once is seen to elsewhere.
///
/// # What must hold
///
/// - A value that was put is found until it is deleted, cleared, replaced or,
///   where the store says so, given up (a weak store, a bounded one, one that
///   honours expiry).
/// - After `delete` or `clear` has returned, nothing put before it is found.
/// - No method calls back into a registry. `put` in particular must not ask for
///   the removal of the key that is being put: it would wait for itself.
///
/// # Examples
///
/// A store of one's own:
///
/// ```
/// use mementos::store::{Store, StoreError};
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use std::time::SystemTime;
///
/// /// Keeps the newest value alone.
/// struct Newest<K, V>(Mutex<Option<(K, V)>>);
///
/// impl<K: Eq + Clone + Send, V: Clone + Send> Store<K, V> for Newest<K, V> {
///     fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
///         let kept = self.0.lock().unwrap();
///         Ok(kept.as_ref().filter(|(k, _)| k == key).map(|(_, v)| v.clone()))
///     }
///     fn put(&self, key: K, value: V, _: Option<SystemTime>) -> Result<Option<V>, StoreError> {
///         let old = self.0.lock().unwrap().replace((key, value));
///         Ok(old.map(|(_, v)| v))
///     }
///     fn delete(&self, key: &K) -> Result<Option<V>, StoreError> {
///         let mut kept = self.0.lock().unwrap();
///         let old = kept.take_if(|(k, _)| k == key);
///         Ok(old.map(|(_, v)| v))
///     }
///     fn clear(&self) -> Result<(), StoreError> {
///         *self.0.lock().unwrap() = None;
///         Ok(())
///     }
///     fn entries(&self) -> Result<Vec<(K, V)>, StoreError> {
///         Ok(self.0.lock().unwrap().iter().cloned().collect())
///     }
/// }
/// ```
pub trait Store<K, V>: Send + Sync {
    /// The value kept for `key`.
    ///
    /// # Errors
    ///
    /// When the store cannot answer. The caller takes that for a miss.
    fn get(&self, key: &K) -> Result<Option<V>, StoreError>;

    /// Keeps `value` for `key`, and answers with the value that it replaces.
    ///
    /// `expires` is a hint: from then on nobody wants the value. A store may
    /// give it up at that time, and must not before.
    ///
    /// # Errors
    ///
    /// When the value could not be kept.
    fn put(&self, key: K, value: V, expires: Option<SystemTime>) -> Result<Option<V>, StoreError>;

    /// Forgets `key`, and answers with what was kept.
    ///
    /// # Errors
    ///
    /// When the value may still be there. Callers never pass over it in silence:
    /// that would serve what was to be removed.
    fn delete(&self, key: &K) -> Result<Option<V>, StoreError>;

    /// Forgets everything.
    ///
    /// # Errors
    ///
    /// When something may still be there.
    fn clear(&self) -> Result<(), StoreError>;

    /// All that is kept, at some moment during the call for each of them.
    ///
    /// # Errors
    ///
    /// When the store cannot list what it keeps.
    fn entries(&self) -> Result<Vec<(K, V)>, StoreError>;

    /// How many values are kept. The plain form lists and counts them.
    ///
    /// # Errors
    ///
    /// As [`entries`](Self::entries).
    fn len(&self) -> Result<usize, StoreError> {
        self.entries().map(|entries| entries.len())
    }

    /// Whether nothing is kept.
    ///
    /// # Errors
    ///
    /// As [`len`](Self::len).
    fn is_empty(&self) -> Result<bool, StoreError> {
        self.len().map(|len| len == 0)
    }

    /// Gives up what is dead or expired, now, and answers how many that were.
    /// Stores that keep such things also sweep by themselves.
    fn sweep(&self) -> usize {
        0
    }

    /// Gives up what has expired by `now`; answers how many that were.
    fn sweep_expired(&self, _now: SystemTime) -> usize {
        0
    }

    /// Gives up some of what has expired by `now`; answers how many that were.
    /// Called after each put by whoever knows the time, so it should cost no more
    /// than puts do, on average.
    fn tidy(&self, _now: SystemTime) -> usize {
        0
    }

    /// Whether an operation may take so long that it is not for the thread of a runtime: one
    /// that reads a file, say. Then what callers ask who await for a result that is kept here
    /// is moved to threads that may block. Asked once, before the store is used.
    ///
    /// A store in memory says no, which is the plain form: a hop to another thread takes
    /// longer than a look there.
    fn may_block(&self) -> bool {
        false
    }

    /// The store's own lock, for callers elsewhere that share the store. Callers who await
    /// ask it on threads that may block, in any case.
    fn native_lock(&self) -> Option<&dyn Lock> {
        None
    }

    /// How long the store itself goes on keeping a key, where it counts that:
    /// rounded down, so that nobody relies on more than there is.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn native_ttl(&self, _key: &K) -> Result<Option<Duration>, StoreError> {
        Ok(None)
    }
}

/// A store that could not do what it was asked.
#[derive(Clone)]
pub struct StoreError {
    did: &'static str,
    cause: Arc<dyn Error + Send + Sync>,
}

impl StoreError {
    /// `did` says what was being done, as in "deleting".
    pub fn new(did: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        StoreError {
            did,
            cause: cause.into().into(),
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreError({self})")
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed in the store: {}", self.did, self.cause)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

macro_rules! stores_behind_pointers {
    ($($pointer:ty),*) => { $(
        impl<K, V, S: Store<K, V> + ?Sized> Store<K, V> for $pointer {
            fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
                (**self).get(key)
            }

            fn put(&self, key: K, value: V, expires: Option<SystemTime>)
            -> Result<Option<V>, StoreError> {
                (**self).put(key, value, expires)
            }

            fn delete(&self, key: &K) -> Result<Option<V>, StoreError> {
                (**self).delete(key)
            }

            fn clear(&self) -> Result<(), StoreError> {
                (**self).clear()
            }

            fn entries(&self) -> Result<Vec<(K, V)>, StoreError> {
                (**self).entries()
            }

            fn len(&self) -> Result<usize, StoreError> {
                (**self).len()
            }

            fn sweep(&self) -> usize {
                (**self).sweep()
            }

            fn sweep_expired(&self, now: SystemTime) -> usize {
                (**self).sweep_expired(now)
            }

            fn tidy(&self, now: SystemTime) -> usize {
                (**self).tidy(now)
            }

            fn may_block(&self) -> bool {
                (**self).may_block()
            }

            fn native_lock(&self) -> Option<&dyn Lock> {
                (**self).native_lock()
            }

            fn native_ttl(&self, key: &K) -> Result<Option<Duration>, StoreError> {
                (**self).native_ttl(key)
            }
        }
    )* };
}

stores_behind_pointers!(&S, Box<S>, Arc<S>);
