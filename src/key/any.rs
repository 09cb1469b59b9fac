use super::{Key, Lookup};
use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A key whose type only its key function knows.
///
/// Closures (`#[memento(key = |..| ..)]`) and factories return keys whose type
/// cannot be written down where a type declares its key. Two of these are equal
/// when the keys inside have the same type and are equal.
///
/// A hit asks by [`Computed`], on the stack; the box is made when something has
/// to be built. A clone costs one reference count.
#[derive(Clone)]
pub struct AnyKey(Arc<dyn Erased>);

trait Erased: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn hash_into(&self, state: &mut dyn Hasher);
    fn is(&self, other: &dyn Any) -> bool;
    fn debug(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<K: Key> Erased for K {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn hash_into(&self, mut state: &mut dyn Hasher) {
        self.hash(&mut state);
    }

    fn is(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<K>() == Some(self)
    }

    fn debug(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl AnyKey {
    /// Wraps a key. Allocates once.
    pub fn new<K: Key>(key: K) -> Self {
        AnyKey(Arc::new(key))
    }

    /// The key inside, if it is a `K`.
    pub fn downcast_ref<K: Key>(&self) -> Option<&K> {
        self.0.as_any().downcast_ref()
    }
}

impl PartialEq for AnyKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.is(other.0.as_any())
    }
}

impl Eq for AnyKey {}

impl Hash for AnyKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash_into(state);
    }
}

impl fmt::Debug for AnyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug(f)
    }
}

/// What a key function returned, as the look-up of an [`AnyKey`].
///
/// ```
/// use mementos::key::{Computed, Lookup};
///
/// let kept = Computed("a".to_lowercase()).to_key();
/// assert!(Computed("a".to_owned()).is(&kept));
/// assert!(!Computed(1).is(&kept)); // another type is another key
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Computed<K>(
    /// What the key function returned.
    pub K,
);

impl<K: Key> Lookup<AnyKey> for Computed<K> {
    #[inline]
    fn is(&self, key: &AnyKey) -> bool {
        key.downcast_ref::<K>() == Some(&self.0)
    }

    fn to_key(&self) -> AnyKey {
        AnyKey::new(self.0.clone())
    }
}
