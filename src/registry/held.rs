use std::ops::Deref;
use std::sync::Arc;

/// A partition's inside, as whoever uses it holds it: that of the global
/// registry is there for ever, that of an owned one is counted.
pub(crate) enum Held<I: ?Sized + 'static> {
    Forever(&'static I),
    Counted(Arc<I>),
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
