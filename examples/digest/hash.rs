//! The digest of one file, kept as long as the file looks the same.

use mementos::{Etag, memoize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// What a file's content comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digest {
    sha256: [u8; 32],
    pub(crate) bytes: u64,
}

/// Reads a file to its end.
#[memoize(etag = |path: &Path| look(path))]
pub(crate) fn digest(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut sha256 = Sha256::new();
    let mut bytes = 0;
    let mut buffer = [0; 64 * 1024];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sha256.update(&buffer[..read]);
        bytes += read as u64;
    }
    let sha256 = sha256.finalize().into();
    Ok(Digest { sha256, bytes })
}

/// What a file looks like from outside: its size and the time of its last change.
/// They are taken before the file is read, so one that changes meanwhile looks
/// different the next time.
///
/// No etag at all would be no check, and would answer for a file that is gone: so
/// one that cannot be looked at has the etag of that.
fn look(path: &Path) -> Etag {
    let looks = fs::metadata(path).and_then(|facts| Ok((facts.len(), facts.modified()?)));
    match looks {
        Ok(looks) => Etag::hash_of(&looks),
        Err(error) => Etag::new(error),
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sha256
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
