//! Which flight the code on this thread belongs to: the chain of builds that
//! led here, innermost last.

use super::graph::Node;
use crate::sync::thread_local;
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static CHAIN: RefCell<Vec<Arc<dyn Node>>> = const { RefCell::new(Vec::new()) };
}

/// The innermost flight that this thread is building, if any. One that has landed
/// is passed over: a thread that was handed its context may have outlived it.
///
/// While a thread is being torn down its chain is gone; a destructor that asks
/// for an instance then counts as an outside caller.
pub(crate) fn current() -> Option<Arc<dyn Node>> {
    let innermost = |chain: &RefCell<Vec<Arc<dyn Node>>>| {
        let chain = chain.borrow();
        chain
            .iter()
            .rfind(|node| !node.link().has_landed())
            .cloned()
    };
    CHAIN.try_with(innermost).ok().flatten()
}

/// Whether this thread is inside a build.
pub(crate) fn inside() -> bool {
    current().is_some()
}

/// Makes `node` the innermost flight of this thread until the answer is dropped.
pub(crate) fn enter(node: Arc<dyn Node>) -> Entered {
    let id = node.link().id();
    let _ = CHAIN.try_with(|chain| chain.borrow_mut().push(node));
    Entered {
        id,
        _not_send: std::marker::PhantomData,
    }
}

/// A place on this thread's chain. Builds nest, but claims may be dropped in any
/// order, so the place is found by its flight and not by being the last.
pub(crate) struct Entered {
    id: usize,
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let left = CHAIN.try_with(|chain| {
            let mut chain = chain.borrow_mut();
            let at = chain.iter().rposition(|node| node.link().id() == self.id)?;
            Some(chain.remove(at))
        });
        // The last handle of a flight may own user values: dropped out here,
        // where the chain is no longer borrowed.
        drop(left);
    }
}
