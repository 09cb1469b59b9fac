use super::connection::{Connection, Server};
use super::deadline::Deadline;
use super::request::Request;
#[cfg(feature = "async")]
use super::told::Told;
use super::way::Way;
use redis::{RedisResult, cmd};
use std::sync::Arc;
use std::time::Duration;

/// A connection on which the server tells what is published under one name.
pub(super) struct Subscription {
    heard_over: Over,
    way: Way,
    /// Counts those that there are.
    _one: Arc<()>,
}

enum Over {
    Connection(Connection),
    #[cfg(feature = "async")]
    Told(Told),
}

impl Subscription {
    /// The connection is not of a pool: it is in use for as long as somebody listens.
    pub(super) async fn new(
        server: &Server,
        channel: &str,
        deadline: Deadline,
        one: Arc<()>,
    ) -> RedisResult<Self> {
        let heard_over = match deadline.way {
            Way::Blocking => Over::Connection(subscribed(server, channel, deadline)?),
            #[cfg(feature = "async")]
            Way::Awaited => Over::Told(Told::of(server, channel, deadline).await?),
        };
        Ok(Subscription {
            heard_over,
            way: deadline.way,
            _one: one,
        })
    }

    /// Waits for the next message, and is left if there is one within the limit.
    /// Otherwise it is over: the connection may be broken as well as quiet.
    pub(super) async fn heard(mut self, limit: Duration) -> Option<Self> {
        let deadline = Deadline::by(self.way, limit);
        let heard = match &mut self.heard_over {
            Over::Connection(connection) => connection.receive(deadline).is_ok(),
            #[cfg(feature = "async")]
            Over::Told(told) => told.next(deadline).await.is_ok(),
        };
        heard.then_some(self)
    }
}

fn subscribed(server: &Server, channel: &str, deadline: Deadline) -> RedisResult<Connection> {
    let mut connection = server.connect(deadline)?;
    let request = Request::safe(cmd("SUBSCRIBE").arg(channel));
    for answer in connection.ask(&request, deadline)? {
        answer.extract_error()?;
    }
    Ok(connection)
}
