use super::builder::{self, RedisBuilder};
use super::layout::Layout;
use super::lease::chance;
#[cfg(feature = "async")]
use super::left::Left;
use super::link::Link;
use super::listener::{Listener, Terms, Whom};
use super::listeners::Listeners;
use super::renewal::Renewal;
use super::servers::Place;
use super::way::Way;
use crate::clock::Clock;
use crate::drive::block_on;
#[cfg(feature = "async")]
use crate::store::bytes::AsyncByteStore;
use crate::store::bytes::{ByteStore, Change, Watch};
use crate::store::{Leases, StoreError};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Bytes in Redis or Valkey, shared by all processes that open the same server
/// with the same prefix.
///
/// # What is on the server
///
/// | name | holds | expires |
/// |---|---|---|
/// | `<prefix>v:{=<key>}` | the bytes, a string | with them |
/// | `<prefix>l:{=<key>}` | a lease's token, 32 hexadecimal digits | with the lease |
///
/// So with the prefix `app:`, `redis-cli --scan --pattern 'app:v:*'` lists what is
/// kept, and `redis-cli get 'app:v:{=key}'` reads it. The braces have a cluster
/// keep the two together; it is the same without one. Keys with a `}` in them are
/// in the slot of what stands before it.
///
/// # When the server fails
///
/// Nothing panics and nothing hangs: an operation takes no longer than its
/// [`timeout`](RedisBuilder::timeout), and answers with an error that names the
/// server. After 5 failures in a row a server is taken to be down, and every
/// operation on it fails at once; every 500 ms one caller tries. Other nodes of a
/// cluster are not touched by that.
///
/// A connection that breaks is made anew. If it broke before the answer came, what
/// can be asked twice without harm is asked again over a new one, within the same
/// time. Where a lease is published, or bytes are put if others are there or none,
/// that is not so, and there is an error though they may have been kept.
///
/// While a cluster moves a slot, a lease of a key there may not publish: that is an
/// error then, and the bytes are not kept.
///
/// # Callers that await
///
/// With the feature `async`, [`awaited`](ByteStore::awaited) is this store for callers that
/// await, on any runtime or on none. What they ask goes over one connection to each
/// server, however many they are, and waits for no place in a pool. It is seen to on one
/// thread for all stores of the process (`mementos-redis`, a runtime of tokio's), which
/// begins with the first question: a caller's runtime may end at any time, and it holds up
/// nobody. Time limits, breakers, what is asked again and what errors say are the same, and
/// a breaker is the same for both kinds of callers.
///
/// What is dropped before it is ready is not sent any more. If it had been sent, it may be
/// carried out, but not after what is asked later over the same connection. Whoever blocks
/// changes something over that connection too, until what was dropped is over. Who is gone
/// while it acquires a lease holds none: what it had asked for by then is answered, and
/// released if need be. To drop a lease waits for nothing: the thread that
/// renews leases releases it. All who wait for leases listen on one more connection to
/// each server, which is open while they do (RESP3: Redis 6 and later, Valkey).
///
/// A hit costs two changes of threads more than one that blocks, and many at once share
/// those. What is large holds up the answers behind it: who awaits megabytes may want a
/// longer [`timeout`](RedisBuilder::timeout).
///
/// # When somebody watches
///
/// With [`Tiered`](crate::store::Tiered) in front, or by [`watch`](ByteStore::watch),
/// the server tells which keys change, whoever changes them (RESP3, `CLIENT TRACKING`
/// in broadcasting mode; Redis 6 and later, Valkey). A watch has a thread and a
/// connection of its own, in a cluster one for each node that has keys and a thread
/// that looks within each [`ping`](RedisBuilder::ping), or every second if that is less,
/// which ones those are. It never keeps its caller waiting, though no server is there.
///
/// What a process puts itself it is told of too, so memory in front asks once more for
/// it. So are keys that expire.
///
/// What is near is never older than a [`ping`](RedisBuilder::ping). The server is asked
/// for an answer again and again, and by its answers it is known up to when all that
/// changed has been told. If no answer comes in time, or the connection breaks, all may
/// have changed, which is told at once. Then a new connection is tried, at first after
/// milliseconds and later every second; meanwhile all may have changed again and again,
/// twice within each ping, and once more when it succeeds. So what is read while the
/// server is not heard stays near for half a ping. The same holds where the server
/// cannot tell what changes, or does not let this user ask it to; and where it is
/// reached over TLS. A node that has just got its first keys is found within a ping.
///
/// Two things are not within that limit: the time to look up a host's name when a
/// connection is tried, and the time for which this process itself was stopped.
///
/// # Costs
///
/// Each operation is one round trip; `get_many` is one for each node, `keys`,
/// `delete_prefix` and `clear` look at all keys of the server's database, 500 at a
/// time. A caller that waits for a lease asks again a few times, and then listens
/// (`SUBSCRIBE`) for its release. If it blocks, that is on a connection of its own; where
/// too many do, it goes on asking every 25 to 50 ms. A lease whose holder is gone is found free up to
/// 500 ms after it has expired. There is one thread for each store that ever acquired a
/// lease, beside those of its watches.
///
/// # Examples
///
/// ```no_run
/// use mementos::store::bytes::ByteStore;
/// use mementos::store::redis::RedisStore;
///
/// let store = RedisStore::at("redis://127.0.0.1:6379/0")?.prefix("app:").open()?;
/// store.put("key", b"bytes", None)?;
/// assert_eq!(store.get("key")?.as_deref(), Some(&b"bytes"[..]));
/// # Ok::<(), mementos::store::StoreError>(())
/// ```
///
/// Awaited, by any runtime:
///
/// ```no_run
/// # #[cfg(feature = "async")]
/// # async fn awaited() -> Result<(), mementos::store::StoreError> {
/// use mementos::store::bytes::ByteStore;
/// use mementos::store::redis::RedisStore;
///
/// let store = RedisStore::at("redis://127.0.0.1:6379/0")?.open()?;
/// let awaited = store.awaited().expect("it has a client for that");
/// awaited.put("key", b"bytes", None).await?;
/// assert_eq!(awaited.get("key").await?.as_deref(), Some(&b"bytes"[..]));
/// # Ok(())
/// # }
/// ```
pub struct RedisStore {
    pub(super) link: Arc<Link>,
    pub(super) layout: Layout,
    pub(super) renewal: Arc<Renewal>,
    /// How long a lease lasts.
    pub(super) lease: Duration,
    /// How old what is near may be where a server is watched.
    pub(super) ping: Duration,
    pub(super) clock: Arc<dyn Clock>,
    /// What callers who awaited may have left under way.
    #[cfg(feature = "async")]
    pub(super) left: Arc<Left>,
}

