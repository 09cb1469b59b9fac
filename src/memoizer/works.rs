//! The work that one memoizer has done in the background.

use crate::background::{Background, Full, Pool, Work};
use crate::sync::thread_local;
use once_cell::sync::OnceCell;
use parking_lot::{Condvar, Mutex};
use std::cell::Cell;
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Works {
    /// Chosen once, before it is needed.
    background: OnceCell<Arc<dyn Background>>,
    busy: Arc<Busy>,
}

/// How much work has been taken, and is not over.
#[derive(Default)]
struct Busy {
    works: Mutex<usize>,
    idle: Condvar,
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

    /// Has work done, if there is room for it.
    pub(crate) fn run(&self, work: Work) -> Result<(), Full> {
        let taken = Taken::new(&self.busy);
        let background = self.background.get_or_init(|| Arc::new(Pool::default()));
        background.run(Box::new(move || {
            // Until the work is over and all that it owned is gone.
            let _taken = taken;
            let _inside = Inside::new();
            work();
        }))
    }

    /// Waits until no work is left.
    pub(crate) fn drain(&self) {
        if is_work() {
            return;
        }
        let mut works = self.busy.works.lock();
        self.busy.idle.wait_while(&mut works, |works| *works > 0);
    }
}

/// Work that is not over: dropped with it, done or not.
struct Taken(Arc<Busy>);

impl Taken {
    fn new(busy: &Arc<Busy>) -> Self {
        *busy.works.lock() += 1;
        Taken(Arc::clone(busy))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut works = self.0.works.lock();
        *works -= 1;
        if *works == 0 {
            self.0.idle.notify_all();
        }
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
