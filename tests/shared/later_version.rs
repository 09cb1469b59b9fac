//! A later version of the envelope, as this one can meet it: it adds a field, and says
//! who may read it.

use mementos::Memoizer;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::testing::HeapBytes;

/// A field with a tag that this version does not know.
const FIELD: [u8; 10] = [0x34, 0x12, 4, 0, 0, 0, 1, 2, 3, 4];
/// Where this version's envelopes have their first field.
const FIELDS_AT: usize = 64;

/// What the later version writes for `key`, to be read by version `needs` and up.
pub(crate) fn written(key: &str, value: u32, needs: u8) -> Vec<u8> {
    let scratch = HeapBytes::new();
    let memo = Memoizer::new(Encoded::new(scratch.clone()));
    let _: u32 = memo.get(key, || value).unwrap();
    as_later(scratch.get(key).unwrap().unwrap(), needs)
}

/// What the later version writes in place of these bytes of this one.
pub(crate) fn as_later(mut bytes: Vec<u8>, needs: u8) -> Vec<u8> {
    bytes.splice(FIELDS_AT..FIELDS_AT, FIELD);
    bytes[4] = 2;
    bytes[5] = needs;
    bytes[8] += FIELD.len() as u8;
    set_checksum(&mut bytes);
    bytes
}

/// What the later version reads for `key`: what it wrote itself, and what this version
/// did.
///
/// # Panics
///
/// If it can read neither.
pub(crate) fn read(key: &str, bytes: &[u8]) -> u32 {
    let mut bytes = bytes.to_vec();
    if bytes[4] == 2 {
        let field = bytes.drain(FIELDS_AT..FIELDS_AT + FIELD.len());
        assert!(field.eq(FIELD));
        bytes[4] = 1;
        bytes[5] = 1;
        bytes[8] -= FIELD.len() as u8;
        set_checksum(&mut bytes);
    }
    let scratch = HeapBytes::new();
    scratch.put(key, &bytes, None).unwrap();
    let memo = Memoizer::new(Encoded::new(scratch));
    let unread = || -> u32 { panic!("it should have been read") };
    memo.get(key, unread).unwrap()
}

fn set_checksum(bytes: &mut [u8]) {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&bytes[..12]);
    sum.update(&bytes[16..]);
    let sum = sum.finalize().to_le_bytes();
    bytes[12..16].copy_from_slice(&sum);
}
