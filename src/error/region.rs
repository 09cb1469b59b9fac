use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A name that the regions of a memoizer have no place for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegionError {
    /// There is no such region.
    Unknown {
        /// The name that was given.
        region: Arc<str>,
        /// The regions that there are.
        known: Vec<Arc<str>>,
    },
    /// A region's parent is no region.
    UnknownParent {
        /// The region.
        region: Arc<str>,
        /// What it names as its parent.
        parent: Arc<str>,
        /// The regions that there are.
        known: Vec<Arc<str>>,
    },
    /// The parents of a region lead back to it.
    Circle {
        /// The regions on the circle, each once, and each the child of the next.
        regions: Vec<Arc<str>>,
        /// The regions that there are.
        known: Vec<Arc<str>>,
    },
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match self {
            RegionError::Unknown { region, known } => {
                write!(f, "there is no region {region:?}")?;
                known
            }
            RegionError::UnknownParent {
                region,
                parent,
                known,
            } => {
                write!(
                    f,
                    "the region {region:?} has the parent {parent:?}, which is no region"
                )?;
                known
            }
            RegionError::Circle { regions, known } => {
                f.write_str("these regions are each other's parents: ")?;
                for region in regions {
                    write!(f, "{region:?} -> ")?;
                }
                write!(f, "{:?}", regions[0])?;
                known
            }
        };
        match known.as_slice() {
            [] => f.write_str("; no region is known: add one with `region`"),
            known => write!(f, "; the regions are {known:?}"),
        }
    }
}

impl Error for RegionError {}
