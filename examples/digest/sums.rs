//! Lines as `sha256sum` writes them, so that `sha256sum -c` can check them.

use crate::hash::Digest;
use std::io::{self, Write};
use std::path::PathBuf;

/// Writes a line for each file.
pub(crate) fn write(mut to: impl Write, digests: &[(PathBuf, Digest)]) -> io::Result<()> {
    for (path, digest) in digests {
        let name = path.as_os_str().as_encoded_bytes();
        // What would break the line is escaped, and the line says so first.
        let escaped = escaped(name);
        let mark = if escaped.is_some() { "\\" } else { "" };
        write!(to, "{mark}{digest}  ")?;
        to.write_all(escaped.as_deref().unwrap_or(name))?;
        to.write_all(b"\n")?;
    }
    to.flush()
}

/// As the GNU coreutils do it, from version 9 on.
fn escaped(name: &[u8]) -> Option<Vec<u8>> {
    const BREAKS: [(u8, u8); 3] = [(b'\\', b'\\'), (b'\n', b'n'), (b'\r', b'r')];
    let sign = |byte: u8| BREAKS.iter().find(|(breaks, _)| *breaks == byte);
    name.iter().find_map(|byte| sign(*byte))?;
    let escape = |byte: &u8| match sign(*byte) {
        Some((_, sign)) => vec![b'\\', *sign],
        None => vec![*byte],
    };
    Some(name.iter().flat_map(escape).collect())
}
