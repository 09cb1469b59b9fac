use crate::drive::wake_by;
use crate::error::Circle;
use crate::flight::{Limit, Promise};
use crate::wakers::{Waiting, Wakers};
use once_cell::sync::OnceCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// Where a job leaves its outcome: nothing, if it was not done.
pub(crate) struct Slot<T> {
    outcome: OnceCell<Option<T>>,
    waiters: Wakers,
    promise: Arc<Promise>,
}

impl<T> Slot<T> {
    pub(super) fn new(promise: Promise) -> Self {
        Slot {
            outcome: OnceCell::new(),
            waiters: Wakers::new(),
            promise: Arc::new(promise),
        }
    }

    /// What the job works for.
    pub(super) fn promise(&self) -> &Arc<Promise> {
        &self.promise
    }

    /// Leaves the outcome, if there is none yet.
    pub(super) fn fill(&self, outcome: Option<T>) {
        if self.outcome.set(outcome).is_err() {
            return;
        }
        self.promise.land();
        // Who has left a waker before this is woken; who leaves one after sees the outcome.
        self.waiters.wake();
    }

    /// Whether the outcome is there; if not, `waker` is woken when it is.
    fn poll_filled(&self, waiting: &mut Waiting<'_>, waker: &Waker) -> bool {
        self.outcome.get().is_some() || {
            waiting.by(waker);
            self.outcome.get().is_some()
        }
    }

    /// The outcome, if it is there: nothing in it, if the job was not done.
    pub(crate) fn outcome(&self) -> Option<Option<&T>> {
        self.outcome.get().map(Option::as_ref)
    }

    /// Waits until the outcome is there, or the time is over. No time is no wait.
    ///
    /// # Errors
    ///
    /// The circle that waiting would close.
    pub(crate) async fn wait(&self, timeout: Duration) -> Result<(), Circle> {
        // A time too long for the clock to hold is endless.
        let deadline = Instant::now().checked_add(timeout);
        let limit = deadline.map_or(Limit::None, |_| Limit::Time);
        let _edge = match timeout.is_zero() {
            true => None,
            false => self.promise.wait(limit)?,
        };
        self.filled(deadline).await;
        Ok(())
    }

    /// Waits until the outcome is there, or the deadline passes.
    async fn filled(&self, deadline: Option<Instant>) {
        let mut waiting = self.waiters.join();
        poll_fn(|context| {
            let is_over = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if self.poll_filled(&mut waiting, context.waker()) || is_over() {
                return Poll::Ready(());
            }
            wake_by(deadline);
            Poll::Pending
        })
        .await;
    }
}
