//! One flight's life.
//!
//! ```text
//! building ──► publishing ──► landed
//!     │                         ▲
//!     └── voided: not published ┘
//! ```
//!
//! Publishing and voiding are bits of one atomic word, set by a
//! read-modify-write that tells what was there before. So of a leader that
//! publishes and a caller that removes, one comes first and the other sees it:
//!
//! - `VOIDED` first: the leader sees it and does not put the value;
//! - `PUBLISHING` first: who removes sees it, waits for the put to end, and then
//!   deletes what was put.

use super::chain;
use super::graph::{self, Link, Node, state};
use crate::clock::Moment;
use crate::drive::wake_by;
use crate::error::{BuildError, Site};
use crate::key::Key;
use crate::sync::Ordering;
use crate::wakers::{Waiting, Wakers};
use once_cell::sync::OnceCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How a flight ended.
pub(crate) enum Landing<V, E> {
    /// With a value, built for all who joined.
    Built(V),
    /// With an error, shared by all who joined.
    Failed(BuildError<E>),
    /// With nothing to share: whoever joined looks again, and may lead.
    Again,
}

/// One build in progress for one key.
pub(crate) struct Flight<K, V, E> {
    /// There until the last handle gives it to the store.
    key: Option<K>,
    hash: u64,
    /// The name of what is built, for errors.
    what: &'static str,
    link: Link,
    since: Moment,
    /// Who leads it, if that is asked for.
    thread: Option<Thread>,
    landing: OnceCell<Landing<V, E>>,
    waiters: Wakers,
}

/// What came of an attempt to publish.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publication {
    /// The value may be put into the store.
    Granted,
    /// The key was removed meanwhile: the value is for the callers only.
    Voided,
}

impl<K: Key, V: Send + Sync + 'static, E: Send + Sync + 'static> Flight<K, V, E> {
    /// A build that begins, inside of `parents`.
    pub(super) fn new(
        what: &'static str,
        hash: u64,
        key: K,
        thread: Option<Thread>,
        parents: Vec<Arc<dyn Node>>,
    ) -> Self {
        Flight {
            key: Some(key),
            hash,
            what,
            link: Link::new(parents),
            since: Moment::now(),
            thread,
            landing: OnceCell::new(),
            waiters: Wakers::new(),
        }
    }

    pub(crate) fn key(&self) -> &K {
        self.key
            .as_ref()
            .expect("only the last handle gives the key away")
    }

    /// The key, from the last handle.
    pub(super) fn take_key(&mut self) -> Option<K> {
        self.key.take()
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The type and key, for an error. Runs the key's `Debug`.
    pub(crate) fn what_and_key(&self) -> Site {
        Site::new(self.what, self.key())
    }

    /// When the build began.
    pub(crate) fn since(&self) -> Moment {
        self.since
    }

    /// The thread that leads it, where flights know theirs.
    pub(crate) fn thread(&self) -> Option<&Thread> {
        self.thread.as_ref()
    }

    /// Asks whether the value may be published. The answer stands until the
    /// flight has landed.
    pub(super) fn publish(&self) -> Publication {
        let before = self
            .link
            .state
            .fetch_or(state::PUBLISHING, Ordering::AcqRel);
        match before & state::VOIDED {
            0 => Publication::Granted,
            _ => Publication::Voided,
        }
    }

    /// Voids the flight; answers whether that is all. If not, its value is on its way
    /// into the store: the caller is to wait until the flight has landed, and can then
    /// delete it. A store that is putting the value and calls back from there is not made
    /// to wait for itself.
    #[must_use]
    pub(super) fn void(&self) -> bool {
        let before = self.link.state.fetch_or(state::VOIDED, Ordering::AcqRel);
        before & state::PUBLISHING == 0 || chain::holds(self.link.id())
    }

    /// Makes the outcome known. Called once, by the leader.
    pub(super) fn land(&self, landing: Landing<V, E>) {
        let first = self.landing.set(landing).is_ok();
        debug_assert!(first, "a flight lands once");
        if self.link.land() & state::AWAITED != 0 {
            self.waiters.wake();
        }
    }

    /// Whether the flight has landed; if not, `waker` is woken when it has.
    fn poll_landed(&self, waiting: &mut Waiting<'_>, waker: &Waker) -> bool {
        if self.link.has_landed() {
            return true;
        }
        waiting.by(waker);
        // In this order: if the landing comes after this mark, it sees the mark
        // and finds the waker; if it came before, the mark tells us.
        let before = self.link.state.fetch_or(state::AWAITED, Ordering::AcqRel);
        before & state::LANDED != 0
    }

    /// Waits until the flight has landed or the deadline passes; answers whether it has.
    pub(super) async fn landed(&self, deadline: Option<Instant>) -> bool {
        let mut waiting = self.waiters.join();
        poll_fn(|context| {
            if self.poll_landed(&mut waiting, context.waker()) {
                return Poll::Ready(true);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Poll::Ready(false);
            }
            wake_by(deadline);
            Poll::Pending
        })
        .await
    }

    /// Waits until the flight has landed, for at most `patience`. Says so by
    /// `joined` once it is clear that this is no circle.
    ///
    /// # Errors
    ///
    /// The circle that waiting would close, or that the time is over.
    pub(super) async fn wait(
        self: &Arc<Self>,
        patience: Patience,
        joined: impl FnOnce(),
    ) -> Result<&Landing<V, E>, BuildError<E>> {
        let edge = chain::wait_for(self, patience.limit());
        let _edge = edge.map_err(BuildError::<E>::from_circle)?;
        joined();
        if self.landed(patience.deadline()).await {
            Ok(self
                .landing
                .get()
                .expect("the outcome is set before the flight has landed"))
        } else {
            Err(BuildError::timed_out(self.what_and_key(), patience.given()))
        }
    }
}

impl<K: Key, V: Send + Sync + 'static, E: Send + Sync + 'static> Node for Flight<K, V, E> {
    fn link(&self) -> &Link {
        &self.link
    }

    fn site(&self) -> Site {
        self.what_and_key()
    }
}

/// How long a caller is willing to wait for somebody else's build, from its first
/// wait on. A hit reads no clock.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    Endless,
    For(Duration),
    Until(Instant, Duration),
}

impl Patience {
    /// Starts the clock, if it has not been started. A time too long for the clock
    /// to hold is endless.
    pub(crate) fn started(self) -> Self {
        match self {
            Patience::For(given) => match Instant::now().checked_add(given) {
                Some(deadline) => Patience::Until(deadline, given),
                None => Patience::Endless,
            },
            started => started,
        }
    }

    fn deadline(self) -> Option<Instant> {
        match self.started() {
            Patience::Until(deadline, _) => Some(deadline),
            _ => None,
        }
    }

    fn limit(self) -> graph::Limit {
        match self {
            Patience::Endless => graph::Limit::None,
            _ => graph::Limit::Time,
        }
    }

    fn given(self) -> Duration {
        match self {
            Patience::Endless => Duration::MAX,
            Patience::For(given) | Patience::Until(_, given) => given,
        }
    }
}
