use super::breaker::{FAILURES, PROBE};
use super::deadline::Deadline;
use redis::RedisError;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a server did not do what it was asked. It names the server by host and
/// port alone: an address with its password must not end up in a log.
#[derive(Debug)]
pub(super) struct Fault {
    address: Arc<str>,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// It was not asked: the breaker is open.
    Down,
    /// All connections were in use until the time was over.
    Busy(Duration),
    /// It did not answer in time.
    Silent(Duration),
    /// It could not be reached, or the connection broke.
    Lost(RedisError),
    /// It answered with an error, or with what no such command answers.
    Answered(RedisError),
    /// No server is known that holds the key.
    Nobody(&'static str),
}

impl Fault {
    pub(super) fn down(address: &Arc<str>) -> Self {
        Fault::new(address, Why::Down)
    }

    pub(super) fn busy(address: &Arc<str>, deadline: Deadline) -> Self {
        Fault::new(address, Why::Busy(deadline.limit))
    }

    pub(super) fn lost(address: &Arc<str>, cause: RedisError, deadline: Deadline) -> Self {
        let why = match cause.is_timeout() {
            true => Why::Silent(deadline.limit),
            false => Why::Lost(cause),
        };
        Fault::new(address, why)
    }

    pub(super) fn answered(address: &Arc<str>, cause: impl Into<RedisError>) -> Self {
        Fault::new(address, Why::Answered(cause.into()))
    }

    pub(super) fn nobody(address: &Arc<str>, why: &'static str) -> Self {
        Fault::new(address, Why::Nobody(why))
    }

    fn new(address: &Arc<str>, why: Why) -> Self {
        Fault {
            address: address.clone(),
            why,
        }
    }

    /// Whether the server itself failed, rather than the command or this process. The
    /// command may have been carried out all the same.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.why, Why::Silent(_) | Why::Lost(_))
    }

    /// Whether another server may have taken over, or one should be looked for.
    pub(super) fn suspects(&self) -> bool {
        match &self.why {
            Why::Answered(cause) => matches!(cause.code(), Some("READONLY" | "CLUSTERDOWN")),
            _ => self.is_failure(),
        }
    }

    /// Whether a cluster has one of two keys in one place and the other in another,
    /// while it moves their slot. Commands on one of them are answered.
    pub(super) fn is_split(&self) -> bool {
        matches!(&self.why, Why::Answered(cause) if cause.code() == Some("TRYAGAIN"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis at {} ", self.address)?;
        match &self.why {
            Why::Down => write!(
                f,
                "is taken to be down after {FAILURES} failures in a row; it is tried again every {PROBE:?}"
            ),
            Why::Busy(limit) => write!(
                f,
                "was not asked: all connections of the pool were in use for {limit:?}"
            ),
            Why::Silent(limit) => write!(f, "did not answer within {limit:?}"),
            Why::Lost(cause) => write!(f, "could not be reached: {cause}"),
            Why::Answered(cause) => write!(f, "answered: {cause}"),
            Why::Nobody(why) => f.write_str(why),
        }
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::Lost(cause) | Why::Answered(cause) => Some(cause),
            _ => None,
        }
    }
}
