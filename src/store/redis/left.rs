use super::RedisStore;
use crate::drive::block_on;
use crate::store::StoreError;
use crate::store::bytes::Awaited;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many changes callers who awaited have dropped, and how many of them are known to
/// be over. What is dropped may be on its way to the server over the shared connection,
/// while who blocks has another:
///
/// ```text
/// a caller            drops what it has put
/// one that blocks     deletes it; that is done
/// the server          comes to read what was put
/// ```
///
/// So who blocks changes something over the shared connection too, if there is any left.
#[derive(Default)]
pub(super) struct Left {
    dropped: AtomicU64,
    over: AtomicU64,
}

/// Somebody who awaits a change.
pub(super) struct Asking(Option<Arc<Left>>);

/// A change that comes after so many that were dropped.
pub(super) struct After<'l> {
    left: &'l Left,
    dropped: u64,
    /// Whether all of those are over with it, since one server has all keys.
    is_one: bool,
}

impl Left {
    pub(super) fn asking(self: Arc<Self>) -> Asking {
        Asking(Some(self))
    }
}

impl Asking {
    pub(super) fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(left) = &self.0 {
            left.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl RedisStore {
    /// The way of a change by who blocks, if changes may be under way that were dropped.
    pub(super) fn after_what_is_left(&self) -> Option<After<'_>> {
        let left = &*self.left;
        let dropped = left.dropped.load(Ordering::SeqCst);
        (left.over.load(Ordering::SeqCst) < dropped).then(|| After {
            left,
            dropped,
            is_one: self.link.is_one(),
        })
    }
}

impl After<'_> {
    pub(super) fn of<T>(self, change: Awaited<'_, T>) -> Result<T, StoreError> {
        let changed = block_on(change)?;
        // It was answered after them.
        if self.is_one {
            self.left.over.fetch_max(self.dropped, Ordering::SeqCst);
        }
        Ok(changed)
    }
}
