#[cfg(feature = "bytes")]
use super::CodingError;

/// A format of values as bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// MessagePack with named fields: compact, read by other languages, and a field
    /// that is added to a type later does no harm if it has a default.
    #[default]
    MessagePack,
    /// JSON: for people who look into the store. Numbers that are not finite, and
    /// maps whose keys are no text, cannot be told in it.
    Json,
    /// postcard: the most compact. It says nothing of the fields, so the bytes of
    /// another form of the type could pass for this one: it needs a
    /// [`schema`](crate::Options::schema), to be changed with the type.
    Postcard,
}

#[cfg(feature = "bytes")]
impl Codec {
    /// Whether the bytes tell enough of their form to be read without a schema.
    pub(crate) fn describes_itself(self) -> bool {
        self != Codec::Postcard
    }

    pub(crate) fn encode<V: serde::Serialize>(self, value: &V) -> Result<Vec<u8>, CodingError> {
        Ok(match self {
            Codec::MessagePack => rmp_serde::to_vec_named(value)?,
            Codec::Json => serde_json::to_vec(value)?,
            Codec::Postcard => postcard::to_stdvec(value)?,
        })
    }

    /// All of them look at what is there before they allocate for what is claimed.
    pub(crate) fn decode<V: serde::de::DeserializeOwned>(
        self,
        bytes: &[u8],
    ) -> Result<V, CodingError> {
        Ok(match self {
            Codec::MessagePack => rmp_serde::from_slice(bytes)?,
            Codec::Json => serde_json::from_slice(bytes)?,
            Codec::Postcard => match postcard::take_from_bytes(bytes)? {
                (value, []) => value,
                (_, rest) => return Err(format!("{} bytes too many", rest.len()).into()),
            },
        })
    }
}
