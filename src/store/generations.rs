//! The generations of groups, in a store beside the entries that they are of.
//!
//! Each is an ordinary entry under a key of its own. It can be evicted, cleared or
//! overwritten like any: then another is drawn, and entries that have recorded the one
//! before are missing.
//!
//! Whatever two callers do to a group at once, the generation that comes of it has a
//! number that neither has seen before, so no entry from before them is fresh. The worst
//! that comes of it is an entry that is built once more. What one has asked to be missing
//! another must not make stale, as by this:
//!
//! ```text
//!   makes it stale             invalidates it
//!   reads the generation
//!                              puts another
//!   puts the one that comes
//!   after what it has read
//! ```
//!
//! A store of bytes replaces what was read in one step, if it can. For one of values the
//! two are flights for the same key, so that one comes after the other.

use super::{Caller, SharedStore, StoreError};
use crate::clock::Stamp;
use crate::coding::{AnyCoding, Codec, Coded, CodingError};
use crate::entry::{AnyValue, Entry};
use crate::error::MemoError;
use crate::generation::{Generation, How};

/// How generations become bytes: a list of two numbers.
struct Numbers;

/// What generations are told by, whatever the schema of the entries is.
const SCHEMA: u64 = u64::from_le_bytes(*b"mmto gen");

const CODED: Coded<'static> = Coded {
    coding: &Numbers,
    schema: Some(SCHEMA),
};

impl AnyCoding for Numbers {
    fn type_name(&self) -> &'static str {
        "generation"
    }

    fn encode(&self, value: &AnyValue, codec: Codec) -> Result<Vec<u8>, CodingError> {
        let generation = value.downcast_ref::<Generation>();
        let Generation { hard, soft } = generation.ok_or("this is no generation")?;
        #[cfg(feature = "bytes")]
        return codec.encode(&(hard, soft));
        #[cfg(not(feature = "bytes"))]
        Err(format!("there are no bytes of {hard} and {soft} in {codec:?}").into())
    }

    fn decode(&self, bytes: &[u8], codec: Codec) -> Result<AnyValue, CodingError> {
        #[cfg(feature = "bytes")]
        return codec
            .decode(bytes)
            .map(|(hard, soft)| AnyValue::new(Generation { hard, soft }));
        #[cfg(not(feature = "bytes"))]
        Err(format!("{} bytes are none of {codec:?}", bytes.len()).into())
    }
}

/// What becomes of an entry.
pub(crate) type Becomes = dyn Fn(&Entry<AnyValue>) -> Result<Entry<AnyValue>, StoreError> + Sync;

/// A key to look up, and how what is there becomes a value.
#[derive(Clone, Copy)]
pub(crate) struct Question<'q> {
    pub(crate) text: &'q String,
    #[cfg_attr(not(feature = "bytes"), allow(dead_code))]
    pub(crate) coded: Option<Coded<'q>>,
}

impl<'q> Question<'q> {
    /// For the generation of a group.
    pub(crate) fn of_group(text: &'q String) -> Self {
        Question {
            text,
            coded: Some(CODED),
        }
    }
}

/// The generation that has been found.
pub(crate) fn generation(
    found: Result<Option<Entry<AnyValue>>, StoreError>,
) -> Result<Option<Generation>, StoreError> {
    let Some(entry) = found? else {
        return Ok(None);
    };
    let generation = entry.value.downcast_ref().copied();
    let of_another_kind = || StoreError::new("reading a generation", "it is of another kind");
    generation.ok_or_else(of_another_kind).map(Some)
}

/// A generation as it is kept. It has no date: nobody asks for it.
fn entry(generation: Generation) -> Entry<AnyValue> {
    Entry {
        value: AnyValue::new(generation),
        created: Stamp::from_nanos(0),
        expires: Stamp::NEVER,
        marks: None,
        took: 0.0,
    }
}

impl SharedStore {
    /// The generations of groups, by their keys, with one question.
    pub(crate) async fn generations<'g>(
        &self,
        caller: Caller,
        groups: impl IntoIterator<Item = &'g String>,
    ) -> Vec<Result<Option<Generation>, StoreError>> {
        let questions: Vec<_> = groups.into_iter().map(Question::of_group).collect();
        let found = self.find_many(caller, &questions).await;
        found.into_iter().map(generation).collect()
    }

    /// The generation of a group that had none a moment ago: a new one, or that of
    /// another caller who was faster.
    ///
    /// # Errors
    ///
    /// When it is not known what is there now.
    pub(crate) async fn make_generation(
        &self,
        caller: Caller,
        group: &String,
    ) -> Result<Generation, StoreError> {
        let new = Generation::random()?;
        let made = entry(new);
        let added = self.backing().add(caller, group, &made, CODED).await?;
        if added == Some(true) {
            return Ok(new);
        }
        // Where there is one that cannot be read, or where the store cannot tell, it is
        // put, and read back: of two callers who do so one may get what the other then
        // replaces, and what it builds is built once more.
        if let Ok(Some(known)) = self.generation(caller, group).await {
            return Ok(known);
        }
        self.put(caller, group.clone(), &made, Some(CODED), None)
            .await?;
        let back = self.generation(caller, group).await?;
        back.ok_or_else(|| StoreError::new("making a generation", "it was not kept"))
    }

    /// Puts another generation of a group in place.
    ///
    /// # Errors
    ///
    /// When the one before may still be there; and when this is called by what is being
    /// done to this very group, as by a store of the user's own.
    pub(crate) async fn end(
        &self,
        caller: Caller,
        group: &String,
        how: How,
    ) -> Result<(), MemoError> {
        if !self.backing().is_memory() {
            return Ok(self.end_alone(caller, group, how).await?);
        }
        let lead = self.alone(group.clone()).await?;
        Ok(lead.inside(self.end_alone(caller, group, how)).await?)
    }

    async fn end_alone(&self, caller: Caller, group: &String, how: How) -> Result<(), StoreError> {
        if how == How::Soft {
            let changed = self.backing().change(caller, group, CODED, &softer);
            if changed.await? {
                return Ok(());
            }
        }
        // One that is not there is not put in memory: no entry has recorded it but such
        // as are missing already.
        if self.backing().is_memory() && matches!(self.generation(caller, group).await, Ok(None)) {
            return Ok(());
        }
        let new = entry(Generation::random()?);
        self.backing()
            .overwrite(caller, group.clone(), &new, CODED)
            .await
    }

    async fn generation(
        &self,
        caller: Caller,
        group: &String,
    ) -> Result<Option<Generation>, StoreError> {
        generation(self.find(caller, group, Some(CODED)).await)
    }
}

/// The generation that comes after this one, if what was there is stale.
fn softer(found: &Entry<AnyValue>) -> Result<Entry<AnyValue>, StoreError> {
    let known = found.value.downcast_ref::<Generation>().copied();
    let next = known.unwrap_or(Generation::UNKNOWN).next(How::Soft)?;
    Ok(entry(next))
}
