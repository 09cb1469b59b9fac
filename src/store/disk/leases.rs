use super::DiskStore;
use super::backoff::{Backoff, random};
use super::core::Core;
use super::tables::LEASES;
use super::time::{ends, expiry, now};
use crate::store::StoreError;
use crate::store::bytes::{Lease, Leases};
use crate::sync::Flag;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What was being done, in an error.
const ACQUIRING: &str = "acquiring a lease";

impl Leases for DiskStore {
    fn acquire<'l>(
        &'l self,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Lease + 'l>>, StoreError> {
        let key: Arc<str> = key.into();
        let token = token();
        let mut tries = Backoff::new(Duration::from_millis(1), Duration::from_millis(50), timeout);
        while !take(&self.core, &key, token)? {
            if !tries.pause() {
                return Ok(None);
            }
        }
        let lease = DiskLease {
            store: self,
            key: Arc::clone(&key),
            token,
            ours: Flag::new(true),
        };
        self.renewal
            .hold(&self.core, key, token)
            .map_err(|error| StoreError::new(ACQUIRING, error))?;
        Ok(Some(Box::new(lease)))
    }
}

/// Those who wait look without writing: nobody waits for the disk, or for them.
fn take(core: &Core, key: &Arc<str>, token: u128) -> Result<bool, StoreError> {
    let doing = |error: super::DiskError| error.while_doing(ACQUIRING);
    if is_held(core, key).map_err(doing)? {
        return Ok(false);
    }
    let (key, life) = (Arc::clone(key), core.lease());
    let taken = core.change(move |tables| tables.acquire(key.as_bytes(), token, now(), ends(life)));
    Ok(taken.map_err(doing)? == 1)
}

fn is_held(core: &Core, key: &str) -> Result<bool, super::DiskError> {
    core.file.read(|read| {
        let row = read.open_table(LEASES)?.get(key.as_bytes())?;
        Ok(row.is_some_and(|row| row.value().1 > now()))
    })
}

fn token() -> u128 {
    u128::from(random()) << 64 | u128::from(random())
}

struct DiskLease<'l> {
    store: &'l DiskStore,
    key: Arc<str>,
    token: u128,
    /// Whether there may be a row to remove in the end.
    ours: Flag,
}

impl Lease for DiskLease<'_> {
    fn publish(&self, bytes: &[u8], expires: Option<SystemTime>) -> Result<bool, StoreError> {
        let (token, expires) = (self.token, expiry(expires));
        let core = &self.store.core;
        let published = core.put("publishing", (&self.key, bytes), {
            move |tables, key, bytes| tables.publish(key, token, bytes, expires)
        })?;
        // The row is gone, whether by this or before.
        self.ours.set(false);
        Ok(published == 1)
    }
}

impl Drop for DiskLease<'_> {
    /// If the row cannot be removed now, it ends by itself.
    fn drop(&mut self) {
        self.store.renewal.forget(self.token);
        if self.ours.get() {
            let (key, token) = (Arc::clone(&self.key), self.token);
            let _ = self
                .store
                .core
                .change(move |tables| tables.release(key.as_bytes(), token));
        }
    }
}
