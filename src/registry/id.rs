use std::any::TypeId;
use std::hash::{Hash, Hasher};

/// Which factory makes a type's keys, if one does.
#[derive(Clone, Copy, Debug)]
pub struct FactoryId {
    number: u64,
    name: &'static str,
}

impl FactoryId {
    /// The type makes its own keys.
    pub const NONE: FactoryId = FactoryId {
        number: 0,
        name: "",
    };

    pub(crate) fn new(number: u64, name: &'static str) -> Self {
        FactoryId { number, name }
    }

    /// The factory's name, if there is one.
    pub fn name(self) -> Option<&'static str> {
        (self != Self::NONE).then_some(self.name)
    }
}

// By number alone: that is what tells factories apart, and the name would be
// compared on every call of a type without a home.
impl PartialEq for FactoryId {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for FactoryId {}

impl Hash for FactoryId {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

/// What makes a partition: what it holds (instance, key and error type), and
/// which factory makes its keys. So a key function that forgets the type cannot
/// make two types meet, nor two factories.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PartitionId {
    pub(super) holds: TypeId,
    pub(super) factory: FactoryId,
}

impl PartitionId {
    #[inline]
    pub(super) fn of<I: 'static>(factory: FactoryId) -> Self {
        PartitionId {
            holds: TypeId::of::<I>(),
            factory,
        }
    }
}
