//! Whatever bytes a store returns are a value or a miss, and never a panic.
//!
//! ```text
//! cargo install cargo-fuzz
//! cargo +nightly fuzz run envelope fuzz/corpus/envelope src/store/bytes/golden -- -max_total_time=60
//! ```

#![no_main]

use libfuzzer_sys::fuzz_target;
use mementos::Memoizer;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::testing::HeapBytes;

const KEY: &str = "key";

fn ask(memo: &Memoizer) -> Vec<String> {
    let built = memo.get(KEY, || vec!["built".to_owned()]);
    built.expect("whatever is wrong with the bytes is a miss")
}

/// The input under the magic, schema, key check and checksum that are right for the
/// key: without them hardly an input is looked at any further.
fn mended(input: &[u8], right: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = input.to_vec();
    bytes.get_mut(..64)?;
    bytes[..4].copy_from_slice(&right[..4]);
    bytes[16..40].copy_from_slice(&right[16..40]);
    let mut sum = crc32fast::Hasher::new();
    sum.update(&bytes[..12]);
    sum.update(&bytes[16..]);
    bytes[12..16].copy_from_slice(&sum.finalize().to_le_bytes());
    Some(bytes)
}

fuzz_target!(|input: &[u8]| {
    let heap = HeapBytes::new();
    let memo = Memoizer::new(Encoded::new(heap.clone()));
    ask(&memo);
    let right = heap.get(KEY).unwrap().expect("it was just kept");
    let inputs = [Some(input.to_vec()), mended(input, &right)];
    for bytes in inputs.into_iter().flatten() {
        heap.put(KEY, &bytes, None).unwrap();
        ask(&memo);
    }
});
