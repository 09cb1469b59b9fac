use super::connection::Connection;
use super::deadline::Deadline;
use super::node::Node;
use super::request::Request;
#[cfg(feature = "async")]
use super::told::Told;
use super::way::Way;
use redis::{RedisResult, cmd};
use std::sync::Arc;
use std::time::Duration;

/// What the server tells of one name.
pub(super) enum Subscription {
    /// On a connection of its own.
    Blocking { connection: Connection, _one: One },
    #[cfg(feature = "async")]
    Awaited(Told),
}

/// One of those who may have a connection to listen on.
pub(super) struct One(Arc<()>);

/// How many there may be.
pub(super) struct Most {
    most: usize,
    /// One reference for each that there is.
    each: Arc<()>,
}

impl Most {
    pub(super) fn of(most: usize) -> Self {
        Most {
            most,
            each: Arc::new(()),
        }
    }

    fn one(&self) -> Option<One> {
        let one = One(self.each.clone());
        (Arc::strong_count(&one.0) <= self.most + 1).then_some(one)
    }
}

impl Subscription {
    /// Nothing if that fails, or too many have connections for it: to listen saves
    /// questions, and nobody depends on it.
    pub(super) async fn new(
        node: &Node,
        name: &str,
        deadline: Deadline,
        most: &Most,
    ) -> Option<Self> {
        match deadline.way {
            Way::Blocking => {
                let _one = most.one()?;
                let connection = subscribed(node, name, deadline).ok()?;
                Some(Subscription::Blocking { connection, _one })
            }
            #[cfg(feature = "async")]
            Way::Awaited => {
                let told = node.tells().listen(node.server(), name, deadline).await;
                told.map(Subscription::Awaited).ok()
            }
        }
    }

    /// Waits for the next message, and is left if there is one within the limit.
    /// Otherwise it is over: the connection may be broken as well as quiet.
    pub(super) async fn heard(mut self, limit: Duration) -> Option<Self> {
        let heard = match &mut self {
            Subscription::Blocking { connection, .. } => {
                connection.receive(Deadline::after(limit)).is_ok()
            }
            #[cfg(feature = "async")]
            Subscription::Awaited(told) => {
                let deadline = Deadline::by(Way::Awaited, limit);
                told.next(deadline).await.is_ok()
            }
        };
        heard.then_some(self)
    }
}

/// The connection is not of the pool: it is in use for as long as somebody listens.
fn subscribed(node: &Node, name: &str, deadline: Deadline) -> RedisResult<Connection> {
    let mut connection = node.server().connect(deadline)?;
    let request = Request::safe(cmd("SUBSCRIBE").arg(name));
    for answer in connection.ask(&request, deadline)? {
        answer.extract_error()?;
    }
    Ok(connection)
}
