//! What a value was made from, as a mark.

use std::fmt::{self, Display, Write};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a value was made from, as a mark: as long as the mark is the same, the
/// value is good.
///
/// Anything that has a `Display` can be one, and bytes and hashes can. A clone
/// costs a reference count.
///
/// ```
/// use mementos::Etag;
///
/// assert_eq!(Etag::new("v1"), Etag::new(format!("v{}", 1)));
/// assert_eq!(Etag::bytes(b"\x01\xff").as_str(), "01ff");
/// assert_eq!(Etag::hash_of(&("a", 1)), Etag::hash_of(&("a", 1)));
/// ```
// A thin pointer: it is part of every entry.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Etag(Arc<String>);

impl Etag {
    /// The mark that `text` prints.
    pub fn new(text: impl Display) -> Self {
        Etag(Arc::new(text.to_string()))
    }

    /// Bytes, as hexadecimal digits.
    pub fn bytes(bytes: &[u8]) -> Self {
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            _ = write!(text, "{byte:02x}");
        }
        Etag(Arc::new(text))
    }

    /// The SHA-256 of what `value` hashes.
    ///
    /// The same for the same value in every run of a program. What a type hashes
    /// may change with the version of its crate, and with the machine.
    pub fn hash_of(value: &(impl Hash + ?Sized)) -> Self {
        let mut digest = Digest(hmac_sha256::Hash::new());
        value.hash(&mut digest);
        Etag::bytes(&digest.0.finalize())
    }

    /// The mark, as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Feeds what is hashed to SHA-256.
struct Digest(hmac_sha256::Hash);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the whole digest is taken instead")
    }
}

impl Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Etag({:?})", self.0)
    }
}

/// What an etag can be given as: an [`Etag`], text, a number, bytes, or an
/// `Option` of one. Anything else that has a `Display` goes through [`Etag::new`].
///
/// `None` means that there is no mark, and no check.
pub trait IntoEtag {
    /// The mark, if there is one.
    fn into_etag(self) -> Option<Etag>;
}

impl IntoEtag for Etag {
    fn into_etag(self) -> Option<Etag> {
        Some(self)
    }
}

impl<T: IntoEtag> IntoEtag for Option<T> {
    fn into_etag(self) -> Option<Etag> {
        self.and_then(T::into_etag)
    }
}

macro_rules! into_etag {
    ($make:ident: $($given:ty),*) => { $(
        impl IntoEtag for $given {
            fn into_etag(self) -> Option<Etag> {
                Some(Etag::$make(self))
            }
        }
    )* };
}

into_etag!(new: &str, String, &String, char, u8, u16, u32, u64, u128, usize);
into_etag!(new: i8, i16, i32, i64, i128, isize);
into_etag!(bytes: &[u8]);

impl<const N: usize> IntoEtag for [u8; N] {
    fn into_etag(self) -> Option<Etag> {
        Some(Etag::bytes(&self))
    }
}
