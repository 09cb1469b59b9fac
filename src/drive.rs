//! What drives the futures in which the rules are written.
//!
//! Looking, joining, leading and landing are written once, as futures. Who blocks
//! drives them on its own thread, which sleeps while they wait; who awaits hands them
//! to whatever polls it.

use crate::sync::{Parker, thread_local};
use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;

thread_local! {
    /// When what is being polled wants to be polled again, if nothing wakes it before.
    static WAKE_BY: Cell<Option<Instant>> = const { Cell::new(None) };

    /// What this thread sleeps on. Who drives takes it: in what it drives, another may
    /// block, and must not eat its wake-up.
    static PARKED: Cell<Option<Arc<ThreadWaker>>> = const { Cell::new(None) };
}

/// Says, in a poll that is about to answer that it is pending, by when it wants to be
/// polled again.
pub(crate) fn wake_by(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        let _ = WAKE_BY.try_with(|wake_by| {
            let earlier = wake_by.get().map_or(deadline, |known| known.min(deadline));
            wake_by.set(Some(earlier));
        });
    }
}

/// What the last poll has said by that.
fn asked_for() -> Option<Instant> {
    WAKE_BY.try_with(Cell::take).ok().flatten()
}

/// Drives a future on this thread.
#[inline]
pub fn block_on<F: Future>(future: F) -> F::Output {
    // What was said in an outer poll, on top of which this is.
    let outer = asked_for();
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    // Some are ready at once.
    let output = match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => sleep_on(future),
    };
    _ = asked_for();
    wake_by(outer);
    output
}

/// The output of a future that has nothing to wait for.
#[inline]
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("whoever blocks does so within a poll"),
    }
}

#[cold]
#[inline(never)]
fn sleep_on<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    let parked = PARKED.try_with(Cell::take).ok().flatten();
    let parked = parked.unwrap_or_else(|| Arc::new(ThreadWaker(Parker::new())));
    let waker = Waker::from(Arc::clone(&parked));
    let mut context = Context::from_waker(&waker);
    loop {
        _ = asked_for();
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            let _ = PARKED.try_with(|place| place.set(Some(parked)));
            return output;
        }
        parked.0.park(asked_for());
    }
}

/// Polls `work`, and catches what it throws.
pub(crate) async fn caught<F: Future>(work: F) -> thread::Result<F::Output> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        match polled {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}

/// A future that may go from thread to thread.
#[cfg(feature = "async")]
pub type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// A future for whoever polls it, that is polled when it wants to be: by a timer, since
/// no runtime is known here. In a box, so that its type is not part of the type of what
/// it is in: that may be itself.
#[cfg(feature = "async")]
pub(crate) fn boxed<'f, T>(future: impl Future<Output = T> + Send + 'f) -> Boxed<'f, T> {
    Box::pin(timed(future))
}

#[cfg(feature = "async")]
async fn timed<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut timer: Option<futures_timer::Delay> = None;
    poll_fn(|context| {
        loop {
            // What was said in an outer poll, on top of which this one is.
            let outer = asked_for();
            let polled = future.as_mut().poll(context);
            let deadline = asked_for();
            wake_by(outer);
            let (Poll::Pending, Some(deadline)) = (&polled, deadline) else {
                return polled;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let timer = timer.get_or_insert_with(|| futures_timer::Delay::new(left));
            timer.reset(left);
            if Pin::new(timer).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await
}

/// Wakes a thread.
struct ThreadWaker(Parker);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
