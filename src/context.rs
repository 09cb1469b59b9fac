use crate::flight::{self, Node};
use crate::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// Where a call is made: in which registry, and inside which build.
///
/// Both follow the thread. A constructor that hands work to other threads, and
/// waits for them, hands them its context too. Then what they ask for is part of
/// its build, and a circle through them is an error and not a hang:
///
/// ```
/// use mementos::{Context, memento};
/// use std::sync::Arc;
/// use std::thread;
///
/// struct Leaf;
///
/// #[memento]
/// impl Leaf {
///     fn new(_n: u32) -> Self { Leaf }
/// }
///
/// struct Tree(Vec<Arc<Leaf>>);
///
/// #[memento]
/// impl Tree {
///     fn new(leaves: u32) -> Self {
///         let context = &Context::current();
///         Tree(thread::scope(|scope| {
///             let parts: Vec<_> = (0..leaves)
///                 .map(|n| scope.spawn(move || context.enter(|| Leaf::memento(n))))
///                 .collect();
///             parts.into_iter().map(|part| part.join().unwrap()).collect()
///         }))
///     }
/// }
///
/// assert_eq!(Tree::memento(4).0.len(), 4);
/// ```
#[derive(Clone)]
pub struct Context {
    registry: Registry,
    flight: Option<Arc<dyn Node>>,
}

impl Context {
    /// The context of the code that calls this.
    pub fn current() -> Self {
        Context {
            registry: Registry::current(),
            flight: flight::current(),
        }
    }

    /// Runs `run` in this context, on whatever thread. A build that has ended
    /// meanwhile is no part of it any more.
    pub fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        let _inside = self.flight.clone().map(flight::enter);
        self.registry.scope(run)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let site = self.flight.as_ref().map(|flight| flight.site().to_string());
        f.debug_struct("Context")
            .field("registry", &self.registry)
            .field("inside", &site)
            .finish()
    }
}
