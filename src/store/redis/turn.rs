use super::deadline::Deadline;
use crate::drive;
use parking_lot::Mutex;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// Something that one caller at a time does, of those that block and those that await.
#[derive(Default)]
pub(super) struct Turn(Mutex<State>);

#[derive(Default)]
struct State {
    taken: bool,
    /// Who waits, once each. Some may have given up.
    waiting: Vec<Waker>,
}

/// Whoever has this has the turn.
pub(super) struct Taken<'t>(&'t Turn);

impl Turn {
    /// Nothing while another has it.
    pub(super) fn try_take(&self) -> Option<Taken<'_>> {
        let mut state = self.0.lock();
        let free = !state.taken;
        state.taken = true;
        free.then(|| Taken(self))
    }

    /// Nothing if others had it until the time was over.
    pub(super) async fn take(&self, deadline: Deadline) -> Option<Taken<'_>> {
        poll_fn(|context| {
            let mut state = self.0.lock();
            if !state.taken {
                state.taken = true;
                return Poll::Ready(Some(Taken(self)));
            }
            if deadline.left().is_none() {
                return Poll::Ready(None);
            }
            let waker = context.waker();
            if !state.waiting.iter().any(|known| known.will_wake(waker)) {
                state.waiting.push(waker.clone());
            }
            drive::wake_by(Some(deadline.at()));
            Poll::Pending
        })
        .await
    }
}

impl Drop for Taken<'_> {
    /// All who wait are woken, and one of them takes it: the next in line may have given
    /// up.
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.taken = false;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::block_on;
    use std::thread;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn who_waits_gets_it_after_the_other() {
        let turn = Turn::default();
        let taken = turn.try_take().unwrap();
        assert!(turn.try_take().is_none());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| block_on(turn.take(Deadline::after(LONG))).is_some());
            while turn.0.lock().waiting.is_empty() {
                thread::yield_now();
            }
            drop(taken);
            assert!(waiting.join().unwrap());
        });
        assert!(turn.try_take().is_some());
    }

    #[test]
    fn who_waits_gives_up_when_the_time_is_over() {
        let turn = Turn::default();
        let _taken = turn.try_take().unwrap();
        assert!(block_on(turn.take(Deadline::after(Duration::from_millis(1)))).is_none());
    }
}
