use super::connection::{Connection, Server};
use super::deadline::Deadline;
use super::line::Line;
use super::request::Request;
use parking_lot::{Condvar, Mutex};
use redis::{RedisResult, Value};

/// The connections to one server: no more than a number of them at a time.
pub(super) struct Pool {
    size: usize,
    shelf: Mutex<Shelf>,
    returned: Condvar,
}

#[derive(Default)]
struct Shelf {
    /// The one that was used last is on top, and used next: those that nobody
    /// needs stay idle until the server closes them.
    idle: Vec<Connection>,
    /// The places that are taken.
    taken: usize,
}

impl Pool {
    pub(super) fn new(size: usize) -> Self {
        Pool {
            size: size.max(1),
            shelf: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// A place in the pool, with a connection if one is idle; nothing if all places
    /// were taken until the time was over.
    pub(super) fn take(&self, deadline: Deadline) -> Option<Place<'_>> {
        let mut shelf = self.shelf.lock();
        while shelf.taken == self.size {
            let waited = self.returned.wait_until(&mut shelf, deadline.at());
            if waited.timed_out() && shelf.taken == self.size {
                return None;
            }
        }
        shelf.taken += 1;
        let idle = shelf.idle.pop();
        Some(Place { pool: self, idle })
    }

    /// Closes what is idle. One connection that broke tells that the others are
    /// broken too, mostly: the server was restarted.
    fn close_idle(&self) {
        let idle = std::mem::take(&mut self.shelf.lock().idle);
        drop(idle);
    }
}

/// Somebody's place in a pool, which is given back when it is dropped.
pub(super) struct Place<'p> {
    pool: &'p Pool,
    idle: Option<Connection>,
}

impl Line for Place<'_> {
    type Connection = Connection;

    fn known(&mut self) -> Option<Connection> {
        self.idle.take()
    }

    async fn connect(&mut self, server: &Server, deadline: Deadline) -> RedisResult<Connection> {
        server.connect(deadline)
    }

    /// Keeps a connection that is in order for whoever comes next.
    async fn ask(
        &mut self,
        mut connection: Connection,
        request: &Request,
        deadline: Deadline,
    ) -> RedisResult<Vec<Value>> {
        let answers = connection.ask(request, deadline);
        match answers {
            Ok(_) => self.idle = Some(connection),
            Err(_) => self.pool.close_idle(),
        }
        answers
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut shelf = self.pool.shelf.lock();
        shelf.taken -= 1;
        shelf.idle.extend(self.idle.take());
        drop(shelf);
        self.pool.returned.notify_one();
    }
}
