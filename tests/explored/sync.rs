//! What the library's `sync::raw` has, made of shuttle's parts.

pub(crate) mod raw {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize};
    use shuttle::sync::{Condvar, Mutex};
    use shuttle::thread;
    pub(crate) use shuttle::thread_local;
    /// The system's: which seats are taken is known to all tests of this process, and
    /// they run side by side.
    pub(crate) use std::sync::atomic::AtomicU64;

    /// The face of a raw lock of `lock_api`'s, as far as it is used.
    pub(crate) trait RawRwLockExt {
        const INIT: Self;

        fn lock_shared(&self);
        unsafe fn unlock_shared(&self);
        fn lock_exclusive(&self);
        unsafe fn unlock_exclusive(&self);
    }

    pub(crate) struct RawRwLock {
        /// How many read, or -1 while one writes.
        holders: Mutex<i32>,
        changed: Condvar,
    }

    impl RawRwLock {
        fn hold(&self, may: impl Fn(i32) -> bool, more: i32) {
            let mut holders = self.holders.lock().unwrap();
            while !may(*holders) {
                holders = self.changed.wait(holders).unwrap();
            }
            *holders += more;
        }

        fn give_back(&self, less: i32) {
            *self.holders.lock().unwrap() -= less;
            self.changed.notify_all();
        }
    }

    impl RawRwLockExt for RawRwLock {
        const INIT: Self = RawRwLock {
            holders: Mutex::new(0),
            changed: Condvar::new(),
        };

        fn lock_shared(&self) {
            self.hold(|holders| holders >= 0, 1);
        }

        unsafe fn unlock_shared(&self) {
            self.give_back(1);
        }

        fn lock_exclusive(&self) {
            self.hold(|holders| holders == 0, -1);
        }

        unsafe fn unlock_exclusive(&self) {
            self.give_back(-1);
        }
    }

    pub(crate) fn pause(_: u32) {
        thread::yield_now();
    }
}
