use super::chain;
use super::graph::{Edge, Limit, Link, Node};
use crate::error::{Circle, Site};
use crate::key::Key;
use std::fmt::Debug;
use std::sync::Arc;

/// What a job will bring, as the graph sees it. It waits for a thread at first, then it
/// leads a flight or joins one: what it works for cannot land before that.
pub(crate) struct Promise {
    /// The name of what is built, for errors.
    what: &'static str,
    key: Box<dyn Debug + Send + Sync>,
    link: Link,
}

impl Promise {
    /// What is promised to whoever waits, and so inside of no build.
    pub(crate) fn new<K: Key>(what: &'static str, key: K) -> Self {
        Promise {
            what,
            key: Box::new(key),
            link: Link::new(Vec::new()),
        }
    }

    /// Says that the code on this thread is about to wait for it, until the answer is
    /// dropped.
    ///
    /// # Errors
    ///
    /// The circle that waiting would close.
    pub(crate) fn wait(self: &Arc<Self>, limit: Limit) -> Result<Option<Edge>, Circle> {
        chain::wait_for(self, limit)
    }

    /// It is kept, or will never be.
    pub(crate) fn land(&self) {
        self.link.land();
    }
}

impl Node for Promise {
    fn link(&self) -> &Link {
        &self.link
    }

    fn site(&self) -> Site {
        Site::new(self.what, &*self.key)
    }
}
