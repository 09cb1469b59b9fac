//! Callers that await, on several runtimes and beside callers that block.

mod cancelled;
mod circles;
mod freshness;
#[cfg(feature = "testing")]
mod gated;
mod instances;
mod shared;
#[cfg(feature = "testing")]
mod stores;
#[cfg(feature = "testing")]
mod unblocked;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How often a function has run.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn one(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
