//! The awaited face of a store, as a store for whoever blocks.

use mementos::store::bytes::{AsyncByteStore, AsyncLease, AsyncLeases, ByteStore};
use mementos::store::redis::{RedisBuilder, RedisStore};
use mementos::store::{Lease, Leases, StoreError};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, SystemTime};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The least that drives a future: no runtime, no timer.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Polls a future once, which has what it asks for sent, and leaves it at that.
pub(crate) fn begin<F: Future + Unpin>(future: &mut F) {
    let mut context = Context::from_waker(Waker::noop());
    let _ = Pin::new(future).poll(&mut context);
}

/// All of `futures` at once.
pub(crate) async fn all<F: Future + Unpin>(futures: Vec<F>) -> Vec<F::Output> {
    let mut open: Vec<_> = futures.into_iter().map(Ok).collect();
    poll_fn(|context| {
        let mut pending = false;
        for place in &mut open {
            if let Ok(future) = place {
                match Pin::new(future).poll(context) {
                    Poll::Ready(output) => *place = Err(output),
                    Poll::Pending => pending = true,
                }
            }
        }
        match pending {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    })
    .await;
    open.into_iter().filter_map(Result::err).collect()
}

/// Does all that the awaited face can do by that.
pub(crate) struct Face(pub(crate) RedisStore);

impl Face {
    pub(crate) fn of(builder: RedisBuilder) -> Self {
        Face(builder.open().unwrap())
    }

    pub(crate) fn awaits(&self) -> &dyn AsyncByteStore {
        self.0.awaited().expect("it has a client for that")
    }

    pub(crate) fn awaits_leases(&self) -> &dyn AsyncLeases {
        self.awaits().leases().expect("it has leases")
    }
}

impl ByteStore for Face {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        block_on(self.awaits().get(key))
    }

    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError> {
        block_on(self.awaits().put(key, bytes, expires))
    }

    fn put_if_absent(
        &self,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<Option<bool>, StoreError> {
        block_on(self.awaits().put_if_absent(key, bytes, expires))
    }

    fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<bool, StoreError> {
        block_on(self.awaits().replace(key, old, new, expires))
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        block_on(self.awaits().delete(key))
    }

    fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        block_on(self.awaits().get_many(keys))
    }

    /// Nobody lists keys while awaiting.
    fn keys(&self, prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
        self.0.keys(prefix)
    }

    fn delete_prefix(&self, prefix: &str) -> Result<(), StoreError> {
        block_on(self.awaits().delete_prefix(prefix))
    }

    fn clear(&self) -> Result<(), StoreError> {
        block_on(self.awaits().clear())
    }

    fn leases(&self) -> Option<&dyn Leases> {
        Some(self)
    }

    fn native_ttl(&self, key: &str) -> Result<Option<Duration>, StoreError> {
        block_on(self.awaits().native_ttl(key))
    }
}

impl Leases for Face {
    fn acquire<'l>(
        &'l self,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Lease + 'l>>, StoreError> {
        // What is awaited may borrow the key; a test has few of them.
        let key = key.to_owned().leak();
        let acquired = block_on(self.awaits_leases().acquire(key, timeout))?;
        Ok(acquired.map(|lease| Box::new(FaceOfLease(lease)) as Box<dyn Lease>))
    }
}

struct FaceOfLease<'l>(Box<dyn AsyncLease + 'l>);

impl Lease for FaceOfLease<'_> {
    fn publish(&self, bytes: &[u8], expires: Option<SystemTime>) -> Result<bool, StoreError> {
        block_on(self.0.publish(bytes, expires))
    }
}
