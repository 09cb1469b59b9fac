use super::Memoized;
use std::sync::Arc;

/// A function's output, as its table keeps it.
///
/// What has no `Drop` and can be copied is kept as it is, and copied out while its
/// shard is locked: that is a plain copy. Anything else is kept behind an `Arc`, so
/// that its `Clone` and its `Drop`, which are user code, run with nothing locked.
pub(crate) enum Output<M: Memoized> {
    Inline(M::Output),
    Shared(Arc<M::Output>),
}

impl<M: Memoized> Output<M> {
    /// Takes an output and a copy of it, of which the caller gets the one that is
    /// left over.
    pub(crate) fn new(output: M::Output) -> Self {
        match std::mem::needs_drop::<M::Output>() {
            true => Output::Shared(Arc::new(output)),
            false => Output::Inline(output),
        }
    }

    /// A copy for a caller.
    #[inline]
    pub(crate) fn give(self) -> Option<M::Output> {
        match self {
            Output::Inline(output) => Some(output),
            Output::Shared(output) => M::copy(&output),
        }
    }

    /// The output.
    pub(crate) fn get(&self) -> &M::Output {
        match self {
            Output::Inline(output) => output,
            Output::Shared(output) => output,
        }
    }
}

impl<M: Memoized> Clone for Output<M> {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            // Only what could be copied once is kept in here.
            Output::Inline(output) => {
                Output::Inline(M::copy(output).expect("an output that is kept can be copied"))
            }
            Output::Shared(output) => Output::Shared(Arc::clone(output)),
        }
    }
}
