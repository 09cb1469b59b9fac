use super::RedisStore;
use super::expiry::Life;
use super::held::{Held, State, Token};
use super::renewal::Renewal;
use super::waiting::Waiting;
use super::way::Way;
use crate::clock::Clock;
use crate::drive::block_on;
use crate::store::{Lease, Leases, StoreError};
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

const ACQUIRING: &str = "acquiring a lease";

impl Leases for RedisStore {
    fn acquire<'l>(
        &'l self,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Lease + 'l>>, StoreError> {
        let lease = block_on(self.acquiring(Way::Blocking, key, timeout, pending::<()>()))?;
        Ok(lease.map(|lease| Box::new(lease) as Box<dyn Lease>))
    }
}

/// Some number that nobody else has.
pub(super) fn chance(doing: &'static str) -> Result<u128, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| StoreError::new(doing, e.to_string()))?;
    Ok(u128::from_ne_bytes(bytes))
}

impl RedisStore {
    /// Acquires the lease of `key`, waiting for at most `timeout`, or until its caller
    /// is `gone`. What has been asked by then is answered first: if the lease is ours
    /// then, it is dropped, and so released.
    pub(super) fn acquiring<G: Future>(
        &self,
        way: Way,
        key: &str,
        timeout: Duration,
        gone: G,
    ) -> impl Future<Output = Result<Option<RedisLease>, StoreError>> + use<G> {
        let (link, renewal) = (self.link.clone(), self.renewal.clone());
        let (bytes, lease) = (self.layout.bytes(key), self.layout.lease(key));
        let (life, clock) = (self.lease, self.clock.clone());
        async move {
            renewal.start().map_err(|e| StoreError::new(ACQUIRING, e))?;
            let chance = chance(ACQUIRING)?;
            let held = Held::new(link.clone(), bytes, lease, Token::new(chance), life);
            let held = Arc::new(held);
            let mut waiting = Waiting::new(&link, way, held.lease(), timeout, chance as u64);
            let mut gone = pin!(gone);
            while !acquired(&held, way, &renewal).await? {
                if !unless(gone.as_mut(), waiting.pause()).await {
                    return Ok(None);
                }
            }
            drop(waiting);
            Ok(Some(RedisLease::hold(held, way, renewal, clock)))
        }
    }
}

async fn acquired(held: &Arc<Held>, way: Way, renewal: &Renewal) -> Result<bool, StoreError> {
    held.acquire(way).await.map_err(|fault| {
        // The server may have carried it out before it fell silent.
        if fault.is_failure() {
            renewal.release_later(held.clone());
        }
        StoreError::new(ACQUIRING, fault)
    })
}

/// What `work` answers; false if `gone` is there first.
async fn unless(mut gone: Pin<&mut impl Future>, work: impl Future<Output = bool>) -> bool {
    let mut work = pin!(work);
    poll_fn(|context| match gone.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(false),
        Poll::Pending => work.as_mut().poll(context),
    })
    .await
}

/// A lease that is held by a caller here.
pub(super) struct RedisLease {
    held: Arc<Held>,
    way: Way,
    renewal: Arc<Renewal>,
    clock: Arc<dyn Clock>,
}

impl RedisLease {
    fn hold(held: Arc<Held>, way: Way, renewal: Arc<Renewal>, clock: Arc<dyn Clock>) -> Self {
        renewal.hold(held.clone());
        RedisLease {
            held,
            way,
            renewal,
            clock,
        }
    }

    /// Keeps `bytes` and releases the lease, if it is still held.
    pub(super) fn publishing<B: AsRef<[u8]>>(
        &self,
        bytes: B,
        expires: Option<SystemTime>,
    ) -> impl Future<Output = Result<bool, StoreError>> + use<B> {
        let (held, way) = (self.held.clone(), self.way);
        let life = Life::until(expires, self.clock.now());
        async move {
            let published = held.publish(way, bytes.as_ref(), life).await;
            published.map_err(|fault| StoreError::new("publishing", fault))
        }
    }

    /// Whether there is nothing left to do.
    fn is_released(&self) -> bool {
        match (self.held.state(), self.way) {
            (State::Over, _) => true,
            (State::Held, Way::Blocking) => block_on(self.held.release(self.way)).is_ok(),
            _ => false,
        }
    }
}

impl Lease for RedisLease {
    fn publish(&self, bytes: &[u8], expires: Option<SystemTime>) -> Result<bool, StoreError> {
        block_on(self.publishing(bytes, expires))
    }
}

impl Drop for RedisLease {
    /// Who blocks releases it here; for who awaits it is done in another thread.
    fn drop(&mut self) {
        self.renewal.forget(&self.held);
        if !self.is_released() {
            self.renewal.release_later(self.held.clone());
        }
    }
}
