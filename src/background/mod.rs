//! Where work is done that nobody waits for: refreshes, and builds that take longer
//! than their callers wait.

mod pool;
#[cfg(feature = "async")]
mod tasks;

pub use pool::Pool;
#[cfg(feature = "async")]
pub use tasks::{Task, Tasks};

use std::fmt;
use std::sync::Arc;

/// A piece of work. It catches what the function panics with.
pub type Work = Box<dyn FnOnce() + Send>;

/// Does work elsewhere, while who asks for it goes on.
///
/// [`Pool`] is one of threads, and what a memoizer uses if nothing else is said.
/// Anything that can run a closure on another thread can be another: the work may
/// block, as the functions do that it runs.
///
/// ```
/// use mementos::Memoizer;
/// use mementos::background::{Background, Full, Work};
/// use std::thread;
///
/// /// A thread for each piece of work.
/// struct Threads;
///
/// impl Background for Threads {
///     fn run(&self, work: Work) -> Result<(), Full> {
///         let spawned = thread::Builder::new().spawn(work);
///         spawned.map(drop).map_err(|_| Full)
///     }
/// }
///
/// let memo = Memoizer::in_memory().background(Threads);
/// # drop(memo);
/// ```
pub trait Background: Send + Sync {
    /// Takes a piece of work, to do it soon. Does not wait, and does not do it here.
    ///
    /// # Errors
    ///
    /// If there is no room for it. It is dropped then, and not done: callers make do
    /// with what they have.
    fn run(&self, work: Work) -> Result<(), Full>;
}

impl<B: Background + ?Sized> Background for Arc<B> {
    fn run(&self, work: Work) -> Result<(), Full> {
        (**self).run(work)
    }
}

/// There is no room for more work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no room for more background work: give the pool more threads, or a longer queue")
    }
}

impl std::error::Error for Full {}
