use super::{Key, Lookup};
use std::hash::{Hash, Hasher};

/// A struct of arguments that borrows, and knows the owned key it stands for.
///
/// `#[derive(Key)]` on a struct with a lifetime implements this, and makes the
/// owned twin `<Name>Key`. Implement it by hand if the derive does not fit; the
/// contract is that of [`Lookup`].
pub trait Argument {
    /// The owned form.
    type Key: Key;

    /// Hashes like the owned form.
    fn hash_fields<H: Hasher>(&self, state: &mut H);

    /// Whether every field stands for that of `key`.
    fn is_key(&self, key: &Self::Key) -> bool;

    /// The owned form of this.
    fn to_owned_key(&self) -> Self::Key;
}

/// An [`Argument`] as a look-up, field by field.
#[derive(Debug)]
pub struct ByFields<'r, A>(
    /// The borrowed argument.
    pub &'r A,
);

impl<A: Argument> Hash for ByFields<'_, A> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash_fields(state);
    }
}

impl<A: Argument> Lookup<A::Key> for ByFields<'_, A> {
    #[inline]
    fn is(&self, key: &A::Key) -> bool {
        self.0.is_key(key)
    }

    fn to_key(&self) -> A::Key {
        self.0.to_owned_key()
    }
}
