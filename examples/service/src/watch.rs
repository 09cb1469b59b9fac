//! An observer for the page: which builds took longest, and how the store is.

use mementos::{Event, Observer, Origin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is remembered of one memoizer.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    slowest: Mutex<Vec<Slow>>,
    last_fault: Mutex<Option<Fault>>,
}

/// A build.
#[derive(Clone, Debug)]
pub(crate) struct Slow {
    /// The function, and its region if it has one.
    pub(crate) function: String,
    /// How long it took.
    pub(crate) took: Duration,
    /// When it was done.
    pub(crate) at: Instant,
}

/// That the store has failed.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// With what.
    pub(crate) what: String,
    /// When.
    pub(crate) at: Instant,
}

/// So many builds are remembered.
const MOST: usize = 10;

impl Watch {
    /// The builds that took longest, the slowest first.
    pub(crate) fn slowest(&self) -> Vec<Slow> {
        held(&self.slowest).clone()
    }

    /// The last failure of the store.
    pub(crate) fn last_fault(&self) -> Option<Fault> {
        held(&self.last_fault).clone()
    }

    fn built(&self, origin: &Origin<'_>, took: Duration) {
        let mut slowest = held(&self.slowest);
        let is_full = slowest.len() == MOST;
        if is_full && slowest.last().is_some_and(|last| last.took >= took) {
            return;
        }
        let function = match origin.region {
            Some(region) => format!("{} ({region})", origin.function),
            None => origin.function.to_owned(),
        };
        let at = slowest.partition_point(|slow| slow.took >= took);
        let slow = Slow {
            function,
            took,
            at: Instant::now(),
        };
        slowest.insert(at, slow);
        slowest.truncate(MOST);
    }
}

impl Observer for Watch {
    fn observe(&self, origin: &Origin<'_>, event: &Event<'_>) {
        match event {
            Event::Built { took } => self.built(origin, *took),
            Event::StoreFault(error) => {
                *held(&self.last_fault) = Some(Fault {
                    what: error.to_string(),
                    at: Instant::now(),
                });
            }
            _ => {}
        }
    }
}

/// What is in there is whole, whoever has panicked.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mementos::Memoizer;
    use std::sync::Arc;

    #[test]
    fn the_slowest_builds_are_remembered_and_no_more_of_them() {
        let watch = Arc::new(Watch::default());
        let memo = Memoizer::in_memory().observer(Arc::clone(&watch));
        for key in 0..2 * MOST {
            memo.get(&key.to_string(), || key).unwrap();
        }
        let slowest = watch.slowest();
        assert_eq!(slowest.len(), MOST);
        assert!(slowest.is_sorted_by(|a, b| a.took >= b.took));
        assert_eq!(slowest[0].function, "get");
        assert!(watch.last_fault().is_none());
    }
}
