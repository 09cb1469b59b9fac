//! Asking a store on threads that may block, for callers that must not.

use crate::flight::{Part, enter, innermost_build};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A store that is asked on threads that may block.
///
/// What has been asked and has begun goes on to its end, even if its caller is dropped
/// meanwhile. So a write says when it is over, and the next one waits for that:
///
/// ```text
///   a task                        a thread                another caller
///   has the old value put
///                                 begins to put it
///   is dropped: lands
///                                                         deletes the key
///                                 puts the old value
/// ```
///
/// What has been asked and has not begun when its caller is dropped is not done.
pub(crate) struct Apart<S: ?Sized> {
    store: Arc<S>,
    left: Arc<Left>,
}

impl<S: ?Sized> Clone for Apart<S> {
    fn clone(&self) -> Self {
        Apart {
            store: Arc::clone(&self.store),
            left: Arc::clone(&self.left),
        }
    }
}

impl<S: ?Sized + Send + Sync + 'static> Apart<S> {
    pub(crate) fn new(store: Arc<S>) -> Self {
        let left = Arc::default();
        Apart { store, left }
    }

    #[cfg(feature = "bytes")]
    pub(crate) fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// Asks something that changes nothing.
    pub(crate) async fn ask<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&S) -> R + Send + 'static,
    ) -> R {
        let store = Arc::clone(&self.store);
        moved(move || ask(&store)).await
    }

    /// Has something put, replaced or taken out.
    pub(crate) async fn change<R: Send + 'static>(
        &self,
        change: impl FnOnce(&S) -> R + Send + 'static,
    ) -> R {
        let write = Arc::new(Write::default());
        let _asking = Asking {
            write: Arc::clone(&write),
            left: Arc::clone(&self.left),
        };
        let (store, left) = (Arc::clone(&self.store), Arc::clone(&self.left));
        let written = moved(move || {
            left.settle();
            let _running = write.begin(left)?;
            Some(change(&store))
        });
        written.await.expect("who asks is still there")
    }

    /// Waits, in this thread, until all is over that was begun for callers who are gone.
    pub(crate) fn settle(&self) {
        self.left.settle();
    }
}

/// Runs it on a thread that may block, as a part of the build in which this is polled. It
/// is dropped there, if it has not begun when the caller is dropped.
pub(crate) async fn moved<R: Send + 'static>(run: impl FnOnce() -> R + Send + 'static) -> R {
    // Weak: it may be over by then.
    let build = innermost_build().map(|build| Arc::downgrade(&build));
    let run = move || {
        let build = build.and_then(|build| build.upgrade());
        let _inside = build.map(|build| enter(build, Part::Helps));
        run()
    };
    blocking::unblock(run).await
}

/// The same for what nobody waits for.
pub(crate) fn sent(run: impl FnOnce() + Send + 'static) {
    blocking::unblock(run).detach();
}

/// The writes that have begun and whose callers are gone.
#[derive(Default)]
struct Left {
    running: Mutex<usize>,
    over: Condvar,
}

impl Left {
    fn settle(&self) {
        let mut running = self.running.lock();
        self.over.wait_while(&mut running, |running| *running > 0);
    }
}

/// How far a write has come.
#[derive(Default)]
struct Write(Mutex<Stage>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Asked,
    Running,
    /// It runs, and is one of those who are left.
    Left,
    /// It is over, or is not to be begun.
    Over,
}

impl Write {
    /// Begins it, unless its caller is gone.
    fn begin(self: Arc<Self>, left: Arc<Left>) -> Option<Running> {
        let mut stage = self.0.lock();
        if *stage != Stage::Asked {
            return None;
        }
        *stage = Stage::Running;
        drop(stage);
        Some(Running { write: self, left })
    }
}

/// A write that runs. A panic ends it too.
struct Running {
    write: Arc<Write>,
    left: Arc<Left>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let before = std::mem::replace(&mut *self.write.0.lock(), Stage::Over);
        if before == Stage::Left {
            *self.left.running.lock() -= 1;
            self.left.over.notify_all();
        }
    }
}

/// The caller of a write.
struct Asking {
    write: Arc<Write>,
    left: Arc<Left>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut stage = self.write.0.lock();
        *stage = match *stage {
            Stage::Running => {
                *self.left.running.lock() += 1;
                Stage::Left
            }
            _ => Stage::Over,
        };
    }
}

/// Tries to get a lock, one after another. Each may take a thread, for a moment; between
/// them there is a pause that takes none: however many callers wait, whoever holds a lock
/// finds a thread to release it.
pub(crate) struct Tries {
    until: Option<Instant>,
    pause: Duration,
}

impl Tries {
    /// For how long a try may wait where it is made.
    const TRY: Duration = Duration::from_millis(20);
    const FIRST_PAUSE: Duration = Duration::from_millis(2);
    const LONGEST_PAUSE: Duration = Duration::from_millis(100);

    /// Tries for at most that time. One that the clock cannot hold is endless.
    pub(crate) fn new(timeout: Duration) -> Self {
        Tries {
            until: Instant::now().checked_add(timeout),
            pause: Tries::FIRST_PAUSE,
        }
    }

    fn left(&self) -> Duration {
        self.until.map_or(Duration::MAX, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// For how long the next try may wait.
    pub(crate) fn wait(&self) -> Duration {
        self.left().min(Tries::TRY)
    }

    /// Waits for the next try; answers whether there is one.
    pub(crate) async fn pause(&mut self) -> bool {
        let left = self.left();
        if left.is_zero() {
            return false;
        }
        futures_timer::Delay::new(self.pause.min(left)).await;
        self.pause = (self.pause * 2).min(Tries::LONGEST_PAUSE);
        true
    }
}
