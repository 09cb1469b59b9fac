//! What drives the futures in which the rules are written.
//!
//! Looking, joining, leading and landing are written once, as futures. Who blocks
//! drives them on its own thread, which sleeps while they wait; who awaits hands them
//! to whatever polls it.

use crate::sync::Parker;
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread_local;
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
    let mut future = pin!(future);
    // Most are ready at once: who leads a blocking build waits for nobody.
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => sleep_on(future),
    }
}

#[cold]
#[inline(never)]
fn sleep_on<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    let parked = PARKED.try_with(Cell::take).ok().flatten();
    let parked = parked.unwrap_or_else(|| Arc::new(ThreadWaker(Parker::new())));
    let waker = Waker::from(Arc::clone(&parked));
    let mut context = Context::from_waker(&waker);
    // What was said in an outer poll, on top of which this one is.
    let outer = asked_for();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            _ = asked_for();
            wake_by(outer);
            let _ = PARKED.try_with(|place| place.set(Some(parked)));
            return output;
        }
        parked.0.park(asked_for());
    }
}

/// Wakes a thread.
struct ThreadWaker(Parker);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
