use crate::store::StoreError;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is wrong with a store's file, which file that is, and what to do about it.
/// It is the [`source`](Error::source) of the [`StoreError`] that a caller gets.
#[derive(Clone, Debug)]
pub struct DiskError(Arc<Told>);

#[derive(Debug)]
struct Told {
    path: PathBuf,
    fault: DiskFault,
    detail: String,
}

/// The kinds of things that go wrong with a store's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiskFault {
    /// It has been changed by something else, or the disk lost a part of it.
    Damaged,
    /// It is not a store's, or it was written in a later layout.
    Foreign,
    /// It cannot be opened or made there.
    Unreachable,
    /// Another process has it for itself, or is taking too long.
    Busy,
    /// The value or its key is larger than the file can hold.
    TooLarge,
    /// The system failed to read or write it.
    Failed,
}

impl DiskError {
    pub(super) fn new(path: &Path, fault: DiskFault, detail: impl fmt::Display) -> Self {
        DiskError(Arc::new(Told {
            path: path.to_owned(),
            fault,
            detail: detail.to_string(),
        }))
    }

    /// What the error of the file's library means.
    pub(super) fn of(path: &Path, error: redb::Error) -> Self {
        Self::new(path, fault_of(&error), error)
    }

    /// What kind of thing went wrong.
    pub fn fault(&self) -> DiskFault {
        self.0.fault
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub(super) fn while_doing(self, did: &'static str) -> StoreError {
        StoreError::new(did, self)
    }
}

fn fault_of(error: &redb::Error) -> DiskFault {
    use redb::Error as E;
    match error {
        E::DatabaseAlreadyOpen
        | E::LockProtocolMismatch
        | E::WouldBlock
        | E::TransactionInProgress => DiskFault::Busy,
        E::UpgradeRequired(_) => DiskFault::Foreign,
        // What does not begin as such a file does.
        E::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => DiskFault::Foreign,
        // A file that ends before its own header says so.
        E::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => DiskFault::Damaged,
        E::Io(_) | E::Backend(_) | E::Unsupported | E::PreviousIo | E::DatabaseClosed => {
            DiskFault::Failed
        }
        E::ValueTooLarge(_) => DiskFault::TooLarge,
        _ => DiskFault::Damaged,
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told {
            path,
            fault,
            detail,
        } = &*self.0;
        let (is, remedy) = match fault {
            DiskFault::Damaged => (
                "is damaged",
                "delete it, or open it with IfDamaged::MoveAside",
            ),
            DiskFault::Foreign => (
                "is not a store's file, or its beginning is damaged",
                "choose another path, or open it with IfDamaged::MoveAside",
            ),
            DiskFault::Unreachable => (
                "cannot be opened",
                "choose a path in a directory that exists and that this process may write to",
            ),
            DiskFault::Busy => (
                "is in use elsewhere",
                "try again, or look for a process that has it for itself",
            ),
            DiskFault::TooLarge => ("does not hold values of this size", "keep smaller ones"),
            DiskFault::Failed => (
                "could not be read or written",
                "look for a full or failing disk; the store opens it again by itself",
            ),
        };
        write!(f, "{} {is} ({detail}); {remedy}", path.display())
    }
}

impl Error for DiskError {}
