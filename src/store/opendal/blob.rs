//! What is kept under a path: when it expires, in nanoseconds since 1970 (8 bytes,
//! little-endian; all ones: never), and the bytes.

use crate::clock::Stamp;
use std::time::SystemTime;

/// How many bytes tell the expiry.
pub(super) const HEAD: usize = 8;

pub(super) fn blob(bytes: &[u8], expires: Option<SystemTime>) -> Vec<u8> {
    let expires = expires.map_or(Stamp::NEVER, Stamp::from);
    let mut blob = Vec::with_capacity(HEAD + bytes.len());
    blob.extend(expires.nanos().to_le_bytes());
    blob.extend(bytes);
    blob
}

/// The expiry, unless there are too few bytes to tell.
pub(super) fn expiry_of(blob: &[u8]) -> Option<Stamp> {
    let head = blob.first_chunk()?;
    Some(Stamp::from_nanos(u64::from_le_bytes(*head)))
}

/// The bytes alone, unless there are too few.
pub(super) fn bytes_of(mut blob: Vec<u8>) -> Option<Vec<u8>> {
    if blob.len() < HEAD {
        return None;
    }
    blob.drain(..HEAD);
    Some(blob)
}
