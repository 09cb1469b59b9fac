use super::push::Socket;
use parking_lot::{Condvar, Mutex};
use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A thread that listens to servers. Dropping this ends it.
pub(super) struct Watching {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Between the thread and whoever ends it.
pub(super) struct Shared {
    state: Mutex<State>,
    closed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// What the thread listens to now.
    socket: Option<Socket>,
}

impl Watching {
    pub(super) fn by(listen: impl FnOnce(&Shared) + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            closed: Condvar::new(),
        });
        let of_thread = shared.clone();
        let thread = thread::Builder::new()
            .name("mementos-watch".to_owned())
            .spawn(move || listen(&of_thread))?;
        Ok(Watching {
            shared,
            thread: Some(thread),
        })
    }
}

thread_local! {
    /// Whether this thread is telling somebody what has changed.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// Tells somebody what has changed, by `tell`, which does not panic.
pub(super) fn telling<R>(tell: impl FnOnce() -> R) -> R {
    TELLING.set(true);
    let told = tell();
    TELLING.set(false);
    told
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.shared.close();
        let thread = self.thread.take().expect("it is taken here alone");
        // Who is told may drop what watches, by way of a user's value. That thread would
        // wait for itself, or for one that waits for it.
        if !TELLING.get() {
            // It has nothing to answer.
            let _ = thread.join();
        }
    }
}

impl Shared {
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Wakes the thread, whatever it waits for.
    fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        drop(state.socket.take());
        drop(state);
        self.closed.notify_one();
    }

    /// Has `socket` shut down once this is closed.
    pub(super) fn holds(&self, socket: Socket) {
        let mut state = self.state.lock();
        // Dropped where it is closed already, and so shut down.
        state.socket = (!state.closed).then_some(socket);
    }

    /// Lets go of the socket, and waits unless it is closed.
    pub(super) fn pause(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut state = self.state.lock();
        state.socket = None;
        while !state.closed && !self.closed.wait_until(&mut state, until).timed_out() {}
    }
}
