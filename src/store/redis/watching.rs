use super::backoff::Backoff;
use super::connection::Server;
use super::deadline::Deadline;
use super::layout::Layout;
use super::link::Link;
use super::push::{Push, Socket, Told};
use crate::store::bytes::Change;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Listens to what one server tells of changes, in a thread of its own, and passes it
/// on. Dropping this ends it.
pub(super) struct Watching {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What a listener needs, whichever server it listens to.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) told: Arc<dyn Fn(Change<'_>) + Send + Sync>,
    pub(super) layout: Layout,
    /// After so much silence the server is asked to say something.
    pub(super) ping: Duration,
    /// So long it may take to connect, and to answer.
    pub(super) timeout: Duration,
    /// Differs from one process to the other.
    pub(super) seed: u64,
}

/// Whom to listen to.
pub(super) enum Whom {
    /// The one server that has all keys, as it is known when it is connected to.
    Master(Arc<Link>),
}

struct Shared {
    state: Mutex<State>,
    closed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// What the thread listens to now.
    socket: Option<Socket>,
}

struct Listener {
    whom: Whom,
    terms: Terms,
    shared: Arc<Shared>,
}

/// The longest wait between one try to connect and the next.
const LONGEST: Duration = Duration::from_secs(1);

impl Watching {
    pub(super) fn start(whom: Whom, terms: Terms) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            closed: Condvar::new(),
        });
        let listener = Listener {
            whom,
            terms,
            shared: shared.clone(),
        };
        let thread = thread::Builder::new()
            .name("mementos-watch".to_owned())
            .spawn(move || listener.run())?;
        Ok(Watching {
            shared,
            thread: Some(thread),
        })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.shared.close();
        let thread = self.thread.take().expect("it is taken here alone");
        // What is told may drop what watches; a thread cannot wait for itself.
        if thread.thread().id() != thread::current().id() {
            // It has nothing to answer.
            let _ = thread.join();
        }
    }
}

impl Listener {
    /// While the server is not heard, anything may change. That is told again and
    /// again, so that what is read meanwhile is not kept for longer than until then.
    fn run(&self) {
        let mut backoff = self.backoff();
        while !self.shared.is_closed() {
            self.tell(Change::All);
            let begin = Instant::now();
            self.listen();
            // One that lets us in and out again at once is no better than none.
            if begin.elapsed() > LONGEST {
                backoff = self.backoff();
            }
            self.tell(Change::All);
            self.shared.pause(backoff.wait());
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::up_to(LONGEST, self.terms.seed)
    }

    /// Connects, and passes on what is heard until the server is heard no more.
    fn listen(&self) {
        let Some((server, mut push)) = self.connected() else {
            return;
        };
        // What others changed before the server began to tell was not heard:
        //
        //   this process    is sent the old value
        //   another         deletes it
        //   this thread     has the server tell what changes; tells that all may have
        //   this process    keeps nothing, or has it no more
        self.tell(Change::All);
        while self.whom.is_still(&server, self.terms.timeout) {
            match self.next(&mut push) {
                Some(told) => self.pass_on(told),
                None => return,
            }
        }
    }

    fn connected(&self) -> Option<(Server, Push)> {
        let deadline = Deadline::after(self.terms.timeout);
        let server = self.whom.server(deadline)?;
        let mut push = Push::dial(&server, deadline).ok()?;
        self.shared.holds(push.socket().ok()?);
        let prefix = self.terms.layout.all_bytes();
        push.track(server.user(), &prefix, deadline).ok()?;
        Some((server, push))
    }

    /// Nothing once the connection is broken, or the server silent though asked.
    fn next(&self, push: &mut Push) -> Option<Told> {
        match push.heard(self.terms.ping).ok()? {
            None => push.heard_if_asked(self.terms.timeout).ok()?,
            told => told,
        }
    }

    fn pass_on(&self, told: Told) {
        match told {
            Told::Names(names) => {
                let keys = names.iter().filter_map(|n| self.terms.layout.key(n));
                keys.for_each(|key| self.tell(Change::Key(key)));
            }
            Told::All => self.tell(Change::All),
            Told::Other => {}
        }
    }

    /// Who is told may drop values of users. If one of them panics, the panic hook has
    /// said so, and nobody else should be deaf for it: this goes on.
    fn tell(&self, change: Change<'_>) {
        let _ = catch_unwind(AssertUnwindSafe(|| (self.terms.told)(change)));
    }
}

impl Whom {
    fn server(&self, deadline: Deadline) -> Option<Server> {
        match self {
            Whom::Master(link) => {
                link.suspect();
                link.master(deadline)
            }
        }
    }

    /// Whether `server` is still the one that this process asks. Another may have
    /// become master, while the old one goes on answering.
    fn is_still(&self, server: &Server, timeout: Duration) -> bool {
        match self {
            Whom::Master(link) => {
                let now = link.master(Deadline::after(timeout));
                now.is_some_and(|now| now.place() == server.place())
            }
        }
    }
}

impl Shared {
    fn is_closed(&self) -> bool {
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
    fn holds(&self, socket: Socket) {
        let mut state = self.state.lock();
        // Dropped where it is closed already, and so shut down.
        state.socket = (!state.closed).then_some(socket);
    }

    /// Lets go of the socket, and waits unless it is closed.
    fn pause(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut state = self.state.lock();
        state.socket = None;
        while !state.closed && !self.closed.wait_until(&mut state, until).timed_out() {}
    }
}
