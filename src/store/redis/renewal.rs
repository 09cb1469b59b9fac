use super::held::Held;
use super::way::Way;
use crate::drive::block_on;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Renews the leases of one store while they are held, in one thread of its own.
/// It begins with the first lease, sleeps until the next is due, and ends when the
/// store is dropped, once it has released what it was left.
pub(super) struct Renewal {
    shared: Arc<Shared>,
    /// How long a lease lasts.
    life: Duration,
}

struct Shared {
    todo: Mutex<Todo>,
    changed: Condvar,
}

#[derive(Default)]
struct Todo {
    /// The leases that are held, and when each is due.
    held: Vec<(Instant, Arc<Held>)>,
    /// Leases to release, that nobody waits for.
    left: Vec<Arc<Held>>,
    running: bool,
    closed: bool,
}

enum Step {
    Renew(Arc<Held>),
    Release(Arc<Held>),
    End,
}

impl Renewal {
    pub(super) fn every(life: Duration) -> Self {
        let shared = Shared {
            todo: Mutex::default(),
            changed: Condvar::new(),
        };
        Renewal {
            shared: Arc::new(shared),
            life,
        }
    }

    /// Has the thread run. This comes before a lease is acquired: one that nobody
    /// renews would be lost in the middle of the build.
    pub(super) fn start(&self) -> io::Result<()> {
        let mut todo = self.shared.todo.lock();
        if !todo.running {
            let (shared, life) = (self.shared.clone(), self.life);
            thread::Builder::new()
                .name("mementos-leases".to_owned())
                .spawn(move || shared.run(life))?;
            todo.running = true;
        }
        Ok(())
    }

    pub(super) fn hold(&self, held: Arc<Held>) {
        let due = Instant::now() + self.life / 3;
        let mut todo = self.shared.todo.lock();
        // All lives are equally long, so the thread sleeps too long only where it
        // waits for nothing at all.
        let wake = todo.held.is_empty();
        todo.held.push((due, held));
        drop(todo);
        if wake {
            self.shared.changed.notify_one();
        }
    }

    pub(super) fn forget(&self, held: &Arc<Held>) {
        let mut todo = self.shared.todo.lock();
        todo.held.retain(|(_, other)| !Arc::ptr_eq(held, other));
    }

    /// Releases a lease soon, once: for a server that has just failed, and a caller
    /// who should not wait for it again; and for one who awaits.
    pub(super) fn release_later(&self, held: Arc<Held>) {
        self.shared.todo.lock().left.push(held);
        self.shared.changed.notify_one();
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.shared.todo.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn run(&self, life: Duration) {
        loop {
            // Servers are asked with nothing locked.
            match self.next() {
                Step::Renew(held) => self.renew(&held, life),
                // If this fails, the lease expires by itself.
                Step::Release(held) => drop(block_on(held.release(Way::Blocking))),
                Step::End => return,
            }
        }
    }

    fn next(&self) -> Step {
        let mut todo = self.todo.lock();
        loop {
            if let Some(held) = todo.left.pop() {
                return Step::Release(held);
            }
            if todo.closed {
                return Step::End;
            }
            let Some((due, held)) = todo.held.iter().min_by_key(|(due, _)| *due) else {
                self.changed.wait(&mut todo);
                continue;
            };
            if *due <= Instant::now() {
                return Step::Renew(held.clone());
            }
            let due = *due;
            self.wait_until(&mut todo, due);
        }
    }

    fn wait_until(&self, todo: &mut MutexGuard<'_, Todo>, due: Instant) {
        let _ = self.changed.wait_until(todo, due);
    }

    fn renew(&self, held: &Arc<Held>, life: Duration) {
        let next = match block_on(held.renew(Way::Blocking)) {
            Ok(true) => Some(life / 3),
            Ok(false) => None,
            // There is time for some more tries before the lease expires.
            Err(_) => Some(life / 12),
        };
        let mut todo = self.todo.lock();
        // It may have been dropped, and released, while the server was asked.
        let place = todo.held.iter().position(|(_, h)| Arc::ptr_eq(h, held));
        match (place, next) {
            (Some(place), Some(next)) => todo.held[place].0 = Instant::now() + next,
            (Some(place), None) => drop(todo.held.swap_remove(place)),
            (None, _) => {}
        }
    }
}
