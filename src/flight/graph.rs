//! Which flights wait for which.
//!
//! Nodes are flights, and promises: what a job will bring, that is no flight itself. An
//! edge X→Y says that X cannot land before Y. There are
//! two kinds, and only one of them is stored here:
//!
//! - a builder inside X *leads* Y: kept in Y as a parent, and fixed from then on,
//!   so that nesting costs nothing here;
//! - a builder inside X *waits* for Y: kept in this graph, checked and added in
//!   one critical section. Two threads that close a circle at the same time
//!   cannot both pass.
//!
//! A wait with a time limit is an edge too, but one that ends by itself. So it is
//! not held against those who wait without a limit: they get on when it is over.
//! Who waits with a limit is told of every circle, since it would get nothing.
//!
//! Edges into Y are removed by whoever lands Y. A waiter that gives up removes
//! its own edge first. A stale edge would be reported as a circle later.
//!
//! A hit never comes here, nor does a build that nobody waits for, nor does a
//! caller that waits without being inside a build.

use crate::error::{Circle, Site};
use crate::sync::{AtomicU32, Mutex, Ordering};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A flight, as the graph sees it.
pub(crate) trait Node: Send + Sync {
    fn link(&self) -> &Link;

    /// The type and key, for an error. Runs the key's `Debug`: never call it
    /// with the graph locked.
    fn site(&self) -> Site;
}

/// What a flight carries for the graph's sake.
pub(crate) struct Link {
    /// The bits of [`state`].
    pub(super) state: AtomicU32,
    /// The flights inside which this one is led: none, or one, or several where
    /// a thread in a build works for another.
    parents: Vec<Arc<dyn Node>>,
}

/// The bits of a flight's state. They are only ever added.
pub(super) mod state {
    /// Something removed the key: answer the callers, do not publish.
    pub(crate) const VOIDED: u32 = 1;
    /// The leader is putting the value into the store.
    pub(crate) const PUBLISHING: u32 = 2;
    /// The outcome is there.
    pub(crate) const LANDED: u32 = 4;
    /// Somebody waits: wake them after landing.
    pub(crate) const AWAITED: u32 = 8;
    /// The graph holds edges into this flight: remove them after landing.
    pub(crate) const EDGES: u32 = 16;
}

impl Link {
    pub(super) fn new(parents: Vec<Arc<dyn Node>>) -> Self {
        Link {
            state: AtomicU32::new(0),
            parents,
        }
    }

    /// The identity of the flight: the address of its link, which is its own as
    /// long as anybody holds the flight.
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether the flight with this id is one of those inside which this is led.
    pub(super) fn is_inside(&self, id: usize) -> bool {
        self.parents.iter().any(|parent| parent.link().id() == id)
    }

    pub(super) fn has_landed(&self) -> bool {
        self.state.load(Ordering::Acquire) & state::LANDED != 0
    }

    /// Makes it known that the outcome is there, and removes the edges into it. Answers
    /// with the bits that were set before.
    pub(super) fn land(&self) -> u32 {
        let before = self.state.fetch_or(state::LANDED, Ordering::AcqRel);
        if before & state::EDGES != 0 {
            landed(self);
        }
        before
    }
}

/// The stored edges X→Y, by Y.
#[derive(Default)]
struct Graph {
    waiting_for: HashMap<usize, Vec<Waiting>>,
    next: u64,
}

/// One edge: `flight` waits.
struct Waiting {
    /// Which wait it is part of. A flight may wait for another twice, from two
    /// threads that work for it; and one thread may work for several flights.
    number: u64,
    flight: Arc<dyn Node>,
    limit: Limit,
}

/// Whether a wait ends by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// It does not.
    None,
    /// After some time.
    Time,
}

#[cfg(not(shuttle))]
fn graph() -> &'static Mutex<Graph> {
    static GRAPH: once_cell::sync::Lazy<Mutex<Graph>> = once_cell::sync::Lazy::new(Mutex::default);
    &GRAPH
}

#[cfg(shuttle)]
fn graph() -> &'static Mutex<Graph> {
    shuttle::lazy_static! {
        static ref GRAPH: Mutex<Graph> = Mutex::new(Graph::default());
    }
    &GRAPH
}

/// A wait that the graph knows of. Dropping it takes it back.
pub(crate) struct Edge {
    number: u64,
    into: Arc<dyn Node>,
}

