use super::RedisStore;
use super::expiry::Life;
use super::held::{Held, State, Token};
use super::waiting::Waiting;
use crate::store::{Lease, Leases, StoreError};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const ACQUIRING: &str = "acquiring a lease";

impl Leases for RedisStore {
    fn acquire<'l>(
        &'l self,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Lease + 'l>>, StoreError> {
        self.renewal
            .start()
            .map_err(|e| StoreError::new(ACQUIRING, e))?;
        let chance = chance(ACQUIRING)?;
        let held = Arc::new(self.lease_of(key, Token::new(chance)));
        let mut waiting = Waiting::new(&self.link, held.lease(), timeout, chance as u64);
        while !self.acquired(&held)? {
            if !waiting.pause() {
                return Ok(None);
            }
        }
        drop(waiting);
        Ok(Some(Box::new(RedisLease::hold(self, held))))
    }
}

/// Some number that nobody else has.
pub(super) fn chance(doing: &'static str) -> Result<u128, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| StoreError::new(doing, e.to_string()))?;
    Ok(u128::from_ne_bytes(bytes))
}

impl RedisStore {
    fn acquired(&self, held: &Arc<Held>) -> Result<bool, StoreError> {
        held.acquire().map_err(|fault| {
            // The server may have carried it out before it fell silent.
            if fault.is_failure() {
                self.renewal.release_later(held.clone());
            }
            StoreError::new(ACQUIRING, fault)
        })
    }
}

/// A lease that is held by a caller here.
struct RedisLease<'s> {
    store: &'s RedisStore,
    held: Arc<Held>,
}

impl<'s> RedisLease<'s> {
    fn hold(store: &'s RedisStore, held: Arc<Held>) -> Self {
        store.renewal.hold(held.clone());
        RedisLease { store, held }
    }
}

impl Lease for RedisLease<'_> {
    fn publish(&self, bytes: &[u8], expires: Option<SystemTime>) -> Result<bool, StoreError> {
        let life = Life::until(expires, self.store.now());
        let published = self.held.publish(bytes, life);
        published.map_err(|fault| StoreError::new("publishing", fault))
    }
}

impl Drop for RedisLease<'_> {
    fn drop(&mut self) {
        let renewal = &self.store.renewal;
        renewal.forget(&self.held);
        let released = match self.held.state() {
            State::Over => true,
            State::Held => self.held.release().is_ok(),
            State::Uncertain => false,
        };
        if !released {
            renewal.release_later(self.held.clone());
        }
    }
}
