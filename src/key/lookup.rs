use std::any::TypeId;
use std::borrow::Borrow;
use std::ffi::OsString;
use std::fmt::Debug;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What a kept key must be able to do.
///
/// Implemented for every type that qualifies; there is nothing to write by
/// hand. `Debug` is asked for because errors name the key as that prints it.
///
/// `Hash`, `Eq` and `Clone` run while a shard of the store is locked. Keep them plain:
/// they must not call back into a registry, block, or panic.
pub trait Key: Hash + Eq + Clone + Debug + Send + Sync + 'static {}

impl<K: Hash + Eq + Clone + Debug + Send + Sync + 'static> Key for K {}

/// A value that can stand for a kept key `K` in a look-up.
///
/// `&str` stands for `String`, `&[T]` for `Vec<T>`, `&Path` for `PathBuf`,
/// `&K` for any `K`, a tuple or an `Option` of look-ups for the tuple or
/// `Option` of keys. The owned key is made by [`to_key`](Self::to_key), and
/// only when something has to be built.
///
/// # What must hold
///
/// If `self.is(key)` then `self` and `key` hash alike, and
/// `self.is(&self.to_key())` is true.
///
/// # Examples
///
/// A look-up of one's own, for a key that is made of two strings:
///
/// ```
/// use mementos::key::Lookup;
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Host { name: String, zone: String }
///
/// #[derive(Hash)] // the same fields in the same order hash alike
/// struct HostRef<'a> { name: &'a str, zone: &'a str }
///
/// impl Lookup<Host> for HostRef<'_> {
///     fn is(&self, key: &Host) -> bool {
///         self.name == key.name && self.zone == key.zone
///     }
///     fn to_key(&self) -> Host {
///         Host { name: self.name.to_owned(), zone: self.zone.to_owned() }
///     }
/// }
///
/// let asked = HostRef { name: "a", zone: "eu" };
/// assert!(asked.is(&asked.to_key()));
/// ```
pub trait Lookup<K>: Hash {
    /// Whether this stands for `key`.
    fn is(&self, key: &K) -> bool;

    /// The owned key that this stands for.
    fn to_key(&self) -> K;
}

/// Every borrow that knows its owner: `&str`, `&[T]`, `&Path`, `&K`.
/// The standard library promises that a `Borrow`ed form hashes like its owner.
impl<Q: ?Sized + ToOwned + Hash + Eq> Lookup<Q::Owned> for &Q {
    #[inline]
    fn is(&self, key: &Q::Owned) -> bool {
        **self == *key.borrow()
    }

    #[inline]
    fn to_key(&self) -> Q::Owned {
        (**self).to_owned()
    }
}

/// A key that is already owned, as its own look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owned<K>(
    /// The key.
    pub K,
);

impl<K: Hash + Eq + Clone> Lookup<K> for Owned<K> {
    #[inline]
    fn is(&self, key: &K) -> bool {
        self.0 == *key
    }

    #[inline]
    fn to_key(&self) -> K {
        self.0.clone()
    }
}

/// A borrow that stands for an owner other than its usual one: `By("a")` for
/// an `Arc<str>` or a `Box<str>`.
///
/// ```
/// use mementos::key::{By, Lookup};
/// use std::sync::Arc;
///
/// let kept: Arc<str> = By("a").to_key();
/// assert!(By("a").is(&kept));
/// ```
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct By<'a, Q: ?Sized>(
    /// The borrowed form.
    pub &'a Q,
);

impl<K, Q> Lookup<K> for By<'_, Q>
where
    Q: ?Sized + Hash + Eq,
    K: Borrow<Q> + for<'q> From<&'q Q>,
{
    #[inline]
    fn is(&self, key: &K) -> bool {
        *self.0 == *key.borrow()
    }

    #[inline]
    fn to_key(&self) -> K {
        K::from(self.0)
    }
}

impl<K, Q: Lookup<K>> Lookup<Option<K>> for Option<Q> {
    #[inline]
    fn is(&self, key: &Option<K>) -> bool {
        match (self, key) {
            (Some(asked), Some(key)) => asked.is(key),
            (None, None) => true,
            _ => false,
        }
    }

    #[inline]
    fn to_key(&self) -> Option<K> {
        self.as_ref().map(Lookup::to_key)
    }
}

/// Types that stand for themselves by value, so that `peek(5)` reads as it should.
macro_rules! stands_for_itself {
    ($($kept:ty),* $(,)?) => { $(
        impl Lookup<$kept> for $kept {
            #[inline]
            fn is(&self, key: &$kept) -> bool {
                self == key
            }

            #[inline]
            #[allow(clippy::clone_on_copy)]
            fn to_key(&self) -> $kept {
                self.clone()
            }
        }
    )* };
}

stands_for_itself! {
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, bool, char, (),
    String, PathBuf, OsString, TypeId, Duration, IpAddr, SocketAddr,
}

macro_rules! tuples_of_lookups {
    ($( ($($asked:ident $kept:ident $at:tt),+) )*) => { $(
        impl<$($kept, $asked: Lookup<$kept>),+> Lookup<($($kept,)+)> for ($($asked,)+) {
            #[inline]
            fn is(&self, key: &($($kept,)+)) -> bool {
                $(self.$at.is(&key.$at))&&+
            }

            #[inline]
            fn to_key(&self) -> ($($kept,)+) {
                ($(self.$at.to_key(),)+)
            }
        }
    )* };
}

tuples_of_lookups! {
    (A KA 0)
    (A KA 0, B KB 1)
    (A KA 0, B KB 1, C KC 2)
    (A KA 0, B KB 1, C KC 2, D KD 3)
    (A KA 0, B KB 1, C KC 2, D KD 3, E KE 4)
    (A KA 0, B KB 1, C KC 2, D KD 3, E KE 4, F KF 5)
    (A KA 0, B KB 1, C KC 2, D KD 3, E KE 4, F KF 5, G KG 6)
    (A KA 0, B KB 1, C KC 2, D KD 3, E KE 4, F KF 5, G KG 6, H KH 7)
    (A KA 0, B KB 1, C KC 2, D KD 3, E KE 4, F KF 5, G KG 6, H KH 7, I KI 8)
    (A KA 0, B KB 1, C KC 2, D KD 3, E KE 4, F KF 5, G KG 6, H KH 7, I KI 8, J KJ 9)
    (A KA 0, B KB 1, C KC 2, D KD 3, E KE 4, F KF 5, G KG 6, H KH 7, I KI 8, J KJ 9, L KL 10)
    (A KA 0, B KB 1, C KC 2, D KD 3, E KE 4, F KF 5, G KG 6, H KH 7, I KI 8, J KJ 9, L KL 10, M KM 11)
}
