//! How values become bytes, and bytes values.
//!
//! | part | does one thing |
//! |---|---|
//! | `codec` | the formats |
//! | `any` | a value whose type its use alone knows |

mod any;
mod codec;

#[cfg(feature = "bytes")]
pub(crate) use any::Plain;
pub(crate) use any::{AnyCoding, Coded, Form, check};
pub use codec::Codec;

#[cfg(feature = "bytes")]
use std::any::type_name;
use std::error::Error;
use std::fmt;

/// What went wrong with bytes.
pub(crate) type CodingError = Box<dyn Error + Send + Sync>;

/// How the values of one type become bytes, and bytes such values.
///
/// `#[memoize]` makes one wherever the function's output has `Serialize` and
/// `DeserializeOwned`; a [`Memoized`](crate::Memoized) by hand says it in
/// [`coding`](crate::Memoized::coding).
#[cfg_attr(not(feature = "bytes"), allow(dead_code))] // no store asks for it
pub struct Coding<V> {
    encode: fn(&V, Codec) -> Result<Vec<u8>, CodingError>,
    decode: fn(&[u8], Codec) -> Result<V, CodingError>,
    type_name: &'static str,
}

#[cfg(feature = "bytes")]
impl<V: serde::Serialize + serde::de::DeserializeOwned> Coding<V> {
    /// By the type's own `Serialize` and `Deserialize`.
    pub fn new() -> Self {
        Coding {
            encode: |value, codec| codec.encode(value),
            decode: |bytes, codec| codec.decode(bytes),
            type_name: type_name::<V>(),
        }
    }
}

#[cfg(feature = "bytes")]
impl<V: serde::Serialize + serde::de::DeserializeOwned> Default for Coding<V> {
    fn default() -> Self {
        Coding::new()
    }
}

#[cfg(feature = "bytes")]
impl<T: serde::Serialize + serde::de::DeserializeOwned, E> Coding<Result<T, E>> {
    /// Of an `Ok` alone: an error becomes no bytes. The bytes of an `Ok` are those
    /// that a `Result` of serde's has.
    pub fn of_ok() -> Self {
        #[derive(serde::Serialize)]
        enum Kept<'v, T> {
            Ok(&'v T),
        }

        #[derive(serde::Deserialize)]
        enum Found<T> {
            Ok(T),
        }

        Coding {
            encode: |value, codec| match value {
                Ok(value) => codec.encode(&Kept::Ok(value)),
                Err(_) => Err("the error has no `Serialize` and `Deserialize`".into()),
            },
            decode: |bytes, codec| codec.decode(bytes).map(|Found::Ok(value)| Ok(value)),
            type_name: type_name::<Result<T, E>>(),
        }
    }
}

#[cfg_attr(not(feature = "bytes"), allow(dead_code))]
impl<V> Coding<V> {
    pub(crate) fn encode(&self, value: &V, codec: Codec) -> Result<Vec<u8>, CodingError> {
        (self.encode)(value, codec)
    }

    pub(crate) fn decode(&self, bytes: &[u8], codec: Codec) -> Result<V, CodingError> {
        (self.decode)(bytes, codec)
    }

    pub(crate) fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl<V> Clone for Coding<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Coding<V> {}

impl<V> fmt::Debug for Coding<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coding<{}>", self.type_name)
    }
}
