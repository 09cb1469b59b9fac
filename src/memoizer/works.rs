//! The work that one memoizer has done in the background.

use crate::background::{Background, Full, Pool, Work};
#[cfg(feature = "async")]
use crate::background::{Task, Tasks};
use crate::flight::works_for_any;
use crate::sync::thread_local;
use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use std::cell::Cell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
#[cfg(feature = "async")]
use std::{pin::Pin, task::Context};

#[derive(Default)]
pub(crate) struct Works {
    /// Chosen once, before it is needed.
    background: OnceCell<Arc<dyn Background>>,
    /// Chosen once, if ever.
    #[cfg(feature = "async")]
    tasks: OnceCell<Tasks>,
    busy: Arc<Busy>,
}

/// What is to be done in the background.
pub(crate) enum Errand {
    /// It blocks the thread that does it.
    Blocks(Work),
    /// It is awaited, and for the spawner.
    #[cfg(feature = "async")]
    Awaits(Task),
}

/// How much work has been taken, and is not over.
#[derive(Default)]
struct Busy(Mutex<Count>);

#[derive(Default)]
struct Count {
    works: usize,
    /// Who waits until there is none.
    waiters: Vec<Waker>,
}

thread_local! {
    /// Whether this thread does such work: of whatever memoizer, since their threads may
    /// be the same.
    static WORKS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the code on this thread is background work. It is not to wait for other such
/// work: that may wait for this very thread.
pub(crate) fn is_work() -> bool {
    WORKS.try_with(Cell::get).unwrap_or(false)
}

impl Works {
    /// Whether it could still be chosen where work is done.
    pub(crate) fn choose(&self, background: Arc<dyn Background>) -> bool {
        self.background.set(background).is_ok()
    }

    #[cfg(feature = "async")]
    pub(crate) fn choose_tasks(&self, tasks: Tasks) -> bool {
        self.tasks.set(tasks).is_ok()
    }

    /// Whether there is a spawner for what is awaited.
    #[cfg(feature = "async")]
    pub(crate) fn spawns(&self) -> bool {
        self.tasks.get().is_some()
    }

    /// Has an errand done, if there is room for it.
    pub(crate) fn run(&self, errand: Errand) -> Result<(), Full> {
        let taken = Taken::new(&self.busy);
        match errand {
            Errand::Blocks(work) => {
                let background = self.background.get_or_init(|| Arc::new(Pool::default()));
                background.run(Box::new(move || {
                    // Until the work is over and all that it owned is gone.
                    let _taken = taken;
                    let _inside = Inside::new();
                    work();
                }))
            }
            #[cfg(feature = "async")]
            Errand::Awaits(task) => {
                let tasks = self.tasks.get().ok_or(Full)?;
                let errand = Awaited {
                    task,
                    _taken: taken,
                };
                tasks.run(Box::pin(errand))
            }
        }
    }

    /// Waits until no work is left. Work itself does not, nor does a build: there may be
    /// work that waits for it.
    pub(crate) async fn drain(&self) {
        let must_not_wait = || is_work() || works_for_any();
        poll_fn(
            |context| match must_not_wait() || self.busy.is_over(context.waker()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            },
        )
        .await;
    }
}

impl Busy {
    /// Whether no work is left; if there is, `waker` is woken when there is none.
    fn is_over(&self, waker: &Waker) -> bool {
        let mut count = self.0.lock();
        if count.works > 0 && !count.waiters.iter().any(|known| known.will_wake(waker)) {
            count.waiters.push(waker.clone());
        }
        count.works == 0
    }
}

/// Work that is not over: dropped with it, done or not.
struct Taken(Arc<Busy>);

impl Taken {
    fn new(busy: &Arc<Busy>) -> Self {
        busy.0.lock().works += 1;
        Taken(Arc::clone(busy))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut count = self.0.0.lock();
        count.works -= 1;
        let waiters = match count.works {
            0 => std::mem::take(&mut count.waiters),
            _ => Vec::new(),
        };
        drop(count);
        waiters.into_iter().for_each(Waker::wake);
    }
}

/// An errand that is awaited.
#[cfg(feature = "async")]
struct Awaited {
    /// Dropped first: the errand is not over while anything that it owns is there.
    task: Task,
    _taken: Taken,
}

#[cfg(feature = "async")]
impl Future for Awaited {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _inside = Inside::new();
        self.task.as_mut().poll(context)
    }
}

struct Inside(bool);

impl Inside {
    fn new() -> Self {
        Inside(WORKS.try_with(|works| works.replace(true)).unwrap_or(false))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        _ = WORKS.try_with(|works| works.set(self.0));
    }
}
