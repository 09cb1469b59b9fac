use super::{Codec, CodingError};
use crate::entry::AnyValue;
use crate::error::{Remedy, Uncodable};
use std::sync::Arc;

/// How values become bytes, where the type is known to whoever made this.
#[cfg_attr(not(feature = "bytes"), allow(dead_code))] // no store asks for it
pub(crate) trait AnyCoding: Send + Sync {
    /// The name of the type, as far as bytes are concerned.
    fn type_name(&self) -> &'static str;

    fn encode(&self, value: &AnyValue, codec: Codec) -> Result<Vec<u8>, CodingError>;

    fn decode(&self, bytes: &[u8], codec: Codec) -> Result<AnyValue, CodingError>;
}

/// Of values that are kept as they are.
#[cfg(feature = "bytes")]
pub(crate) struct Plain<V>(pub(crate) super::Coding<V>);

#[cfg(feature = "bytes")]
impl<V: std::any::Any + Send + Sync> AnyCoding for Plain<V> {
    fn type_name(&self) -> &'static str {
        self.0.type_name()
    }

    fn encode(&self, value: &AnyValue, codec: Codec) -> Result<Vec<u8>, CodingError> {
        let value = value
            .downcast_ref()
            .ok_or("this is another kind of value")?;
        self.0.encode(value, codec)
    }

    fn decode(&self, bytes: &[u8], codec: Codec) -> Result<AnyValue, CodingError> {
        self.0.decode(bytes, codec).map(AnyValue::new)
    }
}

/// How the value of one call becomes bytes.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "bytes"), allow(dead_code))]
pub(crate) struct Coded<'c> {
    pub(crate) coding: &'c dyn AnyCoding,
    /// What the options say that its type is told by.
    pub(crate) schema: Option<u64>,
}

#[cfg(feature = "bytes")]
impl Coded<'_> {
    /// What the value's type is told by: what is said, or its name.
    pub(crate) fn schema(&self) -> u64 {
        self.schema.unwrap_or_else(|| {
            let digest = hmac_sha256::Hash::hash(self.coding.type_name().as_bytes());
            u64::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
        })
    }
}

/// What a store asks of the values that it is to keep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing.
    Values,
    /// A way to make bytes of them.
    #[cfg_attr(not(feature = "bytes"), allow(dead_code))]
    Bytes,
    /// And a schema.
    #[cfg_attr(not(feature = "bytes"), allow(dead_code))]
    BytesBySchema,
}

/// Whether values can be kept in a store that asks this of them. `what` names the
/// function, `type_name` their type, and `untold` what to do if it is not known how
/// bytes are made of them.
pub(crate) fn check(
    form: Form,
    coded: Option<Coded<'_>>,
    what: &str,
    type_name: &'static str,
    region: Option<&Arc<str>>,
    untold: Remedy,
) -> Result<(), Uncodable> {
    let remedy = match (form, coded) {
        (Form::Values, _) | (Form::Bytes, Some(_)) => return Ok(()),
        (Form::BytesBySchema, Some(coded)) if coded.schema.is_some() => return Ok(()),
        (Form::BytesBySchema, Some(_)) => Remedy::Schema,
        (_, None) => untold,
    };
    Err(Uncodable::new(what, type_name, region, remedy))
}
