//! Who waits for something: a waker of each, in a place that is given back.

use crate::sync::Mutex;
use std::task::Waker;

/// The wakers of all who wait.
pub(crate) struct Wakers(Mutex<Places>);

struct Places {
    all: Vec<Place>,
    /// The first that is free, or [`NONE`].
    free: usize,
}

enum Place {
    /// Somebody's, who may have been woken.
    Taken(Option<Waker>),
    Free {
        next: usize,
    },
}

const NONE: usize = usize::MAX;

impl Wakers {
    pub(crate) fn new() -> Self {
        Wakers(Mutex::new(Places {
            all: Vec::new(),
            free: NONE,
        }))
    }

    /// The part of one who waits. Dropped, it leaves nothing behind.
    pub(crate) fn join(&self) -> Waiting<'_> {
        Waiting {
            wakers: self,
            at: NONE,
        }
    }

    /// Wakes all who wait.
    pub(crate) fn wake(&self) {
        // Woken with nothing locked: a waker is the runtime's code, or the user's.
        let mut places = self.0.lock();
        let woken: Vec<_> = places.all.iter_mut().filter_map(Place::take).collect();
        drop(places);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Place {
    fn take(&mut self) -> Option<Waker> {
        match self {
            Place::Taken(waker) => waker.take(),
            Place::Free { .. } => None,
        }
    }
}

/// One who waits.
pub(crate) struct Waiting<'w> {
    wakers: &'w Wakers,
    /// Its place, or [`NONE`] so far.
    at: usize,
}

impl Waiting<'_> {
    /// Has `waker` be woken, in place of the one before.
    pub(crate) fn by(&mut self, waker: &Waker) {
        let waker = waker.clone();
        let mut places = self.wakers.0.lock();
        if self.at == NONE {
            self.at = places.open();
        }
        let before = std::mem::replace(&mut places.all[self.at], Place::Taken(Some(waker)));
        drop(places);
        // A task may go with it.
        drop(before);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.at == NONE {
            return;
        }
        let mut places = self.wakers.0.lock();
        let next = std::mem::replace(&mut places.free, self.at);
        let left = std::mem::replace(&mut places.all[self.at], Place::Free { next });
        drop(places);
        drop(left);
    }
}

impl Places {
    /// A place for one more.
    fn open(&mut self) -> usize {
        let at = self.free;
        match self.all.get(at) {
            Some(Place::Free { next }) => {
                self.free = *next;
                at
            }
            _ => {
                self.all.push(Place::Taken(None));
                self.all.len() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn task() -> (Arc<Woken>, Waker) {
        let woken = Arc::new(Woken::default());
        (Arc::clone(&woken), Waker::from(woken))
    }

    #[test]
    fn each_is_woken_once_and_by_its_last_waker() {
        let wakers = Wakers::new();
        let ((first, by_first), (second, by_second)) = (task(), task());
        let (mut one, mut other) = (wakers.join(), wakers.join());
        one.by(&by_first);
        one.by(&by_second);
        other.by(&by_second);
        wakers.wake();
        wakers.wake();
        assert_eq!(first.0.load(Ordering::Relaxed), 0);
        assert_eq!(second.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn places_are_given_back() {
        let wakers = Wakers::new();
        let (woken, waker) = task();
        for _ in 0..100 {
            let mut all: [_; 3] = std::array::from_fn(|_| wakers.join());
            all.iter_mut().for_each(|one| one.by(&waker));
        }
        assert_eq!(wakers.0.lock().all.len(), 3);
        wakers.wake();
        assert_eq!(woken.0.load(Ordering::Relaxed), 0, "they are gone");
    }
}
