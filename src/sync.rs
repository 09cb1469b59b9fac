//! The locks, atomics and parking that the flights are made of. Under
//! `--cfg shuttle` they are shuttle's, so that the very code that ships runs
//! under explored schedules.

#[cfg(not(shuttle))]
mod imp {
    use parking_lot::Condvar;
    pub(crate) use parking_lot::Mutex;
    pub(crate) use std::sync::atomic::{AtomicU32, Ordering};
    pub(crate) use std::thread_local;
    use std::time::Instant;

    /// A place where another thread may run. Explored schedules need it spelled
    /// out where a map is touched, since the map's own locks are unknown to them.
    #[inline(always)]
    pub(crate) fn switch_point() {}

    /// Runs `run`, within which there are no switch points: a map is locked, and a
    /// thread that ran now would wait for that lock where shuttle cannot see it.
    #[inline(always)]
    pub(crate) fn without_switch<R>(run: impl FnOnce() -> R) -> R {
        run()
    }

    /// Lets one thread sleep until another wakes it. A wake-up before the sleep
    /// is not lost. `std::thread::park` would share its token with the user's
    /// own code, and could eat a wake-up meant for that.
    pub(crate) struct Parker {
        woken: Mutex<bool>,
        changed: Condvar,
    }

    impl Parker {
        pub(crate) fn new() -> Self {
            Parker {
                woken: Mutex::new(false),
                changed: Condvar::new(),
            }
        }

        /// Sleeps until woken or until `deadline`.
        pub(crate) fn park(&self, deadline: Option<Instant>) {
            let mut woken = self.woken.lock();
            while !*woken {
                match deadline {
                    None => self.changed.wait(&mut woken),
                    Some(at) if self.changed.wait_until(&mut woken, at).timed_out() => break,
                    Some(_) => {}
                }
            }
            *woken = false;
        }

        pub(crate) fn unpark(&self) {
            *self.woken.lock() = true;
            self.changed.notify_one();
        }
    }
}

#[cfg(shuttle)]
mod imp {
    use shuttle::sync as s;
    pub(crate) use shuttle::sync::atomic::{AtomicU32, Ordering};
    pub(crate) use shuttle::thread_local;
    use std::time::Instant;

    // One thread of the system runs all of shuttle's.
    std::thread_local! {
        static LOCKED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }

    pub(crate) fn switch_point() {
        if !LOCKED.get() {
            AtomicU32::new(0).load(Ordering::SeqCst);
        }
    }

    pub(crate) fn without_switch<R>(run: impl FnOnce() -> R) -> R {
        let before = LOCKED.replace(true);
        let done = run();
        LOCKED.set(before);
        done
    }

    /// The face of `parking_lot::Mutex` over shuttle's.
    pub(crate) struct Mutex<T>(s::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(s::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> s::MutexGuard<'_, T> {
            self.0
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
        }
    }

    pub(crate) struct Parker {
        woken: s::Mutex<bool>,
        changed: s::Condvar,
    }

    impl Parker {
        pub(crate) fn new() -> Self {
            Parker {
                woken: s::Mutex::new(false),
                changed: s::Condvar::new(),
            }
        }

        /// Shuttle knows no time: a sleep with a deadline ends at once.
        pub(crate) fn park(&self, deadline: Option<Instant>) {
            let mut woken = self.woken.lock().expect("nothing panics while it is held");
            while !*woken && deadline.is_none() {
                woken = self
                    .changed
                    .wait(woken)
                    .expect("nothing panics while it is held");
            }
            *woken = false;
        }

        pub(crate) fn unpark(&self) {
            *self.woken.lock().expect("nothing panics while it is held") = true;
            self.changed.notify_one();
        }
    }
}

pub(crate) use imp::*;

/// A mark of one caller's, which may go from thread to thread as a future does. It
/// costs what a plain one does, and orders nothing.
#[derive(Default)]
pub(crate) struct Flag(std::sync::atomic::AtomicBool);

impl Flag {
    #[allow(dead_code)] // without the stores that lease
    pub(crate) fn new(value: bool) -> Self {
        Flag(value.into())
    }

    #[inline]
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set(&self, value: bool) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// The same for a number.
#[derive(Default)]
pub(crate) struct Number(std::sync::atomic::AtomicU64);

impl Number {
    pub(crate) fn new(value: u64) -> Self {
        Number(value.into())
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// What the tables' own locks are made of. These are the system's under shuttle too,
/// since the maps that they stand beside have locks that are: a thread that is
/// switched away while it holds one of those would never be waited for. Explored
/// schedules of the locks themselves put others in this place.
pub(crate) mod raw {
    pub(crate) use parking_lot::RawRwLock;
    pub(crate) use parking_lot::lock_api::RawRwLock as RawRwLockExt;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
    pub(crate) use std::thread_local;

    /// Waits for another thread, for the `round`th time.
    pub(crate) fn pause(round: u32) {
        match round {
            ..64 => std::hint::spin_loop(),
            64..1024 => std::thread::yield_now(),
            // It reads for long: another core has better things to do.
            _ => std::thread::sleep(std::time::Duration::from_micros(50)),
        }
    }
}
