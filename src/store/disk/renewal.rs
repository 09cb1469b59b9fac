use super::core::Core;
use super::time::ends;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Renews the leases that this store holds, each at a third of its life. One thread
/// sleeps until the next is due; it begins with the first lease and ends with the
/// store.
pub(super) struct Renewal {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Default)]
struct Held {
    leases: Vec<HeldLease>,
    ended: bool,
}

struct HeldLease {
    key: Arc<str>,
    token: u128,
    due: Instant,
}

impl Renewal {
    pub(super) fn new() -> Self {
        Renewal {
            shared: Arc::default(),
            thread: Mutex::new(None),
        }
    }

    /// Renews the lease from now on, until it is forgotten.
    ///
    /// # Errors
    ///
    /// When the system has no thread to give.
    pub(super) fn hold(&self, core: &Arc<Core>, key: Arc<str>, token: u128) -> io::Result<()> {
        self.start(core)?;
        let due = Instant::now() + core.lease() / 3;
        self.shared
            .held
            .lock()
            .leases
            .push(HeldLease { key, token, due });
        self.shared.changed.notify_one();
        Ok(())
    }

    pub(super) fn forget(&self, token: u128) {
        let mut held = self.shared.held.lock();
        held.leases.retain(|lease| lease.token != token);
    }

    fn start(&self, core: &Arc<Core>) -> io::Result<()> {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let (shared, core) = (Arc::clone(&self.shared), Arc::clone(core));
            let renewing = thread::Builder::new().name("mementos-leases".to_owned());
            *thread = Some(renewing.spawn(move || shared.run(&core))?);
        }
        Ok(())
    }
}

impl Drop for Renewal {
    /// The thread shares the open file, which is closed when this returns.
    fn drop(&mut self) {
        self.shared.held.lock().ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.get_mut().take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, core: &Core) {
        let mut held = self.held.lock();
        while !held.ended {
            match held.leases.iter().map(|lease| lease.due).min() {
                None => self.changed.wait(&mut held),
                Some(due) if due > Instant::now() => {
                    self.changed.wait_until(&mut held, due);
                }
                Some(_) => {
                    let due = held.due(core.lease());
                    MutexGuard::unlocked(&mut held, || renew(core, due));
                }
            }
        }
    }
}

impl Held {
    /// The leases to be renewed now, each of which is due again a third of a life
    /// later. So one that could not be renewed is tried once more before it ends.
    fn due(&mut self, life: Duration) -> Vec<(Arc<str>, u128)> {
        let now = Instant::now();
        let due = self.leases.iter_mut().filter(|lease| lease.due <= now);
        due.map(|lease| {
            lease.due = now + life / 3;
            (Arc::clone(&lease.key), lease.token)
        })
        .collect()
    }
}

/// One that is not ours any more stays as it is, and so does one that was released
/// while this was on its way. An error is left to the next time, or to whoever
/// publishes.
fn renew(core: &Core, due: Vec<(Arc<str>, u128)>) {
    let life = core.lease();
    let _ = core.change(move |tables| {
        due.iter().try_fold(0, |renewed, (key, token)| {
            Ok(renewed + tables.renew(key.as_bytes(), *token, ends(life))?)
        })
    });
}