impl RedisStore {
    /// A store on one server, as in `redis://user:password@host:6379/0`, or
    /// `unix:///run/redis.sock`. Nothing is connected to yet.
    ///
    /// # Errors
    ///
    /// When `url` is not such an address.
    pub fn at(url: impl AsRef<str>) -> Result<RedisBuilder, StoreError> {
        let server = builder::server(url.as_ref())?;
        Ok(RedisBuilder::at(Place::One(server)))
    }

    /// A store on a cluster. `urls` are some of its nodes, which are asked for the
    /// others; all take the same user and password.
    ///
    /// # Errors
    ///
    /// When one of `urls` is not an address, or there is none.
    pub fn cluster<U: AsRef<str>>(
        urls: impl IntoIterator<Item = U>,
    ) -> Result<RedisBuilder, StoreError> {
        Ok(RedisBuilder::at(Place::Cluster(builder::servers(urls)?)))
    }

    /// A store on the master that the sentinels at `urls` know by the name of
    /// `master`, as in `redis://host:26379`. `like` is an address with the user, the
    /// password and the database there, as in `redis://:password@master/0`; its host
    /// is not used.
    ///
    /// # Errors
    ///
    /// When one of `urls`, or `like`, is not an address, or there are no `urls`.
    pub fn sentinel<U: AsRef<str>>(
        urls: impl IntoIterator<Item = U>,
        master: impl Into<String>,
        like: impl AsRef<str>,
    ) -> Result<RedisBuilder, StoreError> {
        let (sentinels, like) = (builder::servers(urls)?, builder::server(like.as_ref())?);
        Ok(RedisBuilder::at(Place::Sentinel(
            sentinels,
            master.into(),
            like,
        )))
    }

    /// Changes something, for who blocks.
    fn change<F, T>(&self, change: impl Fn(Way) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        #[cfg(feature = "async")]
        if let Some(after) = self.after_what_is_left() {
            return after.of(self.awaiting("changing", change(Way::Awaited)));
        }
        block_on(change(Way::Blocking))
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

const WATCHING: &str = "watching redis";

impl ByteStore for RedisStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        block_on(self.getting(Way::Blocking, key))
    }

    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError> {
        self.change(|way| self.putting(way, key, bytes, expires))
    }

    fn put_if_absent(
        &self,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<Option<bool>, StoreError> {
        self.change(|way| self.putting_what_is_absent(way, key, bytes, expires))
    }

    fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<bool, StoreError> {
        self.change(|way| self.replacing(way, key, [old, new].map(<[u8]>::to_vec), expires))
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.change(|way| self.deleting(way, key))
    }

    fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        block_on(self.getting_many(Way::Blocking, keys))
    }

    fn keys(&self, prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
        block_on(self.listing(Way::Blocking, prefix)).map(Some)
    }

    fn delete_prefix(&self, prefix: &str) -> Result<(), StoreError> {
        self.change(|way| self.deleting_by_prefix(way, prefix))
    }

    fn leases(&self) -> Option<&dyn Leases> {
        Some(self)
    }

    #[cfg(feature = "async")]
    fn awaited(&self) -> Option<&dyn AsyncByteStore> {
        Some(self)
    }

    fn watch(
        &self,
        told: Box<dyn Fn(Change<'_>) + Send + Sync>,
    ) -> Result<Option<Watch>, StoreError> {
        let terms = Terms {
            told: told.into(),
            layout: self.layout.clone(),
            ping: self.ping,
            timeout: self.link.timeout(),
            seed: chance(WATCHING)? as u64,
        };
        let link = self.link.clone();
        let watching = match link.is_one() {
            true => Listener::start(Whom::Master(link), terms),
            false => Listeners::start(link, terms),
        };
        let watching = watching.map_err(|e| StoreError::new(WATCHING, e))?;
        Ok(Some(Box::new(watching)))
    }

    fn native_ttl(&self, key: &str) -> Result<Option<Duration>, StoreError> {
        block_on(self.asking_for_the_ttl(Way::Blocking, key))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("layout", &self.layout)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