/// Says that code inside all of `waiters` is about to wait for `target`.
///
/// Answers with the edges, or with none where `target` has landed already.
///
/// # Errors
///
/// The circle that an edge would close.
pub(super) fn wait(
    waiters: Vec<Arc<dyn Node>>,
    target: &Arc<dyn Node>,
    limit: Limit,
) -> Result<Option<Edge>, Circle> {
    let mut graph = graph().lock();
    let mut circles = waiters
        .iter()
        .map(|waiter| graph.circle(waiter, target, limit));
    if let Some(circle) = circles.find(|circle| !circle.is_empty()) {
        drop(circles);
        drop(graph);
        // Out here, since a key's `Debug` is user code.
        return Err(Circle::new(sites(&circle)));
    }
    drop(circles);
    // Either this comes first, and who lands the flight sees the mark and cleans
    // up; or the landing comes first, and there is nothing to wait for.
    let before = target.link().state.fetch_or(state::EDGES, Ordering::AcqRel);
    if before & state::LANDED != 0 {
        return Ok(None);
    }
    let number = graph.next;
    graph.next += 1;
    let edges = graph.waiting_for.entry(target.link().id()).or_default();
    edges.extend(waiters.into_iter().map(|flight| Waiting {
        number,
        flight,
        limit,
    }));
    Ok(Some(Edge {
        number,
        into: Arc::clone(target),
    }))
}

/// What is on a circle, each once: a job's promise and its flight are for the same.
fn sites(circle: &[Arc<dyn Node>]) -> Vec<Site> {
    let mut sites: Vec<_> = circle.iter().map(|node| node.site()).collect();
    sites.dedup();
    if sites.len() > 1 && sites.first() == sites.last() {
        sites.pop();
    }
    sites
}

/// Removes every edge into a flight that has landed.
fn landed(link: &Link) {
    let edges = graph().lock().waiting_for.remove(&link.id());
    // The last handle of a flight may own user values: dropped out here.
    drop(edges);
}

impl Drop for Edge {
    fn drop(&mut self) {
        if self.into.link().has_landed() {
            // Whoever landed it removes the edge. Until then the edge is
            // harmless: a search does not go through a landed flight.
            return;
        }
        let mut graph = graph().lock();
        let id = self.into.link().id();
        let mut removed: Vec<Waiting> = Vec::new();
        if let Some(edges) = graph.waiting_for.get_mut(&id) {
            removed = edges
                .extract_if(.., |edge| edge.number == self.number)
                .collect();
            if edges.is_empty() {
                graph.waiting_for.remove(&id);
            }
        }
        drop(graph);
        drop(removed);
    }
}

impl Graph {
    /// The circle that the edge `waiter` → `target` would close, beginning with
    /// `target` and ending with `waiter`; empty if there is none.
    ///
    /// Goes backwards from `waiter` through all that cannot land before it: the
    /// flights that lead it, the flights that wait for it, and so on. If `target`
    /// is among them it would wait for itself.
    fn circle(
        &self,
        waiter: &Arc<dyn Node>,
        target: &Arc<dyn Node>,
        limit: Limit,
    ) -> Vec<Arc<dyn Node>> {
        struct Reached<'g> {
            node: &'g Arc<dyn Node>,
            /// What it cannot land before, as an index into the list.
            before: usize,
        }
        let goal = target.link().id();
        let mut reached = vec![Reached {
            node: waiter,
            before: 0,
        }];
        let mut seen = HashSet::from([waiter.link().id()]);
        let mut at = 0;
        while at < reached.len() {
            let node = reached[at].node;
            if node.link().id() == goal {
                let mut circle = vec![Arc::clone(node)];
                let mut step = at;
                while step != 0 {
                    step = reached[step].before;
                    circle.push(Arc::clone(reached[step].node));
                }
                return circle;
            }
            let waiting = self
                .waiting_for
                .get(&node.link().id())
                .into_iter()
                .flatten();
            let waiting = waiting.filter(|edge| edge.limit == Limit::None || limit == Limit::Time);
            let dependents = node
                .link()
                .parents
                .iter()
                .chain(waiting.map(|edge| &edge.flight));
            for dependent in dependents {
                // A flight that has landed waits for nothing any more.
                if !dependent.link().has_landed() && seen.insert(dependent.link().id()) {
                    reached.push(Reached {
                        node: dependent,
                        before: at,
                    });
                }
            }
            at += 1;
        }
        Vec::new()
    }
}

/// The number of edges, in the whole process.
pub(crate) fn edges() -> usize {
    graph().lock().waiting_for.values().map(Vec::len).sum()
}
