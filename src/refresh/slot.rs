use crate::drive::wake_by;
use crate::sync::Mutex;
use once_cell::sync::OnceCell;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// Where a job leaves its outcome: nothing, if it was not done.
pub(crate) struct Slot<T> {
    outcome: OnceCell<Option<T>>,
    waiters: Mutex<Vec<Waker>>,
}

impl<T> Slot<T> {
    pub(super) fn new() -> Self {
        Slot {
            outcome: OnceCell::new(),
            waiters: Mutex::new(Vec::new()),
        }
    }

    /// Leaves the outcome, if there is none yet.
    pub(super) fn fill(&self, outcome: Option<T>) {
        _ = self.outcome.set(outcome);
        // Who has come to wait before this has seen no outcome, and is in the list; who
        // comes after sees it.
        let waiters = std::mem::take(&mut *self.waiters.lock());
        waiters.into_iter().for_each(Waker::wake);
    }

    /// The outcome, if it is there; if not, `waker` is woken when it is.
    pub(crate) fn poll(&self, waker: &Waker) -> Option<Option<&T>> {
        if self.outcome.get().is_none() {
            let mut waiters = self.waiters.lock();
            if self.outcome.get().is_none() {
                if !waiters.iter().any(|known| known.will_wake(waker)) {
                    waiters.push(waker.clone());
                }
                return None;
            }
        }
        self.outcome.get().map(Option::as_ref)
    }

    /// The outcome, if it is there: nothing in it, if the job was not done.
    pub(crate) fn outcome(&self) -> Option<Option<&T>> {
        self.outcome.get().map(Option::as_ref)
    }

    /// Waits until the outcome is there, or the time is over.
    pub(crate) async fn wait(&self, timeout: Duration) {
        // A time too long for the clock to hold is endless.
        let deadline = Instant::now().checked_add(timeout);
        self.filled(deadline).await;
    }

    /// Waits until the outcome is there, or the deadline passes.
    async fn filled(&self, deadline: Option<Instant>) {
        poll_fn(|context| {
            let is_over = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if self.poll(context.waker()).is_some() || is_over() {
                return Poll::Ready(());
            }
            wake_by(deadline);
            Poll::Pending
        })
        .await;
    }
}
