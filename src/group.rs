//! What results can be invalidated together by.

use std::fmt;
use std::sync::Arc;

/// A group of results that are invalidated together, by
/// [`Memoizer::invalidate`](crate::Memoizer::invalidate) or
/// [`make_stale`](crate::Memoizer::make_stale).
///
/// Tags and regions are told apart by the namespace in force, as keys are: the same
/// tag in another namespace is another group.
///
/// ```
/// use mementos::{Group, Memoizer, Options};
///
/// let memo = Memoizer::in_memory();
/// let tagged = Options::new().tags(["users"]);
/// memo.get_with("ann", &tagged, || 1)?;
/// memo.invalidate(Group::tag("users")).unwrap();
/// assert!(!memo.exists("ann").unwrap());
/// # Ok::<(), mementos::BuildError<std::convert::Infallible>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Group {
    /// The results with this tag, as [`Options::tags`](crate::Options::tags) says.
    Tag(Arc<str>),
    /// The results whose options came from this region. Its children are regions of
    /// their own.
    Region(Arc<str>),
    /// The results in the namespace in force: that of the memoizer's defaults, or of
    /// the handle that is asked. What is outside every namespace is a group of its own.
    Namespace,
    /// All results, in every namespace.
    All,
}

impl Group {
    /// The results with this tag.
    pub fn tag(name: impl Into<Arc<str>>) -> Self {
        Group::Tag(name.into())
    }

    /// The results whose options came from this region.
    pub fn region(name: impl Into<Arc<str>>) -> Self {
        Group::Region(name.into())
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Group::Tag(name) => write!(f, "the tag {name:?}"),
            Group::Region(name) => write!(f, "the region {name:?}"),
            Group::Namespace => f.write_str("the namespace"),
            Group::All => f.write_str("all results"),
        }
    }
}
