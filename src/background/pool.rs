use super::{Background, Full, Work};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// A few threads, and a queue of bounded length.
///
/// Threads start when there is work for them, and end when there has been none for ten
/// seconds. A pool without work has no threads, and costs nothing.
///
/// When it is dropped, work that has not begun is dropped with it, and what has begun
/// is done to its end: no drop waits for a function.
pub struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is work, or there will be none.
    called: Condvar,
    most_threads: usize,
    most_waiting: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    threads: usize,
    /// Threads that wait for work.
    idle: usize,
    is_closed: bool,
}

/// How long a thread waits for work.
const IDLE: Duration = Duration::from_secs(10);
const THREADS: usize = 8;
const WAITING: usize = 1024;

impl Pool {
    /// A pool of at most so many threads, and of so much work at most that waits for
    /// one. No thread counts as one.
    pub fn new(threads: usize, waiting: usize) -> Self {
        Pool(Arc::new(Shared {
            state: Mutex::default(),
            called: Condvar::new(),
            most_threads: threads.max(1),
            most_waiting: waiting,
        }))
    }
}

/// 8 threads, and room for 1024 pieces of work.
impl Default for Pool {
    fn default() -> Self {
        Pool::new(THREADS, WAITING)
    }
}

impl Background for Pool {
    fn run(&self, work: Work) -> Result<(), Full> {
        let mut state = self.0.state.lock();
        if state.idle > state.waiting.len() {
            state.waiting.push_back(work);
            self.0.called.notify_one();
            return Ok(());
        }
        if state.threads < self.0.most_threads {
            // Counted before it is there, and with the lock given back: to start a
            // thread takes a while.
            state.threads += 1;
            drop(state);
            return self.start(work);
        }
        if state.waiting.len() >= self.0.most_waiting {
            // What the work owns is the user's, and is dropped with nothing locked.
            drop(state);
            drop(work);
            return Err(Full);
        }
        state.waiting.push_back(work);
        Ok(())
    }
}

impl Pool {
    fn start(&self, work: Work) -> Result<(), Full> {
        let shared = Arc::clone(&self.0);
        let thread = thread::Builder::new().name("mementos".to_owned());
        let started = thread.spawn(move || shared.work(work));
        started.map(drop).map_err(|_| {
            self.0.state.lock().threads -= 1;
            Full
        })
    }
}

impl Shared {
    fn work(&self, first: Work) {
        let mut next = Some(first);
        while let Some(work) = next {
            // What it panics with is nobody's here.
            drop(catch_unwind(AssertUnwindSafe(work)));
            next = self.next();
        }
    }

    /// What to do next. If there is nothing, this thread is one less.
    fn next(&self) -> Option<Work> {
        let mut state = self.state.lock();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                return Some(work);
            }
            if state.is_closed {
                break;
            }
            state.idle += 1;
            let waited = self.called.wait_for(&mut state, IDLE);
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        None
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.is_closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.0.called.notify_all();
        drop(waiting);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.lock();
        let (threads, waiting) = (state.threads, state.waiting.len());
        write!(f, "Pool({threads} threads, {waiting} waiting)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{self, Receiver, Sender};

    /// Work that says that it has begun, and waits for leave to end.
    fn held() -> (Work, Receiver<()>, Sender<()>) {
        let (begins, begun) = mpsc::channel();
        let (leave, left) = mpsc::channel();
        let work = move || {
            begins.send(()).unwrap();
            left.recv().unwrap();
        };
        (Box::new(work), begun, leave)
    }

    #[test]
    fn what_is_more_than_threads_and_queue_hold_is_refused() {
        let pool = Pool::new(1, 1);
        let (first, begun, leave) = held();
        pool.run(first).unwrap();
        begun.recv().unwrap();
        let (second, second_begun, second_leave) = held();
        pool.run(second).unwrap();
        assert_eq!(pool.run(Box::new(|| ())), Err(Full));
        leave.send(()).unwrap();
        second_begun.recv().unwrap();
        second_leave.send(()).unwrap();
    }

    #[test]
    fn work_that_panics_takes_no_thread_with_it() {
        let pool = Pool::new(1, 8);
        pool.run(Box::new(|| panic!("on purpose"))).unwrap();
        let (work, begun, leave) = held();
        pool.run(work).unwrap();
        begun.recv().unwrap();
        leave.send(()).unwrap();
    }

    #[test]
    fn a_pool_that_is_dropped_drops_what_waits_and_ends_what_runs() {
        let pool = Pool::new(1, 8);
        let (work, begun, leave) = held();
        pool.run(work).unwrap();
        begun.recv().unwrap();
        let (waiting, never, _leave) = held();
        pool.run(waiting).unwrap();
        let shared = Arc::downgrade(&pool.0);
        drop(pool);
        assert!(never.recv().is_err(), "it was dropped");
        leave.send(()).unwrap();
        while shared.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
