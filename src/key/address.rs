use super::Lookup;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// An `Arc` as a key by identity: two are the same key when they point to the
/// same allocation, whatever it holds.
///
/// A kept key holds on to its `Arc`. That is what makes the address a safe
/// identity: it cannot be given to another value while the key is kept.
///
/// ```
/// use mementos::key::Address;
/// use std::sync::Arc;
///
/// let one = Arc::new(1);
/// assert_eq!(Address(one.clone()), Address(one.clone()));
/// assert_ne!(Address(one), Address(Arc::new(1)));
/// ```
#[derive(Clone, Copy)]
pub struct Address<P>(
    /// The `Arc`, or a borrow of it.
    pub P,
);

fn address<T: ?Sized>(arc: &Arc<T>) -> *const () {
    Arc::as_ptr(arc).cast()
}

impl<T: ?Sized> Hash for Address<Arc<T>> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        address(&self.0).hash(state);
    }
}

impl<T: ?Sized> Hash for Address<&Arc<T>> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        address(self.0).hash(state);
    }
}

impl<T: ?Sized> PartialEq for Address<Arc<T>> {
    fn eq(&self, other: &Self) -> bool {
        address(&self.0) == address(&other.0)
    }
}

impl<T: ?Sized> Eq for Address<Arc<T>> {}

impl<T: ?Sized> Lookup<Address<Arc<T>>> for Address<&Arc<T>> {
    fn is(&self, key: &Address<Arc<T>>) -> bool {
        address(self.0) == address(&key.0)
    }

    fn to_key(&self) -> Address<Arc<T>> {
        Address(Arc::clone(self.0))
    }
}

impl<T: ?Sized> fmt::Debug for Address<Arc<T>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:p}", address(&self.0))
    }
}
