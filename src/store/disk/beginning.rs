//! How a new file comes to its place.
//!
//! The library writes the beginning of a file in several steps, and takes one that was
//! left between two of them for damage. So a file is begun beside its place, and moved
//! there when it is whole: one who is killed meanwhile leaves nothing in anyone's way.

use super::file::guarded;
use super::opening::{is_at, lock, reach, with_suffix};
use super::tables;
use super::{DiskError, DiskFault, DiskOptions};
use redb::Database;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Sees to it that there is a file that has been begun. One process does that at a time,
/// by the lock on the empty file whose place it takes.
pub(super) fn begin(options: &DiskOptions) -> Result<(), DiskError> {
    let path = &options.path;
    let unreachable = |error| DiskError::new(path, DiskFault::Unreachable, error);
    loop {
        let file = reach(path)?;
        let is_empty = || file.metadata().map(|about| about.len() == 0);
        if !is_empty().map_err(unreachable)? {
            return Ok(());
        }
        lock(options, &file, &"it is empty, and being begun")?;
        if is_at(&file, path) && is_empty().map_err(unreachable)? {
            return begin_beside(path, &file);
        }
    }
}

fn begin_beside(path: &Path, file: &File) -> Result<(), DiskError> {
    let unreachable = |error| DiskError::new(path, DiskFault::Unreachable, error);
    // A link stays, and leads to the new file.
    let place = fs::canonicalize(path).map_err(unreachable)?;
    let beside = with_suffix(&place, ".begun");
    remove(&beside).map_err(unreachable)?;
    let begun = guarded(|| {
        tables::lay_out(&Database::create(&beside)?)?;
        Ok(())
    });
    begun.map_err(|error| DiskError::of(path, error))?;
    let moved = || -> io::Result<()> {
        fs::set_permissions(&beside, file.metadata()?.permissions())?;
        fs::rename(&beside, &place)?;
        sync_folder(&place)
    };
    moved().map_err(unreachable)
}

/// What somebody has begun who did not come to the end of it.
fn remove(beside: &Path) -> io::Result<()> {
    match fs::remove_file(beside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// What is put into the file is acknowledged, so the file's name must not be lost either.
#[cfg(unix)]
fn sync_folder(place: &Path) -> io::Result<()> {
    place
        .parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Elsewhere a folder cannot be opened.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
