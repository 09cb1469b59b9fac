//! Handles that do not count.

#![allow(unsafe_code)]

use super::graph::Node;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::Arc;

/// What an `Arc` points to, while that `Arc` is known to be there: its clone and its
/// drop cost nothing. A build takes two of them, and each count is an atomic
/// operation.
pub(super) struct Lent<T: ?Sized>(ManuallyDrop<Arc<T>>);

impl<T: ?Sized> Lent<T> {
    /// Lends what `handle` points to.
    ///
    /// # Safety
    ///
    /// Until the last use of the answer there is an `Arc` of the same, and nobody
    /// takes it for the only handle.
    pub(super) unsafe fn of(handle: &Arc<T>) -> Self {
        // SAFETY: the pointer is of an `Arc`, and is never dropped as one.
        Lent(ManuallyDrop::new(unsafe {
            Arc::from_raw(Arc::as_ptr(handle))
        }))
    }

    /// A handle that counts, and so may stay longer.
    pub(super) fn hold(&self) -> Arc<T> {
        Arc::clone(&self.0)
    }

    /// Where it is.
    pub(super) fn at(&self) -> *const T {
        Arc::as_ptr(&self.0)
    }
}

impl<T: ?Sized> Deref for Lent<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<N: Node + 'static> Lent<N> {
    /// The same, of whatever type the flight is.
    pub(super) fn into_node(self) -> Lent<dyn Node> {
        Lent(ManuallyDrop::new(
            ManuallyDrop::into_inner(self.0) as Arc<dyn Node>
        ))
    }
}
