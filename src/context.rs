use crate::flight::{self, Node, Part, Promise};
use crate::memoizer::Meant;
use crate::registry::Registry;
use std::fmt;
use std::sync::{Arc, Weak};
#[cfg(feature = "async")]
use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{self, Poll},
};

/// Where a call is made: in which registry and memoizer, and inside which build.
///
/// All follow the thread. A constructor or a function that hands work to other threads, and
/// waits for them, hands them its context too. Then what they ask for is part of
/// its build, and a circle through them is an error and not a hang. (There
/// [`memento`](crate::Memento::memento) panics, so ask by
/// [`try_memento`](crate::Memento::try_memento) where a circle is possible.)
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
    memoizer: Meant,
    /// Weak: an instance may keep the context of its own construction.
    build: Option<Weak<dyn Node>>,
}

impl Context {
    /// The context of the code that calls this. Claims are no part of it.
    pub fn current() -> Self {
        Context {
            registry: Registry::current(),
            memoizer: Meant::here(),
            build: flight::innermost_build().map(|build| Arc::downgrade(&build)),
        }
    }

    /// The same for a job, which is inside of no build: it works for what it has promised.
    pub(crate) fn of_job(promise: &Arc<Promise>) -> Self {
        let promise: Weak<Promise> = Arc::downgrade(promise);
        Context {
            registry: Registry::current(),
            memoizer: Meant::here(),
            build: Some(promise),
        }
    }

    /// Runs `run` in this context, on whatever thread. A build that has ended
    /// meanwhile is no part of it any more.
    pub fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        let build = self.build.as_ref().and_then(Weak::upgrade);
        let _inside = build.map(|build| flight::enter(build, Part::Helps));
        self.registry.scope(|| self.memoizer.enter(run))
    }
}

#[cfg(feature = "async")]
impl Context {
    /// Polls `future` in this context, on whatever threads, and drops it there. For what a build spawns, and
    /// then awaits: what is polled in the build itself, as the arms of a `join!` are, is
    /// part of it anyhow.
    ///
    /// ```
    /// # mementos::private::block_on(async {
    /// use mementos::{Context, memento};
    ///
    /// struct Leaf;
    ///
    /// #[memento]
    /// impl Leaf {
    ///     async fn new(_n: u32) -> Self { Leaf }
    /// }
    ///
    /// let part = Context::current().attach(Leaf::memento(1)); // to be spawned somewhere
    /// part.await;
    /// # });
    /// ```
    pub fn attach<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let context = self.clone();
        async move {
            let future = pin!(Some(future));
            let mut attached = Attached { context, future };
            poll_fn(|polled| attached.poll(polled)).await
        }
    }
}

/// What is polled in a context, until it is done.
#[cfg(feature = "async")]
struct Attached<'f, F> {
    context: Context,
    future: Pin<&'f mut Option<F>>,
}

#[cfg(feature = "async")]
impl<F: Future> Attached<'_, F> {
    fn poll(&mut self, polled: &mut task::Context<'_>) -> Poll<F::Output> {
        let future = self.future.as_mut().as_pin_mut();
        let future = future.expect("nobody polls what is done");
        let polled = self.context.enter(|| future.poll(polled));
        if polled.is_ready() {
            self.future.set(None);
        }
        polled
    }
}

#[cfg(feature = "async")]
impl<F> Drop for Attached<'_, F> {
    fn drop(&mut self) {
        // It was given up: what it drops may ask for what it is part of.
        if self.future.is_some() {
            self.context.enter(|| self.future.set(None));
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let build = self.build.as_ref().and_then(Weak::upgrade);
        let site = build.map(|build| build.site().to_string());
        f.debug_struct("Context")
            .field("registry", &self.registry)
            .field("inside", &site)
            .finish()
    }
}
