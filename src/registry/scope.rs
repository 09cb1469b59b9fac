//! Which registry a call means: the innermost one whose scope this thread is in,
//! or else the global one.

use super::Registry;
use crate::sync::thread_local;
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    static SCOPES: RefCell<Vec<Registry>> = const { RefCell::new(Vec::new()) };
}

/// How many scopes there are in the whole process. While there are none, a hit
/// need not look at its thread's.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Whether any thread is in a scope. A thread that is in one sees so: it has
/// counted itself.
#[inline]
pub(crate) fn any() -> bool {
    OPEN.load(Ordering::Relaxed) != 0
}

/// The innermost scope of this thread.
pub(crate) fn innermost() -> Option<Registry> {
    SCOPES
        .try_with(|scopes| scopes.borrow().last().cloned())
        .ok()
        .flatten()
}

/// A scope that ends when this is dropped.
pub(super) struct Scope(());

impl Scope {
    pub(super) fn open(registry: &Registry) -> Self {
        SCOPES.with(|scopes| scopes.borrow_mut().push(registry.clone()));
        OPEN.fetch_add(1, Ordering::Relaxed);
        Scope(())
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
        let left = SCOPES.try_with(|scopes| scopes.borrow_mut().pop());
        // The last handle of a registry owns its instances, whose `Drop` may ask
        // for others: dropped out here, where the scopes are not borrowed.
        drop(left);
    }
}
