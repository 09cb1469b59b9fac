//! Which flights the code on this thread works for: the chain of builds that led
//! here, innermost last.

#![allow(unsafe_code)]

use super::graph::{self, Edge, Limit, Node};
use super::lent::Lent;
use crate::error::Circle;
use crate::sync::thread_local;
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

thread_local! {
    static CHAIN: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// A flight on the chain, and how it came there.
struct Place {
    id: usize,
    node: Handle,
    part: Part,
}

enum Handle {
    Counts(Arc<dyn Node>),
    Lent(Lent<dyn Node>),
}

impl Handle {
    fn hold(&self) -> Arc<dyn Node> {
        match self {
            Handle::Counts(node) => Arc::clone(node),
            Handle::Lent(node) => node.hold(),
        }
    }
}

impl Deref for Handle {
    type Target = dyn Node;

    fn deref(&self) -> &Self::Target {
        match self {
            Handle::Counts(node) => &**node,
            Handle::Lent(node) => &**node,
        }
    }
}

/// What this thread has to do with a flight.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It leads the flight: the constructor is running further down the stack.
    Leads,
    /// It holds a claim, which it may fill or drop whenever it likes.
    Claims,
    /// It works for a flight that another thread leads.
    Helps,
}

/// The flights that cannot land before what this thread is about to wait for, or
/// to lead. Ancestors that one of them names as its parent are left out.
///
/// A flight that is polled need not name the one below it: its future may have been
/// begun elsewhere, and handed in.
///
/// A flight that has landed is passed over: a helper may have outlived it. While
/// a thread is being torn down its chain is gone; a destructor that asks for an
/// instance then counts as an outside caller.
#[inline]
pub(super) fn blocked() -> Vec<Arc<dyn Node>> {
    let collect = |chain: &RefCell<Vec<Place>>| {
        let chain = chain.borrow();
        if chain.is_empty() {
            return Vec::new();
        }
        let above = chain.iter().skip(1).map(Some).chain([None]);
        let ends = chain.iter().zip(above).filter(|(place, above)| {
            let is_named = above.is_some_and(|above| above.node.link().is_inside(place.id));
            !is_named && !place.node.link().has_landed()
        });
        ends.map(|(place, _)| place.node.hold()).collect()
    };
    CHAIN.try_with(collect).unwrap_or_default()
}

/// Says that the code on this thread is about to wait for `target`, until the answer is
/// dropped. Outside of all builds that is nothing to the graph.
///
/// # Errors
///
/// The circle that waiting would close.
pub(super) fn wait_for<N: Node + 'static>(
    target: &Arc<N>,
    limit: Limit,
) -> Result<Option<Edge>, Circle> {
    let blocked = blocked();
    if blocked.is_empty() {
        return Ok(None);
    }
    let target: Arc<dyn Node> = Arc::clone(target) as _;
    graph::wait(blocked, &target, limit)
}

/// Whether the code on this thread works for a flight: somebody may be waiting for it.
pub(crate) fn works_for_any() -> bool {
    CHAIN
        .try_with(|chain| !chain.borrow().is_empty())
        .unwrap_or(false)
}

/// The innermost build that this thread works for, claims aside: a claim's holder
/// may do without those who work for it.
pub(crate) fn innermost_build() -> Option<Arc<dyn Node>> {
    let innermost = |chain: &RefCell<Vec<Place>>| {
        let chain = chain.borrow();
        let build = chain.iter().rfind(|place| place.part != Part::Claims)?;
        Some(build.node.hold())
    };
    CHAIN.try_with(innermost).ok().flatten()
}

thread_local! {
    /// How many builds on this thread's stack are in no flight, and catch what is
    /// thrown as a leader does.
    static CATCHING: Cell<usize> = const { Cell::new(0) };
}

/// Says that this thread is in a build that is in no flight, until the answer is
/// dropped.
pub(crate) fn catching() -> Catching {
    _ = CATCHING.try_with(|catching| catching.set(catching.get() + 1));
    Catching(PhantomData)
}

/// A build in no flight.
pub(crate) struct Catching(PhantomData<*const ()>);

impl Drop for Catching {
    fn drop(&mut self) {
        _ = CATCHING.try_with(|catching| catching.set(catching.get() - 1));
    }
}

/// Whether somebody down this thread's stack catches what is thrown: the next
/// place is a leader's, or there is a build in no flight.
pub(crate) fn leads() -> bool {
    if CATCHING.try_with(Cell::get).unwrap_or(0) > 0 {
        return true;
    }
    let innermost = |chain: &RefCell<Vec<Place>>| Some(chain.borrow().last()?.part);
    CHAIN.try_with(innermost).ok().flatten() == Some(Part::Leads)
}

/// Whether this thread works for the flight with this id.
pub(super) fn holds(id: usize) -> bool {
    CHAIN
        .try_with(|chain| chain.borrow().iter().any(|place| place.id == id))
        .unwrap_or(false)
}

/// Puts `node` on this thread's chain until the answer is dropped.
pub(crate) fn enter(node: Arc<dyn Node>, part: Part) -> Entered {
    let id = node.link().id();
    push(Place {
        id,
        node: Handle::Counts(node),
        part,
    });
    Entered(id, PhantomData)
}

/// The same for the leader of a flight, who holds it longer than its place here.
///
/// # Safety
///
/// The answer is dropped before `node`.
pub(super) unsafe fn lead<N: Node + 'static>(node: &Arc<N>) -> Leading {
    let id = node.link().id();
    push(Place {
        id,
        // SAFETY: as the caller says, and dropping the answer takes it from here.
        node: Handle::Lent(unsafe { Lent::of(node) }.into_node()),
        part: Part::Leads,
    });
    Leading(id, PhantomData)
}

#[inline]
fn push(place: Place) {
    let _ = CHAIN.try_with(|chain| chain.borrow_mut().push(place));
}

/// A place on this thread's chain. Builds nest, but claims may be dropped in any
/// order, so the place is found by its flight and not by being the last.
pub(crate) struct Entered(usize, PhantomData<*const ()>);

/// The place of a leader, which is the last one unless a claim has come after it.
pub(super) struct Leading(usize, PhantomData<*const ()>);

impl Drop for Leading {
    #[inline]
    fn drop(&mut self) {
        let _ = CHAIN.try_with(|chain| {
            let mut chain = chain.borrow_mut();
            match chain.pop() {
                // A lent handle, so nothing is dropped.
                Some(place) if place.id == self.0 => {}
                Some(other) => {
                    chain.push(other);
                    drop(remove(&mut chain, self.0));
                }
                None => {}
            }
        });
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let left = CHAIN.try_with(|chain| remove(&mut chain.borrow_mut(), self.0));
        // The last handle of a flight may own user values: dropped out here,
        // where the chain is no longer borrowed.
        drop(left);
    }
}

fn remove(chain: &mut Vec<Place>, id: usize) -> Option<Place> {
    let at = chain.iter().rposition(|place| place.id == id)?;
    Some(chain.remove(at))
}
