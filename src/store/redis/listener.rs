use super::backoff::Backoff;
use super::connection::Server;
use super::deadline::Deadline;
use super::layout::Layout;
use super::link::Link;
use super::pulse::Pulse;
use super::push::{Push, Told};
use super::watching::{self, Shared, Watching};
use crate::drive::block_on;
use crate::store::bytes::Change;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Listens to what one server tells of changes, and passes it on.
pub(super) struct Listener<'s> {
    whom: Whom,
    terms: Terms,
    shared: &'s Shared,
}

/// What a listener needs, whichever server it listens to.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) told: Arc<dyn Fn(Change<'_>) + Send + Sync>,
    pub(super) layout: Layout,
    /// All that changed longer ago than this is to have been told.
    pub(super) ping: Duration,
    /// So long it may take to connect.
    pub(super) timeout: Duration,
    /// Differs from one process to the other.
    pub(super) seed: u64,
}

/// Whom to listen to.
pub(super) enum Whom {
    /// The one server that has all keys, as it is known when it is connected to.
    Master(Arc<Link>),
    /// A node of a cluster, whatever keys it has.
    Node(Server),
}

/// The longest wait between one try to connect and the next.
pub(super) const LONGEST: Duration = Duration::from_secs(1);

impl Terms {
    /// Who is told may drop values of users. If one of them panics, the panic hook has
    /// said so, and nobody else should be deaf for it: this goes on.
    pub(super) fn tell(&self, change: Change<'_>) {
        let told = AssertUnwindSafe(|| (self.told)(change));
        let _ = watching::telling(|| catch_unwind(told));
    }

    /// How long a pause between two attempts to hear a server may last, and each attempt:
    /// both together are within the limit, and a quarter of it is left for a thread that
    /// wakes late.
    pub(super) fn step(&self) -> Duration {
        self.ping / 8 * 3
    }

    /// When one attempt is to be over. Nothing is told meanwhile.
    pub(super) fn attempt(&self) -> Deadline {
        Deadline::after(self.timeout.min(self.step()))
    }
}

impl Listener<'_> {
    pub(super) fn start(whom: Whom, terms: Terms) -> io::Result<Watching> {
        Watching::by(move |shared| {
            Listener {
                whom,
                terms,
                shared,
            }
            .run();
        })
    }

    /// While the server is not heard, anything may change. That is told again and
    /// again, so that what is read meanwhile is not kept for longer than until then.
    fn run(&self) {
        let mut backoff = self.backoff();
        while !self.shared.is_closed() {
            let begin = Instant::now();
            self.listen();
            // One that lets us in and out again at once is no better than none.
            if begin.elapsed() > LONGEST {
                backoff = self.backoff();
            }
            self.pause(backoff.wait());
        }
    }

    fn pause(&self, mut left: Duration) {
        while !left.is_zero() && !self.shared.is_closed() {
            self.terms.tell(Change::All);
            let part = left.min(self.terms.step());
            self.shared.pause(part);
            left -= part;
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
        let mut pulse = Pulse::within(self.terms.ping);
        self.terms.tell(Change::All);
        while self.whom.is_still(&server, pulse.end()) {
            match self.next(&mut push, &mut pulse) {
                Some(told) => self.pass_on(told),
                None => return,
            }
        }
    }

    fn connected(&self) -> Option<(Server, Push)> {
        let deadline = self.terms.attempt();
        let server = self.whom.server(deadline)?;
        let mut push = Push::dial(&server, deadline).ok()?;
        self.shared.holds(push.socket().ok()?);
        let prefix = self.terms.layout.all_bytes();
        push.track(server.user(), &prefix, deadline).ok()?;
        Some((server, push))
    }

    /// Nothing once the connection is broken, or the server does not answer in time.
    fn next(&self, push: &mut Push, pulse: &mut Pulse) -> Option<Told> {
        pulse.end().left()?;
        if pulse.is_due() {
            pulse.asks();
            push.ask(pulse.end()).ok()?;
        }
        let told = push.heard(pulse.next()).ok()?;
        if told == Some(Told::Answer) {
            pulse.answered();
        }
        // Where nothing came, there is something to do.
        Some(told.unwrap_or(Told::Other))
    }

    fn pass_on(&self, told: Told) {
        match told {
            Told::Names(names) => {
                let keys = names.iter().filter_map(|n| self.terms.layout.key(n));
                keys.for_each(|key| self.terms.tell(Change::Key(key)));
            }
            Told::All => self.terms.tell(Change::All),
            Told::Answer | Told::Other => {}
        }
    }
}

impl Whom {
    fn server(&self, deadline: Deadline) -> Option<Server> {
        match self {
            Whom::Master(link) => {
                link.suspect();
                block_on(link.master(deadline))
            }
            Whom::Node(server) => Some(server.clone()),
        }
    }

    /// Whether `server` is still the one that this process asks. Another may have
    /// become master, while the old one goes on answering.
    fn is_still(&self, server: &Server, deadline: Deadline) -> bool {
        match self {
            Whom::Master(link) => {
                let now = block_on(link.master(deadline));
                now.is_some_and(|now| now.place() == server.place())
            }
            Whom::Node(_) => true,
        }
    }
}
