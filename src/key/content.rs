use super::Lookup;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Debug};
use std::hash::{BuildHasher, Hash, Hasher};

/// A `HashMap` or a `HashSet` as a key, by content and not by order.
///
/// Hashing adds up the hashes of the members, so that their order cannot
/// matter; comparing is the map's own `==`. Neither sorts nor allocates. Both
/// cost time in proportion to the number of members.
///
/// ```
/// use mementos::key::Content;
/// use std::collections::HashSet;
///
/// let one: HashSet<u32> = (0..9).collect();
/// let other: HashSet<u32> = (0..9).rev().collect();
/// assert_eq!(Content(one), Content(other));
/// ```
#[derive(Clone, Copy)]
pub struct Content<M>(
    /// The map or set, or a borrow of it.
    pub M,
);

/// What can be compared by content: has members, in whatever order.
pub trait Members {
    /// The sum of the members' hashes, and their number.
    fn digest(&self) -> (u64, usize);

    /// Whether the members are the same.
    fn same(&self, other: &Self) -> bool;
}

/// Members that can be shown.
pub trait Shown {
    /// What each of them prints by `Debug`.
    fn shown(&self) -> Vec<String>;
}

fn sum<T: Hash>(members: impl Iterator<Item = T>) -> u64 {
    let hasher = super::hasher();
    members.fold(0, |sum, member| sum.wrapping_add(hasher.hash_one(member)))
}

impl<K: Hash + Eq, V: Hash + Eq, S: BuildHasher> Members for HashMap<K, V, S> {
    fn digest(&self) -> (u64, usize) {
        (sum(self.iter()), self.len())
    }

    fn same(&self, other: &Self) -> bool {
        self == other
    }
}

impl<T: Hash + Eq, S: BuildHasher> Members for HashSet<T, S> {
    fn digest(&self) -> (u64, usize) {
        (sum(self.iter()), self.len())
    }

    fn same(&self, other: &Self) -> bool {
        self == other
    }
}

impl<M: Members> Members for &M {
    fn digest(&self) -> (u64, usize) {
        (**self).digest()
    }

    fn same(&self, other: &Self) -> bool {
        (**self).same(other)
    }
}

impl<K: Debug, V: Debug, S> Shown for HashMap<K, V, S> {
    fn shown(&self) -> Vec<String> {
        let pair = |(key, value)| format!("{key:?}: {value:?}");
        self.iter().map(pair).collect()
    }
}

impl<T: Debug, S> Shown for HashSet<T, S> {
    fn shown(&self) -> Vec<String> {
        self.iter().map(|member| format!("{member:?}")).collect()
    }
}

impl<M: Shown> Shown for &M {
    fn shown(&self) -> Vec<String> {
        (**self).shown()
    }
}

/// Sorted, so that the same content prints the same.
impl<M: Shown> Debug for Content<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members = self.0.shown();
        members.sort();
        write!(f, "{{{}}}", members.join(", "))
    }
}

impl<M: Members> Hash for Content<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest().hash(state);
    }
}

impl<M: Members> PartialEq for Content<M> {
    fn eq(&self, other: &Self) -> bool {
        self.0.same(&other.0)
    }
}

impl<M: Members> Eq for Content<M> {}

impl<M: Members + Clone> Lookup<Content<M>> for Content<&M> {
    fn is(&self, key: &Content<M>) -> bool {
        self.0.same(&key.0)
    }

    fn to_key(&self) -> Content<M> {
        Content(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::hash_of;

    #[test]
    fn order_of_insertion_does_not_matter() {
        let one: HashMap<u32, &str> = (0..100).map(|n| (n, "x")).collect();
        let other: HashMap<u32, &str> = (0..100).rev().map(|n| (n, "x")).collect();
        assert_eq!(Content(&one), Content(&other));
        assert_eq!(hash_of(&Content(&one)), hash_of(&Content(&other)));
    }

    #[test]
    fn which_value_belongs_to_which_key_matters() {
        let one = HashMap::from([(1, 2), (3, 4)]);
        let other = HashMap::from([(1, 4), (3, 2)]);
        assert_ne!(Content(&one), Content(&other));
        assert_ne!(hash_of(&Content(&one)), hash_of(&Content(&other)));
    }

    #[test]
    fn a_borrow_stands_for_its_map() {
        let map = HashMap::from([(1, 2)]);
        let kept = Content(&map).to_key();
        assert!(Content(&map).is(&kept));
        assert_eq!(hash_of(&Content(&map)), hash_of(&kept));
    }
}
