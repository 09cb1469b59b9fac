#[cfg(feature = "async")]
use super::apart::{Tries, moved, sent};
#[cfg(all(feature = "async", feature = "bytes"))]
use super::bytes::AsyncLease;
#[cfg(feature = "bytes")]
use super::bytes::Medium;
use super::values::{Map, Values};
use super::{Caller, Lease, StoreError};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A lock by key, held while a value is built.
///
/// In process, callers of one key are coordinated without any: one builds, and
/// the others wait for that. A lock is for what is shared beyond that, such as a
/// store that several processes use.
///
/// It is asked for by whoever leads a build, with nothing of ours locked; then
/// the leader looks into the store again; and it is released once the value has
/// been put, also where the build fails or panics.
///
/// ```
/// use mementos::store::{Lock, StoreError};
/// use parking_lot::{Condvar, Mutex};
/// use std::collections::HashSet;
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct ByName { held: Mutex<HashSet<String>>, released: Condvar }
///
/// impl Lock for ByName {
///     fn acquire(&self, key: &str, timeout: Duration) -> Result<bool, StoreError> {
///         let mut held = self.held.lock();
///         let wait = |held: &mut HashSet<String>| held.contains(key);
///         if self.released.wait_while_for(&mut held, wait, timeout).timed_out() {
///             return Ok(false);
///         }
///         Ok(held.insert(key.to_owned()))
///     }
///     fn release(&self, key: &str) {
///         self.held.lock().remove(key);
///         self.released.notify_all();
///     }
/// }
/// # let lock = ByName::default();
/// # assert!(lock.acquire("a", Duration::ZERO).unwrap());
/// # assert!(!lock.acquire("a", Duration::ZERO).unwrap());
/// # lock.release("a");
/// # assert!(lock.acquire("a", Duration::ZERO).unwrap());
/// ```
pub trait Lock: Send + Sync {
    /// Acquires the lock of `key`, waiting for at most `timeout`; answers whether
    /// it was acquired.
    ///
    /// # Errors
    ///
    /// When the lock cannot be asked for. That counts as not acquired.
    fn acquire(&self, key: &str, timeout: Duration) -> Result<bool, StoreError>;

    /// Releases a lock that was acquired.
    fn release(&self, key: &str);
}

impl<L: Lock + ?Sized> Lock for Arc<L> {
    fn acquire(&self, key: &str, timeout: Duration) -> Result<bool, StoreError> {
        (**self).acquire(key, timeout)
    }

    fn release(&self, key: &str) {
        (**self).release(key);
    }
}

