use super::connection::Connection;
use super::deadline::Deadline;
use parking_lot::{Condvar, Mutex};

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
    pub(super) fn close_idle(&self) {
        let idle = std::mem::take(&mut self.shelf.lock().idle);
        drop(idle);
    }
}

/// Somebody's place in a pool. It is given back when it is dropped, and what
/// connection was not [kept](Self::keep) is closed.
pub(super) struct Place<'p> {
    pool: &'p Pool,
    idle: Option<Connection>,
}

impl Place<'_> {
    pub(super) fn idle(&mut self) -> Option<Connection> {
        self.idle.take()
    }

    /// Keeps a connection that is in order for whoever comes next.
    pub(super) fn keep(&mut self, connection: Connection) {
        self.idle = Some(connection);
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
