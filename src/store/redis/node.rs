use super::breaker::Breaker;
use super::connection::{Connection, Server, Subscription};
use super::deadline::Deadline;
use super::fault::Fault;
use super::pool::{Place, Pool};
use super::request::{Again, Request};
use parking_lot::Mutex;
use redis::{FromRedisValue, RedisError, RedisResult, Value};
use std::sync::Arc;
use std::time::Instant;

/// One server: its connections, and whether it is down.
pub(super) struct Node {
    server: Server,
    address: Arc<str>,
    pool: Pool,
    breaker: Mutex<Breaker>,
}

impl Node {
    pub(super) fn new(server: Server, connections: usize) -> Self {
        Node {
            address: server.address().into(),
            server,
            pool: Pool::new(connections),
            breaker: Mutex::default(),
        }
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn address(&self) -> &Arc<str> {
        &self.address
    }

    /// Asks, and waits for the answers until the time is over. While the server is
    /// taken to be down, that is at once.
    pub(super) fn ask(&self, request: &Request, deadline: Deadline) -> Result<Vec<Value>, Fault> {
        if !self.breaker.lock().admits(Instant::now()) {
            return Err(Fault::down(&self.address));
        }
        let answers = self.ask_over_the_pool(request, deadline);
        match &answers {
            Ok(_) => self.breaker.lock().succeeded(),
            Err(fault) if fault.is_failure() => self.breaker.lock().failed(Instant::now()),
            Err(_) => {}
        }
        answers
    }

    /// Asks one question.
    pub(super) fn ask_one(&self, request: &Request, deadline: Deadline) -> Result<Answer, Fault> {
        let last = self.ask(request, deadline)?.pop();
        Ok(self.answer(last.unwrap_or(Value::Nil)))
    }

    pub(super) fn answer(&self, value: Value) -> Answer {
        Answer {
            value,
            from: self.address.clone(),
        }
    }

    /// Has the server tell what is published under `channel`, on a connection that
    /// is not of the pool: it is in use for as long as somebody listens.
    pub(super) fn subscribe(
        &self,
        channel: &str,
        deadline: Deadline,
        one: Arc<()>,
    ) -> RedisResult<Subscription> {
        let connection = self.server.connect(deadline)?;
        Subscription::new(connection, channel, deadline, one)
    }

    fn ask_over_the_pool(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Fault> {
        let place = self.pool.take(deadline);
        let mut place = place.ok_or_else(|| Fault::busy(&self.address, deadline))?;
        if let Some(idle) = place.idle() {
            match self.ask_over(idle, &mut place, request, deadline) {
                Err(broken) if may_ask_again(&broken, request) => {}
                answers => return answers.map_err(|cause| self.lost(cause, deadline)),
            }
        }
        self.server
            .connect(deadline)
            .and_then(|new| self.ask_over(new, &mut place, request, deadline))
            .map_err(|cause| self.lost(cause, deadline))
    }

    fn ask_over(
        &self,
        mut connection: Connection,
        place: &mut Place<'_>,
        request: &Request,
        deadline: Deadline,
    ) -> RedisResult<Vec<Value>> {
        match connection.ask(request, deadline) {
            Ok(answers) => {
                place.keep(connection);
                Ok(answers)
            }
            Err(broken) => {
                self.pool.close_idle();
                Err(broken)
            }
        }
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
