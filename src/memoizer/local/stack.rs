//! The builds of local functions that this thread is in, innermost last: who asks
//! for one of them closes a circle.

use crate::error::{Circle, Site};
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    static STACK: RefCell<Vec<Build>> = const { RefCell::new(Vec::new()) };
}

struct Build {
    id: usize,
    site: Rc<dyn Fn() -> Site>,
}

/// A build that has begun. Dropping it ends it.
pub(super) struct Begun(());

/// Begins a build. `id` is one that no other build on this thread has now.
pub(super) fn begin(id: usize, site: Rc<dyn Fn() -> Site>) -> Begun {
    STACK.with(|stack| stack.borrow_mut().push(Build { id, site }));
    Begun(())
}

/// The circle that asking for this build from here would close.
pub(super) fn circle(id: usize) -> Circle {
    let sites = STACK.with(|stack| {
        let stack = stack.borrow();
        let builds = stack.iter().skip_while(|build| build.id != id);
        builds
            .map(|build| Rc::clone(&build.site))
            .collect::<Vec<_>>()
    });
    // Out here, since a key's `Debug` is user code.
    Circle::new(sites.iter().map(|site| site()).collect())
}

impl Drop for Begun {
    fn drop(&mut self) {
        let ended = STACK.try_with(|stack| stack.borrow_mut().pop());
        drop(ended);
    }
}
