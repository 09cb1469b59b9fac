use super::RedisStore;
use super::connection::Server;
use super::layout::Layout;
use super::link::Link;
use super::renewal::Renewal;
use super::servers::{Place, Servers};
use crate::clock::{Clock, SystemClock};
use crate::store::StoreError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How a [`RedisStore`] is to be opened.
#[derive(Clone)]
pub struct RedisBuilder {
    place: Place,
    prefix: String,
    timeout: Duration,
    connections: usize,
    lease: Duration,
    ping: Duration,
    clock: Arc<dyn Clock>,
}

const TIMEOUT: Duration = Duration::from_millis(200);
const CONNECTIONS: usize = 8;
const LEASE: Duration = Duration::from_secs(10);
const PING: Duration = Duration::from_secs(1);
/// A lease is renewed at a third of its life, over the network.
const SHORTEST_LEASE: Duration = Duration::from_millis(30);
const DAY: Duration = Duration::from_secs(86_400);

impl RedisBuilder {
    pub(super) fn at(place: Place) -> Self {
        RedisBuilder {
            place,
            prefix: String::new(),
            timeout: TIMEOUT,
            connections: CONNECTIONS,
            lease: LEASE,
            ping: PING,
            clock: Arc::new(SystemClock),
        }
    }

    /// What all names on the server begin with, as in `"app:"`; nothing by default.
    /// The store sees and clears what is below it, and nothing else.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long one operation may take in all, connecting included: 200 ms by
    /// default, 1 ms at least and a day at most. A server that is silent is given up an
    /// eighth of that earlier, so that the caller goes on in time. Looking up a host's
    /// name is not within that limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(Duration::from_millis(1), DAY);
        self
    }

    /// How many connections there may be to each server: 8 by default, and at least
    /// one. They are made when they are needed. More callers than that at once wait
    /// for each other. As many again may wait for leases on connections of their own.
    /// Callers that await share one more connection, and do not wait for each other.
    pub fn pool(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// For how long a lease lasts once its holder is gone: 10 s by default, 30 ms at
    /// least and a day at most. It is renewed at a third of that while it is held.
    pub fn lease(mut self, life: Duration) -> Self {
        self.lease = life.clamp(SHORTEST_LEASE, DAY);
        self
    }

    /// How old what is near may be, where a server is
    /// [watched](crate::store::bytes::ByteStore::watch): 1 s by default, 1 ms at least
    /// and a day at most. Whatever becomes of the connection, who asks memory in front
    /// of the server later than this after a change is not given what was there before.
    ///
    /// The server is asked for an answer every half of this, and has three eighths of it
    /// to give one: it should be several times the way there and back.
    pub fn ping(mut self, age: Duration) -> Self {
        self.ping = age.clamp(Duration::from_millis(1), DAY);
        self
    }

    /// What tells the time, from which the server is told how long to keep what
    /// expires. The system's clock by default.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store. It connects to nothing yet, and need not find a server.
    ///
    /// # Errors
    ///
    /// When the prefix has a `{` or a `}`.
    pub fn open(self) -> Result<RedisStore, StoreError> {
        let layout = Layout::below(self.prefix).ok_or_else(|| {
            StoreError::new(
                "opening redis",
                "a prefix must not have braces: they say which slot of a cluster a key is in",
            )
        })?;
        let servers = Servers::at(self.place, self.connections);
        Ok(RedisStore {
            link: Arc::new(Link::new(servers, self.timeout, self.connections)),
            layout,
            renewal: Arc::new(Renewal::every(self.lease)),
            lease: self.lease,
            ping: self.ping,
            clock: self.clock,
            #[cfg(feature = "async")]
            left: Arc::default(),
        })
    }
}

impl fmt::Debug for RedisBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBuilder")
            .field("place", &self.place)
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("pool", &self.connections)
            .field("lease", &self.lease)
            .field("ping", &self.ping)
            .finish_non_exhaustive()
    }
}

pub(super) fn servers<U: AsRef<str>>(
    urls: impl IntoIterator<Item = U>,
) -> Result<Vec<Server>, StoreError> {
    let servers: Result<Vec<_>, _> = urls.into_iter().map(|url| server(url.as_ref())).collect();
    match servers {
        Ok(servers) if servers.is_empty() => {
            Err(StoreError::new(READING, "there must be at least one"))
        }
        servers => servers,
    }
}

pub(super) fn server(url: &str) -> Result<Server, StoreError> {
    // The cause says what is wrong, and not the address: that may have a password.
    Server::at(url).map_err(|cause| StoreError::new(READING, cause))
}

const READING: &str = "reading the address of redis";
