use super::apart::{Tries, moved, sent};
use super::guards::Locked;
use super::values::Map;
use super::{Lock, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// A lock that is asked on threads that may block.
#[derive(Clone)]
pub(super) enum AnyLock {
    Own(Arc<dyn Lock>),
    Native(Arc<Map>),
}

impl AnyLock {
    fn lock(&self) -> Option<&dyn Lock> {
        match self {
            AnyLock::Own(lock) => Some(&**lock),
            AnyLock::Native(store) => store.native_lock(),
        }
    }
}

/// A lock that is held by who awaits.
pub(crate) struct Away {
    lock: AnyLock,
    /// None, once it has been released.
    key: Option<String>,
}

impl Away {
    pub(super) async fn acquire(
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

    /// Releases it, and is ready when that is done.
    pub(super) async fn released(mut self) {
        moved(move || {
            if let (Some(lock), Some(key)) = (self.lock.lock(), self.key.take()) {
                lock.release(&key);
            }
        })
        .await;
    }
}

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