/// What guards a build against being done elsewhere at the same time.
#[derive(Clone, Copy)]
pub(crate) enum Guards<'g> {
    /// A lock that was chosen.
    Lock(&'g Arc<dyn Lock>),
    /// The lock of a store of values.
    Native(&'g Values),
    #[cfg(feature = "bytes")]
    Leases(&'g Medium),
}

#[cfg(feature = "bytes")]
impl<'g> Guards<'g> {
    /// The leases of a store, if it has any.
    pub(super) fn leases(medium: &'g Medium) -> Option<Self> {
        medium.store().leases().map(|_| Guards::Leases(medium))
    }
}

/// A lock or a lease that is held. Dropping it releases it, so a panic does too.
pub(crate) enum Locked<'l> {
    Lock(Here<'l>),
    #[cfg_attr(not(feature = "bytes"), allow(dead_code))] // no store has any
    Lease(Box<dyn Lease + 'l>),
    #[cfg(feature = "async")]
    Away(Away),
    #[cfg(all(feature = "async", feature = "bytes"))]
    Awaited(Box<dyn AsyncLease + 'l>),
}

/// A lease that is held, by who publishes by it.
#[derive(Clone, Copy)]
pub(crate) enum Holds<'l> {
    Blocks(&'l dyn Lease),
    #[cfg(all(feature = "async", feature = "bytes"))]
    Awaits(&'l dyn AsyncLease),
}

impl<'l> Locked<'l> {
    /// Nothing, where the time was over.
    pub(crate) async fn acquire(
        caller: Caller,
        guards: Guards<'l>,
        key: &'l str,
        timeout: Duration,
    ) -> Result<Option<Self>, StoreError> {
        match (caller, guards) {
            (Caller::Blocks, Guards::Lock(lock)) => Here::acquire(&**lock, key, timeout),
            (Caller::Blocks, Guards::Native(store)) => match store.native_lock() {
                Some(lock) => Here::acquire(lock, key, timeout),
                None => Ok(None),
            },
            #[cfg(feature = "bytes")]
            (Caller::Blocks, Guards::Leases(medium)) => match medium.store().leases() {
                Some(leases) => Ok(leases.acquire(key, timeout)?.map(Locked::Lease)),
                None => Ok(None),
            },
            #[cfg(feature = "async")]
            (Caller::Awaits, Guards::Lock(lock)) => {
                Away::acquire(AnyLock::Own(Arc::clone(lock)), key, timeout).await
            }
            #[cfg(feature = "async")]
            (Caller::Awaits, Guards::Native(store)) => {
                let lock = AnyLock::Native(Arc::clone(store.store()));
                Away::acquire(lock, key, timeout).await
            }
            #[cfg(all(feature = "async", feature = "bytes"))]
            (Caller::Awaits, Guards::Leases(medium)) => match medium.awaited().leases() {
                Some(leases) => Ok(leases.acquire(key, timeout).await?.map(Locked::Awaited)),
                None => Ok(None),
            },
        }
    }

    /// Releases it. When this is ready, that is done; dropping it has it done, and a caller
    /// that awaits does not see when.
    #[cfg(feature = "async")]
    pub(crate) async fn release(self) {
        if let Locked::Away(away) = self {
            moved(move || away.release()).await;
        }
    }

    /// The lease, if it is one.
    pub(crate) fn lease(&self) -> Option<Holds<'_>> {
        match self {
            Locked::Lock(_) => None,
            Locked::Lease(lease) => Some(Holds::Blocks(&**lease)),
            #[cfg(feature = "async")]
            Locked::Away(_) => None,
            #[cfg(all(feature = "async", feature = "bytes"))]
            Locked::Awaited(lease) => Some(Holds::Awaits(&**lease)),
        }
    }
}

#[cfg(feature = "bytes")]
impl Holds<'_> {
    /// As [`Lease::publish`].
    pub(super) async fn publish(
        self,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<bool, StoreError> {
        match self {
            Holds::Blocks(lease) => lease.publish(bytes, expires),
            #[cfg(feature = "async")]
            Holds::Awaits(lease) => lease.publish(bytes, expires).await,
        }
    }
}

/// A lock that is held by who may block.
pub(crate) struct Here<'l> {
    lock: &'l dyn Lock,
    key: &'l str,
}

impl<'l> Here<'l> {
    fn acquire(
        lock: &'l dyn Lock,
        key: &'l str,
        timeout: Duration,
    ) -> Result<Option<Locked<'l>>, StoreError> {
        // Made only if there is something to release.
        let acquired = lock.acquire(key, timeout)?;
        Ok(acquired.then(|| Locked::Lock(Here { lock, key })))
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.lock.release(self.key);
    }
}

/// A lock that is asked on threads that may block.
#[cfg(feature = "async")]
#[derive(Clone)]
enum AnyLock {
    Own(Arc<dyn Lock>),
    Native(Arc<Map>),
}

#[cfg(feature = "async")]
impl AnyLock {
    fn lock(&self) -> Option<&dyn Lock> {
        match self {
            AnyLock::Own(lock) => Some(&**lock),
            AnyLock::Native(store) => store.native_lock(),
        }
    }
}

/// A lock that is held by who awaits.
#[cfg(feature = "async")]
pub(crate) struct Away {
    lock: AnyLock,
    /// None, once it has been released.
    key: Option<String>,
}

#[cfg(feature = "async")]
impl Away {
    async fn acquire(
        lock: AnyLock,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Locked<'static>>, StoreError> {
        let mut tries = Tries::new(timeout);
        loop {
            let (lock, key, wait) = (lock.clone(), key.to_owned(), tries.wait());
            // If the caller is gone when this has acquired it, it is dropped, which releases it.
            let acquired = moved(move || {
                let acquired = match lock.lock() {
                    Some(lock) => lock.acquire(&key, wait)?,
                    None => false,
                };
                let key = Some(key);
                Ok(acquired.then(|| Away { lock, key }))
            });
            if let Some(away) = acquired.await? {
                return Ok(Some(Locked::Away(away)));
            }
            if !tries.pause().await {
                return Ok(None);
            }
        }
    }

    /// Releases it, in this thread.
    fn release(mut self) {
        if let (Some(lock), Some(key)) = (self.lock.lock(), self.key.take()) {
            lock.release(&key);
        }
    }
}

#[cfg(feature = "async")]
impl Drop for Away {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let lock = self.lock.clone();
            sent(move || {
                if let Some(lock) = lock.lock() {
                    lock.release(&key);
                }
            });
        }
    }
}
