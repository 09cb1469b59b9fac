//! How an answer came about.

use std::fmt;

/// How the answer to a call came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Answered {
    /// From what is kept, and fresh.
    Hit,
    /// From what is kept and still fresh; it is being refreshed before it expires.
    Early,
    /// From what is kept and not fresh any more; it is being refreshed.
    Stale,
    /// From what is kept and not fresh any more, since a build has failed, or has taken
    /// too long: this one, or one so lately that it is too soon for another.
    Fallback,
    /// By another caller's build.
    Joined,
    /// By this call's own build.
    Built,
    /// By this call's own build, which said that what is kept holds.
    NotModified,
    /// By this call's own build, and the store has failed: it could not be read, or did
    /// not take the result.
    StoreFault,
}

impl Answered {
    /// Whether the answer is one that is not fresh any more.
    pub fn is_stale(self) -> bool {
        matches!(self, Answered::Stale | Answered::Fallback)
    }

    pub(crate) fn number(self) -> u64 {
        self as u64
    }

    pub(crate) fn numbered(number: u64) -> Self {
        const ALL: [Answered; 8] = [
            Answered::Hit,
            Answered::Early,
            Answered::Stale,
            Answered::Fallback,
            Answered::Joined,
            Answered::Built,
            Answered::NotModified,
            Answered::StoreFault,
        ];
        ALL[number as usize]
    }

    /// A name for it, as a metric would have.
    pub fn name(self) -> &'static str {
        match self {
            Answered::Hit => "hit",
            Answered::Early => "early",
            Answered::Stale => "stale",
            Answered::Fallback => "fallback",
            Answered::Joined => "joined",
            Answered::Built => "built",
            Answered::NotModified => "not_modified",
            Answered::StoreFault => "store_fault",
        }
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An answer, and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detailed<V> {
    /// The answer.
    pub value: V,
    /// How it came about.
    pub how: Answered,
}
