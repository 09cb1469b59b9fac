//! The files below a directory.

use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What is below a directory.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The regular files, by path.
    pub(crate) files: Vec<PathBuf>,
    /// The directories that could not be listed.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// What could not be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

impl Tree {
    /// Links are not followed, but for the directory itself.
    pub(crate) fn below(directory: &Path) -> Self {
        let (mut files, mut unreadable) = (Vec::new(), Vec::new());
        for found in WalkDir::new(directory) {
            match found {
                Ok(found) if found.file_type().is_file() => files.push(found.into_path()),
                Ok(_) => {}
                Err(error) => unreadable.push(Unreadable::from(error)),
            }
        }
        files.sort_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
        Tree { files, unreadable }
    }
}

impl From<walkdir::Error> for Unreadable {
    fn from(error: walkdir::Error) -> Self {
        let path = error.path().map(Path::to_owned).unwrap_or_default();
        let error = error.into_io_error();
        let error = error.expect("there are no loops where links are not followed");
        Unreadable { path, error }
    }
}
