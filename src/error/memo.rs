use super::{Circle, RegionError};
use crate::group::Group;
use crate::store::StoreError;
use std::error::Error;
use std::fmt;

/// Why a memoizer could not do what it was asked to do with a key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MemoError {
    /// The options name a region that there is not.
    Region(RegionError),
    /// The store failed.
    Store(StoreError),
    /// It was asked by the build of that very key, or by one that such a build
    /// waits for.
    Circle(Circle),
    /// It was asked to invalidate a group that results are not in.
    Ungrouped(Group),
}

impl fmt::Display for MemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoError::Region(error) => write!(f, "{error}"),
            MemoError::Store(error) => write!(f, "{error}"),
            MemoError::Circle(circle) => write!(
                f,
                "this would wait for builds that wait for it: {circle}; do it after the build"
            ),
            MemoError::Ungrouped(group) => write!(
                f,
                "{group} cannot be invalidated, as results are kept in no group but those of \
                 their tags; say `.grouped(true)` in the options that they are kept by, and \
                 clear the store once"
            ),
        }
    }
}

impl Error for MemoError {}

impl From<RegionError> for MemoError {
    fn from(error: RegionError) -> Self {
        MemoError::Region(error)
    }
}

impl From<StoreError> for MemoError {
    fn from(error: StoreError) -> Self {
        MemoError::Store(error)
    }
}
