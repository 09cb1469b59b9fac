use super::StoreError;
use std::sync::Arc;
use std::time::Duration;

/// A lock by key, held while a value is built.
///
/// In process, callers of one key are coordinated without any: one builds, and
/// the others wait for that. A lock is for what is shared beyond that, such as a
/// store that several processes use.
///
/// It is asked for by whoever leads a build, with nothing of ours locked; then
/// the leader looks into the store again; and it is released once the value has
/// been put, also where the build fails or panics. For a caller that awaits that is done
/// by threads that may block, in short tries with pauses between them, and the one that
/// releases it may be another than the one that has acquired it.
///
/// ```
/// use mementos::store::{Lock, StoreError};
/// use parking_lot::{Condvar, Mutex};
/// use std::collections::HashSet;
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct ByName { held: Mutex<HashSet<String>>, released: Condvar }
///
/// impl Lock for ByName {
///     fn acquire(&self, key: &str, timeout: Duration) -> Result<bool, StoreError> {
///         let mut held = self.held.lock();
///         let wait = |held: &mut HashSet<String>| held.contains(key);
///         if self.released.wait_while_for(&mut held, wait, timeout).timed_out() {
///             return Ok(false);
///         }
///         Ok(held.insert(key.to_owned()))
///     }
///     fn release(&self, key: &str) {
///         self.held.lock().remove(key);
///         self.released.notify_all();
///     }
/// }
/// # let lock = ByName::default();
/// # assert!(lock.acquire("a", Duration::ZERO).unwrap());
/// # assert!(!lock.acquire("a", Duration::ZERO).unwrap());
/// # lock.release("a");
/// # assert!(lock.acquire("a", Duration::ZERO).unwrap());
/// ```
pub trait Lock: Send + Sync {
    /// Acquires the lock of `key`, waiting for at most `timeout`; answers whether
    /// it was acquired.
    ///
    /// # Errors
    ///
    /// When the lock cannot be asked for. That counts as not acquired.
    fn acquire(&self, key: &str, timeout: Duration) -> Result<bool, StoreError>;

    /// Releases a lock that was acquired.
    fn release(&self, key: &str);
}

impl<L: Lock + ?Sized> Lock for Arc<L> {
    fn acquire(&self, key: &str, timeout: Duration) -> Result<bool, StoreError> {
        (**self).acquire(key, timeout)
    }

    fn release(&self, key: &str) {
        (**self).release(key);
    }
}
