//! Generations: what tells whether a group of entries has been invalidated.
//!
//! A group's generation is held where its entries are. Each entry records those of
//! its groups, as they were read before it was built; whoever reads the entry
//! compares them with those that are there now. To invalidate a group is to put
//! another generation in place. Nothing is counted and no time is told, so it does
//! not matter whose clock is right, or what was forgotten in between: numbers that
//! were drawn once are not drawn again.

use crate::etag::Etag;
use crate::store::StoreError;
use std::sync::Arc;

/// The generation of a group: two numbers, drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation {
    /// Entries with another one are not there.
    pub(crate) hard: u64,
    /// Entries with another one are stale.
    pub(crate) soft: u64,
}

/// A group that an entry is in, and its generation before the entry was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// The key of the group's generation.
    pub(crate) group: Arc<String>,
    pub(crate) generation: Generation,
}

/// How an entry stands in its groups. The worse is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// None of them has been invalidated since.
    Holds,
    /// One has been made stale.
    Stale,
    /// One has been invalidated, or it is not known whether.
    Gone,
}

/// What is done to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// What is in it is not there any more.
    Hard,
    /// What is in it is stale.
    Soft,
}

impl Generation {
    /// One that could not be read. What records it is not there for anybody.
    pub(crate) const UNKNOWN: Generation = Generation { hard: 0, soft: 0 };

    /// A new one.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub(crate) fn random() -> Result<Self, StoreError> {
        Ok(Generation {
            hard: random()?,
            soft: random()?,
        })
    }

    /// What comes after this one.
    pub(crate) fn next(self, how: How) -> Result<Self, StoreError> {
        let next = Generation::random()?;
        Ok(match how {
            How::Hard => next,
            How::Soft => Generation {
                hard: self.hard,
                ..next
            },
        })
    }

    /// How an entry stands that has recorded `then`, where this is the generation now.
    pub(crate) fn since(self, then: Generation) -> Standing {
        if self.hard != then.hard || then == Generation::UNKNOWN {
            Standing::Gone
        } else if self.soft != then.soft {
            Standing::Stale
        } else {
            Standing::Holds
        }
    }
}

/// A number other than the one that stands for none.
fn random() -> Result<u64, StoreError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::new("drawing a generation", error.to_string()))?;
    Ok(u64::from_le_bytes(bytes).max(1))
}

/// What an entry says of its make, beside its dates. Most say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) etag: Option<Etag>,
    pub(crate) groups: Box<[Recorded]>,
    /// For how long it is stale after it has expired, in nanoseconds: a length and not a
    /// moment, so that whoever gives it another expiry need not know of it.
    pub(crate) stale: u64,
    /// Whether its build has said that there is nothing.
    pub(crate) is_negative: bool,
}

impl Marks {
    /// The marks of an entry with this etag, these groups and this stale period, if it has
    /// any.
    #[inline]
    pub(crate) fn of(etag: Option<Etag>, groups: Vec<Recorded>, stale: u64) -> Option<Arc<Marks>> {
        let says = etag.is_some() || !groups.is_empty() || stale != 0;
        says.then(|| {
            let groups = groups.into();
            Arc::new(Marks {
                etag,
                groups,
                stale,
                is_negative: false,
            })
        })
    }

    /// The same of an entry whose build has said that there is nothing.
    pub(crate) fn negative(marks: Option<Arc<Marks>>) -> Option<Arc<Marks>> {
        let mut marks = marks.unwrap_or_default();
        Arc::make_mut(&mut marks).is_negative = true;
        Some(marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_generation_is_another_for_good() {
        let first = Generation::random().unwrap();
        assert_eq!(first.since(first), Standing::Holds);
        let soft = first.next(How::Soft).unwrap();
        assert_eq!(soft.since(first), Standing::Stale);
        let hard = soft.next(How::Hard).unwrap();
        assert_eq!(hard.since(first), Standing::Gone);
        assert_eq!(hard.since(soft), Standing::Gone);
    }

    #[test]
    fn what_could_not_be_read_is_never_good() {
        let unknown = Generation::UNKNOWN;
        assert_eq!(unknown.since(unknown), Standing::Gone);
        assert_eq!(Generation::random().unwrap().since(unknown), Standing::Gone);
    }
}
