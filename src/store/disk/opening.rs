use super::backoff::Backoff;
use super::beginning::begin;
use super::file::guarded;
use super::tables;
use super::{Check, DiskError, DiskFault, DiskOptions, IfDamaged};
use redb::{ConcurrencyMode, Database};
use std::fmt::Display;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many files are moved aside before it is given up: each that is begun anew is
/// found damaged too.
const MOVES: usize = 3;

/// Opens the file, or begins it. One that another has for itself just now, to open it
/// or to move it aside, is waited for.
pub(super) fn open(options: &DiskOptions) -> Result<Database, DiskError> {
    let mut tries = tries(options);
    loop {
        match open_or_begin(options) {
            Err(error) if error.fault() == DiskFault::Busy && tries.pause() => {}
            outcome => return outcome,
        }
    }
}

/// Moves the file aside first if it is damaged and that is wanted.
fn open_or_begin(options: &DiskOptions) -> Result<Database, DiskError> {
    for _ in 0..MOVES {
        // Before the look at it: what is moved must be what was looked at.
        let looked_at = File::open(&options.path).ok();
        match (open_as_it_is(options), looked_at) {
            (Err(error), Some(file)) if is_moved(options, &error) => {
                move_aside(options, &file, &error)?;
            }
            (outcome, _) => return outcome,
        }
    }
    open_as_it_is(options)
}

fn is_moved(options: &DiskOptions, error: &DiskError) -> bool {
    options.if_damaged == IfDamaged::MoveAside
        && matches!(error.fault(), DiskFault::Damaged | DiskFault::Foreign)
}

fn open_as_it_is(options: &DiskOptions) -> Result<Database, DiskError> {
    let path = &options.path;
    begin(options)?;
    let opened = guarded(|| {
        let db = Database::builder()
            .set_cache_size(options.cache)
            .set_concurrency_mode(ConcurrencyMode::MultiWriter)
            .set_check_integrity_on_open(options.check == Check::Whole)
            .open(path)?;
        let ours = tables::lay_out(&db)?;
        Ok((db, ours))
    });
    match opened {
        Ok((db, tables::Ours::Yes)) => Ok(db),
        Ok((_, tables::Ours::No(what))) => Err(DiskError::new(path, DiskFault::Foreign, what)),
        Err(error) => Err(DiskError::of(path, error)),
    }
}

/// Whether there is a file or room for one: so that what fails afterwards is the
/// file's own fault.
pub(super) fn reach(path: &Path) -> Result<File, DiskError> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| DiskError::new(path, DiskFault::Unreachable, error))
}

/// Two processes may find the damage at once. Each locks the file that it looked at;
/// the second then sees that another one is at its place, and leaves that alone.
fn move_aside(options: &DiskOptions, file: &File, found: &DiskError) -> Result<(), DiskError> {
    let path = &options.path;
    lock(options, file, found)?;
    if !is_at(file, path) {
        return Ok(());
    }
    fs::rename(path, free_name(path)).map_err(|error| {
        let detail = format!("{found}; and moving it aside failed: {error}");
        DiskError::new(path, DiskFault::Unreachable, detail)
    })
}

/// The lock on the whole file is refused as long as any process has the file open,
/// and one that works with it should not have it moved away.
#[expect(
    clippy::incompatible_msrv,
    reason = "the feature asks for more than the crate does"
)]
pub(super) fn lock(
    options: &DiskOptions,
    file: &File,
    found: &impl Display,
) -> Result<(), DiskError> {
    let mut tries = tries(options);
    while file.try_lock().is_err() {
        if !tries.pause() {
            let detail = format!("{found}; others have it open");
            return Err(DiskError::new(&options.path, DiskFault::Busy, detail));
        }
    }
    Ok(())
}

/// As long as one is willing to wait for others.
fn tries(options: &DiskOptions) -> Backoff {
    let (first, longest) = (Duration::from_millis(1), Duration::from_millis(50));
    Backoff::new(first, longest, options.wait)
}

#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(file), Ok(at)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    (file.dev(), file.ino()) == (at.dev(), at.ino())
}

/// Elsewhere a file that is open and locked cannot be renamed in between.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn free_name(path: &Path) -> PathBuf {
    let numbered = |n: u32| with_suffix(path, &format!(".damaged-{n}"));
    let taken = |name: &PathBuf| fs::symlink_metadata(name).is_ok();
    (1..u32::MAX)
        .map(numbered)
        .find(|name| !taken(name))
        .unwrap_or_else(|| numbered(u32::MAX))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
