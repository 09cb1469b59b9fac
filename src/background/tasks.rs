use super::{Background, Full, Pool};
use crate::drive::{Boxed, block_on, caught};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// A piece of work that is awaited. It catches what the function panics with.
pub type Task = Boxed<'static, ()>;

type Spawn = dyn Fn(Task) + Send + Sync;

/// Has tasks polled to their end by a runtime, while who asks for it goes on: a spawner,
/// and a bound to what it is given. So many tasks are done at once, and so many wait for
/// their turn.
///
/// The spawner takes a task, to have it polled soon. It does not wait, and does not poll
/// it. A task that is dropped before its end, as by a runtime that shuts down, is not done:
/// who waits for it is told, and the next caller builds. What the spawner panics with
/// reaches the caller.
///
/// When this is dropped, tasks that have not begun are dropped with it, and what has begun
/// goes on.
pub struct Tasks {
    spawn: Box<Spawn>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    most_at_once: usize,
    most_waiting: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Task>,
    /// How many lanes there are.
    lanes: usize,
}

const AT_ONCE: usize = 64;
const WAITING: usize = 1024;

impl Tasks {
    /// 64 tasks at once, and room for 1024 that wait.
    pub fn new(spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        Tasks::bounded(AT_ONCE, WAITING, spawn)
    }

    /// At most so many tasks at once, and so many at most that wait. No task at once counts
    /// as one.
    ///
    /// ```
    /// use mementos::{Memoizer, background::Tasks};
    ///
    /// let few = Tasks::bounded(4, 100, |task| smol::spawn(task).detach());
    /// let memo = Memoizer::in_memory().tasks(few);
    /// ```
    pub fn bounded(
        at_once: usize,
        waiting: usize,
        spawn: impl Fn(Task) + Send + Sync + 'static,
    ) -> Self {
        Tasks {
            spawn: Box::new(spawn),
            shared: Arc::new(Shared {
                state: Mutex::default(),
                most_at_once: at_once.max(1),
                most_waiting: waiting,
            }),
        }
    }

    /// Has a task done, if there is room for it.
    pub(crate) fn run(&self, task: Task) -> Result<(), Full> {
        let mut state = self.shared.state.lock();
        if state.lanes < self.shared.most_at_once {
            state.lanes += 1;
            drop(state);
            let lane = Lane {
                shared: Arc::clone(&self.shared),
                has_ended: false,
            };
            // User code. If it panics, or drops the lane, that gives its place back.
            (self.spawn)(Box::pin(lane.work(task)));
            return Ok(());
        }
        if state.waiting.len() >= self.shared.most_waiting {
            // What the task owns is the user's, and is dropped with nothing locked.
            drop(state);
            drop(task);
            return Err(Full);
        }
        state.waiting.push_back(task);
        Ok(())
    }
}

/// The threads of a pool, which drive each task to its end. That suits futures which need
/// no reactor of their own thread, as smol's do, and a program without a runtime. Tokio's
/// sockets and timers panic there.
impl From<Pool> for Tasks {
    fn from(pool: Pool) -> Self {
        Tasks::new(move |task| {
            // What there is no room for is dropped.
            _ = pool.run(Box::new(move || block_on(task)));
        })
    }
}

/// A task of the runtime's, which does one of ours after the other until none waits.
struct Lane {
    shared: Arc<Shared>,
    /// Whether it has come to that end.
    has_ended: bool,
}

impl Lane {
    async fn work(mut self, first: Task) {
        let mut next = Some(first);
        while let Some(task) = next {
            // What it panics with is nobody's here.
            drop(caught(task).await);
            next = self.next();
        }
    }

    /// What to do next. If there is nothing, this lane is no more, in the same step: who
    /// comes after that opens another.
    fn next(&mut self) -> Option<Task> {
        let mut state = self.shared.state.lock();
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.lanes -= 1;
            self.has_ended = true;
        }
        next
    }
}

/// The runtime has dropped it, or did not take it.
impl Drop for Lane {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let mut state = self.shared.state.lock();
        state.lanes -= 1;
        // Without a lane nobody comes for those that wait: who waits for them is told.
        let left = match state.lanes {
            0 => std::mem::take(&mut state.waiting),
            _ => VecDeque::new(),
        };
        drop(state);
        drop(left);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        let waiting = std::mem::take(&mut self.shared.state.lock().waiting);
        drop(waiting);
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.lock();
        let (lanes, waiting) = (state.lanes, state.waiting.len());
        write!(f, "Tasks({lanes} at once, {waiting} waiting)")
    }
}
