use super::RedisStore;
use super::lease::RedisLease;
use super::way::Way;
use crate::store::StoreError;
use crate::store::bytes::{AsyncByteStore, AsyncLease, AsyncLeases, Awaited};
use crate::store::threads::Threads;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;

/// What comes on the connections of all callers who await is seen to here.
///
/// There is one thread, so an operation that was dropped does not come after a later one:
///
/// ```text
/// a caller       drops what it has put; asks for it to be deleted
/// the thread     leaves the one, which was sent already or is not sent any more;
///                sends the other
/// ```
static THREAD: Threads = Threads::new("mementos-redis", 1);

impl RedisStore {
    /// Has something changed. If this is dropped first, that is noted.
    pub(super) fn awaiting<T: Send + 'static>(
        &self,
        did: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Awaited<'static, T> {
        let (left, done) = (Arc::clone(&self.left), THREAD.run(did, work));
        Box::pin(async move {
            let asking = left.asking();
            let done = done.await;
            asking.answered();
            done
        })
    }
}

impl AsyncByteStore for RedisStore {
    fn get<'a>(&'a self, key: &'a str) -> Awaited<'a, Option<Vec<u8>>> {
        THREAD.run("getting", self.getting(Way::Awaited, key))
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: &'a [u8],
        expires: Option<SystemTime>,
    ) -> Awaited<'a, ()> {
        self.awaiting("putting", self.putting(Way::Awaited, key, bytes, expires))
    }

    fn put_if_absent<'a>(
        &'a self,
        key: &'a str,
        bytes: &'a [u8],
        expires: Option<SystemTime>,
    ) -> Awaited<'a, Option<bool>> {
        let put = self.putting_what_is_absent(Way::Awaited, key, bytes, expires);
        self.awaiting("putting what is absent", put)
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        old: &'a [u8],
        new: &'a [u8],
        expires: Option<SystemTime>,
    ) -> Awaited<'a, bool> {
        let bytes = [old, new].map(<[u8]>::to_vec);
        self.awaiting(
            "replacing",
            self.replacing(Way::Awaited, key, bytes, expires),
        )
    }

    fn delete<'a>(&'a self, key: &'a str) -> Awaited<'a, bool> {
        self.awaiting("deleting", self.deleting(Way::Awaited, key))
    }

    fn get_many<'a>(&'a self, keys: &'a [&'a str]) -> Awaited<'a, Vec<Option<Vec<u8>>>> {
        THREAD.run("getting many", self.getting_many(Way::Awaited, keys))
    }

    fn delete_prefix<'a>(&'a self, prefix: &'a str) -> Awaited<'a, ()> {
        let deleting = self.deleting_by_prefix(Way::Awaited, prefix);
        self.awaiting("deleting by prefix", deleting)
    }

    fn leases(&self) -> Option<&dyn AsyncLeases> {
        Some(self)
    }

    fn native_ttl<'a>(&'a self, key: &'a str) -> Awaited<'a, Option<Duration>> {
        let asking = self.asking_for_the_ttl(Way::Awaited, key);
        THREAD.run("asking for the time to live", asking)
    }
}

impl AsyncLeases for RedisStore {
    /// What has been begun is carried on without its caller, and whatever that comes to
    /// is dropped: so a lease is released that is acquired when nobody wants it any more.
    fn acquire<'a>(
        &'a self,
        key: &'a str,
        timeout: Duration,
    ) -> Awaited<'a, Option<Box<dyn AsyncLease + 'a>>> {
        // Nothing is ever sent. Dropping one end tells the other.
        let (here, gone) = oneshot::channel::<Infallible>();
        let acquiring = self.acquiring(Way::Awaited, key, timeout, gone);
        let acquiring = THREAD.carry("acquiring a lease", acquiring);
        Box::pin(async move {
            let lease = acquiring.await?;
            drop(here);
            Ok(lease.map(|lease| Box::new(lease) as Box<dyn AsyncLease>))
        })
    }
}

impl AsyncLease for RedisLease {
    fn publish<'a>(&'a self, bytes: &'a [u8], expires: Option<SystemTime>) -> Awaited<'a, bool> {
        let publishing = self.publishing(bytes.to_vec(), expires);
        THREAD.run("publishing", publishing)
    }
}
