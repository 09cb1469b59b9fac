//! Parts of a registry or a memoizer, as whoever uses them holds them.

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;

/// What a registry knows the type of at its use alone.
pub(crate) trait Erased: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<T: Any + Send + Sync> Erased for T {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// A part: that of the global registry or memoizer is there for ever, that of an
/// owned one is counted.
pub(crate) enum Held<I: ?Sized + 'static> {
    Forever(&'static I),
    Counted(Arc<I>),
}

impl<D: Erased + ?Sized> Held<D> {
    /// The part, not this handle to it, which could be erased itself.
    pub(crate) fn as_any(&self) -> &dyn Any {
        (**self).as_any()
    }

    /// The same, with its type; none if that is another.
    pub(crate) fn typed<I: Any + Send + Sync>(&self) -> Option<Held<I>> {
        match self {
            Held::Forever(inner) => {
                let inner: &'static D = inner;
                inner.as_any().downcast_ref().map(Held::Forever)
            }
            Held::Counted(inner) => Arc::clone(inner)
                .into_any()
                .downcast()
                .ok()
                .map(Held::Counted),
        }
    }
}

impl<I: ?Sized> Clone for Held<I> {
    fn clone(&self) -> Self {
        match self {
            Held::Forever(inner) => Held::Forever(inner),
            Held::Counted(inner) => Held::Counted(Arc::clone(inner)),
        }
    }
}

impl<I: ?Sized> Deref for Held<I> {
    type Target = I;

    #[inline]
    fn deref(&self) -> &I {
        match self {
            Held::Forever(inner) => inner,
            Held::Counted(inner) => inner,
        }
    }
}
