#[cfg(feature = "async")]
use super::away::{AnyLock, Away};
#[cfg(all(feature = "async", feature = "bytes"))]
use super::bytes::AsyncLease;
#[cfg(feature = "bytes")]
use super::bytes::Medium;
use super::values::Values;
use super::{Caller, Lease, Lock, StoreError};
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "bytes")]
use std::time::SystemTime;

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
    #[cfg_attr(not(feature = "bytes"), allow(dead_code))] // nothing publishes by it
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
                let lock = AnyLock::Own(Arc::clone(lock));
                Box::pin(Away::acquire(lock, key, timeout)).await
            }
            #[cfg(feature = "async")]
            (Caller::Awaits, Guards::Native(store)) => {
                let lock = AnyLock::Native(Arc::clone(store.store()));
                Box::pin(Away::acquire(lock, key, timeout)).await
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
    pub(crate) async fn release(self) {
        match self {
            Locked::Lock(here) => drop(here),
            Locked::Lease(lease) => drop(lease),
            #[cfg(feature = "async")]
            Locked::Away(away) => away.released().await,
            #[cfg(all(feature = "async", feature = "bytes"))]
            Locked::Awaited(lease) => drop(lease),
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
