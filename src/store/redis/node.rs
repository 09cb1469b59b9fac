use super::breaker::Breaker;
use super::connection::Server;
use super::deadline::Deadline;
use super::fault::Fault;
use super::line::Line;
use super::pool::Pool;
use super::request::{Again, Request};
#[cfg(feature = "async")]
use super::shared::Shared;
#[cfg(feature = "async")]
use super::told::Tells;
use super::way::Way;
use parking_lot::Mutex;
use redis::{FromRedisValue, RedisError, Value};
use std::sync::Arc;
use std::time::Instant;

/// One server: its connections, and whether it is down.
pub(super) struct Node {
    server: Server,
    address: Arc<str>,
    pool: Pool,
    #[cfg(feature = "async")]
    shared: Shared,
    #[cfg(feature = "async")]
    tells: Tells,
    breaker: Mutex<Breaker>,
}

impl Node {
    pub(super) fn new(server: Server, connections: usize) -> Self {
        Node {
            address: server.address().into(),
            server,
            pool: Pool::new(connections),
            #[cfg(feature = "async")]
            shared: Shared::default(),
            #[cfg(feature = "async")]
            tells: Tells::default(),
            breaker: Mutex::default(),
        }
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn address(&self) -> &Arc<str> {
        &self.address
    }

    /// What it tells by itself.
    #[cfg(feature = "async")]
    pub(super) fn tells(&self) -> &Tells {
        &self.tells
    }

    /// Asks, and waits for the answers until the time is over. While the server is
    /// taken to be down, that is at once.
    pub(super) async fn ask(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Fault> {
        if !self.breaker.lock().admits(Instant::now()) {
            return Err(Fault::down(&self.address));
        }
        let answers = self.ask_as_the_caller_waits(request, deadline).await;
        match &answers {
            Ok(_) => self.breaker.lock().succeeded(),
            Err(fault) if fault.is_failure() => self.breaker.lock().failed(Instant::now()),
            Err(_) => {}
        }
        answers
    }

    /// Asks one question.
    pub(super) async fn ask_one(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Answer, Fault> {
        let last = self.ask(request, deadline).await?.pop();
        Ok(self.answer(last.unwrap_or(Value::Nil)))
    }

    pub(super) fn answer(&self, value: Value) -> Answer {
        Answer {
            value,
            from: self.address.clone(),
        }
    }

    async fn ask_as_the_caller_waits(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Fault> {
        match deadline.way {
            Way::Blocking => {
                let place = self.pool.take(deadline);
                let place = place.ok_or_else(|| Fault::busy(&self.address, deadline))?;
                self.ask_over(place, request, deadline).await
            }
            #[cfg(feature = "async")]
            // In a box: who blocks should not carry around what it does not use.
            Way::Awaited => Box::pin(self.ask_over(&self.shared, request, deadline)).await,
        }
    }

    async fn ask_over(
        &self,
        mut line: impl Line,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Fault> {
        if let Some(known) = line.known() {
            match line.ask(known, request, deadline).await {
                Err(broken) if may_ask_again(&broken, request) => {}
                answers => return answers.map_err(|cause| self.lost(cause, deadline)),
            }
        }
        let new = line.connect(&self.server, deadline).await;
        let new = new.map_err(|cause| self.lost(cause, deadline))?;
        let answers = line.ask(new, request, deadline).await;
        answers.map_err(|cause| self.lost(cause, deadline))
    }

    fn lost(&self, cause: RedisError, deadline: Deadline) -> Fault {
        Fault::lost(&self.address, cause, deadline)
    }
}

/// The server may have closed a connection while it was idle; that is found out
/// when it is used. A silent server is not asked again: the time is over.
fn may_ask_again(broken: &RedisError, request: &Request) -> bool {
    request.again() == Again::Safe && !broken.is_timeout()
}

/// What a server answered, and which one.
pub(super) struct Answer {
    pub(super) value: Value,
    pub(super) from: Arc<str>,
}

impl Answer {
    /// The answer as what such a command answers.
    pub(super) fn read<T: FromRedisValue>(self) -> Result<T, Fault> {
        let Answer { value, from } = self;
        let value = value
            .extract_error()
            .map_err(|error| Fault::answered(&from, error))?;
        T::from_redis_value(value).map_err(|error| Fault::answered(&from, error))
    }
}
