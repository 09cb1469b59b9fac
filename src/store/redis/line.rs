use super::connection::Server;
use super::deadline::Deadline;
use super::request::Request;
use redis::{RedisResult, Value};

/// What requests to one server go over. After an error a connection is of no use.
pub(super) trait Line {
    type Connection;

    /// A connection that is there already. It may have broken while nobody used it.
    fn known(&mut self) -> Option<Self::Connection>;

    /// One that has just been made.
    fn connect(
        &mut self,
        server: &Server,
        deadline: Deadline,
    ) -> impl Future<Output = RedisResult<Self::Connection>> + Send;

    /// Sends `request` and waits for its answers. What the server answers with an error
    /// is an answer. Afterwards the connection is there for others, unless it broke.
    fn ask(
        &mut self,
        connection: Self::Connection,
        request: &Request,
        deadline: Deadline,
    ) -> impl Future<Output = RedisResult<Vec<Value>>> + Send;
}
