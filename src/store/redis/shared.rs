use super::connection::{Server, introduction};
use super::deadline::Deadline;
use super::line::Line;
use super::request::Request;
use super::turn::Turn;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError, RedisResult, Value};
use std::io;
use std::sync::Arc;
use tokio::time::timeout_at;

/// The connection to one server that all callers share who await. What each of them asks
/// is sent at once, and the answers come in that order.
#[derive(Default)]
pub(super) struct Shared {
    now: Mutex<Option<Multiplexed>>,
    connecting: Turn,
}

#[derive(Clone)]
pub(super) struct Multiplexed {
    wire: MultiplexedConnection,
    /// Tells it from others.
    which: Arc<()>,
}

impl Shared {
    /// Those who wait for an answer on it go on to: they have their own time for that.
    fn forget(&self, broken: &Multiplexed) {
        let mut now = self.now.lock();
        let is_broken = |now: &mut Multiplexed| Arc::ptr_eq(&now.which, &broken.which);
        let forgotten = now.take_if(is_broken);
        drop(now);
        drop(forgotten);
    }
}

impl Line for &Shared {
    type Connection = Multiplexed;

    fn known(&mut self) -> Option<Multiplexed> {
        self.now.lock().clone()
    }

    /// One caller connects, and the others use what it has made.
    async fn connect(&mut self, server: &Server, deadline: Deadline) -> RedisResult<Multiplexed> {
        let _turn = self.connecting.take(deadline).await.ok_or_else(over)?;
        if let Some(made) = self.now.lock().clone() {
            return Ok(made);
        }
        let made = in_time(deadline, Multiplexed::open(server)).await?;
        *self.now.lock() = Some(made.clone());
        Ok(made)
    }

    async fn ask(
        &mut self,
        mut connection: Multiplexed,
        request: &Request,
        deadline: Deadline,
    ) -> RedisResult<Vec<Value>> {
        let answers = in_time(deadline, connection.ask(request)).await;
        if answers.is_err() {
            self.forget(&connection);
        }
        answers
    }
}

impl Multiplexed {
    async fn open(server: &Server) -> RedisResult<Self> {
        let (client, config) = (server.silent()?, unlimited());
        let wire = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = Multiplexed {
            wire: wire.await?,
            which: Arc::new(()),
        };
        for answer in connection.ask(&introduction(server.user())).await? {
            answer.extract_error()?;
        }
        Ok(connection)
    }

    async fn ask(&mut self, request: &Request) -> RedisResult<Vec<Value>> {
        if request.replies() == 0 {
            return Ok(Vec::new());
        }
        let (commands, replies) = (request.commands(), request.replies());
        self.wire.send_packed_commands(commands, 0, replies).await
    }
}

/// An operation has a limit as a whole. The client's own are for each of its parts.
pub(super) fn unlimited() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
}

/// What is given up answers nothing: an answer that comes later is for nobody.
pub(super) async fn in_time<T>(
    deadline: Deadline,
    work: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    match timeout_at(deadline.at().into(), work).await {
        Ok(done) => done,
        Err(_) => Err(over()),
    }
}

/// The time is.
pub(super) fn over() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}
