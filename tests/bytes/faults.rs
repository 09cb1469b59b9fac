//! Whatever is wrong with the bytes is a miss; a broken store breaks no caller.

use crate::support::*;
use mementos::store::StoreError;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::testing::{ChaosStore, Faults, HeapBytes};
use mementos::{Memoizer, Options};
use std::time::SystemTime;

/// A million in a soak.
fn mutations() -> u64 {
    match std::env::var_os("MEMENTOS_SOAK") {
        Some(_) => 1_000_000,
        None => 100_000,
    }
}

/// Deterministic, so that a failure can be had again.
fn random(n: &mut u64) -> usize {
    *n = n
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*n >> 33) as usize
}

fn mutated(bytes: &[u8], dice: &mut u64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match random(dice) % 4 {
        0 => bytes.truncate(random(dice) % bytes.len()),
        1 => {
            let at = random(dice) % bytes.len();
            bytes[at] ^= 1 << (random(dice) % 8);
        }
        2 => {
            // A length that claims four gigabytes.
            let at = random(dice) % (bytes.len() - 4);
            bytes[at..at + 4].copy_from_slice(&[0xff; 4]);
        }
        _ => {
            let at = random(dice) % bytes.len();
            bytes.insert(at, random(dice) as u8);
        }
    }
    bytes
}

#[test]
fn mutated_bytes_are_misses_and_take_no_memory() {
    let (memo, heap) = over_heap();
    let value = || vec!["one".to_owned(), "two".to_owned()];
    let etag = Options::new().etag("etag");
    memo.get_with("key", &etag, value).unwrap();
    let whole = heap.get("key").unwrap().unwrap();
    let (mut dice, mut faults) = (1, 0);
    let most = allocation_counter::measure(|| {
        for _ in 0..mutations() {
            let bytes = mutated(&whole, &mut dice);
            if bytes == whole {
                continue;
            }
            faults += 1;
            heap.put("key", &bytes, None).unwrap();
            assert!(!memo.exists("key").unwrap());
            let got: Vec<String> = memo.get_with("key", &etag, value).unwrap();
            assert_eq!(got, value());
        }
    });
    let counted = memo.stats().store_faults;
    assert!(counted >= faults, "{counted} of {faults}");
    assert!(most.bytes_max < 1 << 20, "{most:?}");
}

#[test]
fn payloads_that_lie_under_a_right_checksum_are_misses() {
    // MessagePack that claims four gigabytes: of items, of text, of bytes.
    let lies: [&[u8]; 4] = [
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff\xa1a",
    ];
    let (memo, heap) = over_heap();
    memo.get("key", || vec!["a".to_owned()]).unwrap();
    let whole = heap.get("key").unwrap().unwrap();
    let header = u32::from_le_bytes(*whole[8..].first_chunk().unwrap()) as usize;
    for lie in lies {
        let mut bytes = whole[..header].to_vec();
        bytes[60..64].copy_from_slice(&(lie.len() as u32).to_le_bytes());
        bytes.extend(lie);
        let mut sum = crc32fast::Hasher::new();
        sum.update(&bytes[..12]);
        sum.update(&bytes[16..]);
        let sum = sum.finalize().to_le_bytes();
        bytes[12..16].copy_from_slice(&sum);
        heap.put("key", &bytes, None).unwrap();
        let most = allocation_counter::measure(|| {
            let got = memo.get("key", || vec!["b".to_owned()]).unwrap();
            assert_eq!(got, ["b"]);
        });
        assert!(most.bytes_max < 1 << 22, "{most:?}");
    }
}

#[test]
fn an_entry_under_another_key_is_not_taken_for_its_own() {
    let (memo, heap) = over_heap();
    memo.get("a", || 1_u32).unwrap();
    let bytes = heap.get("a").unwrap().unwrap();
    heap.put("b", &bytes, None).unwrap();
    assert_eq!(memo.get("b", || 2_u32).unwrap(), 2);
    assert_eq!(memo.stats().store_faults, 1);
}

#[test]
fn a_store_that_fails_half_the_time_breaks_no_caller() {
    let faults = Faults {
        errors: 0.3,
        lost_replies: 0.2,
        truncations: 0.2,
        flips: 0.2,
        ..Faults::NONE
    };
    for seed in 0..10 {
        let chaos = ChaosStore::new(HeapBytes::new(), faults, seed);
        let memo = Memoizer::new(Encoded::new(chaos));
        for round in 0..200_u32 {
            let key = round % 10;
            assert_eq!(memo.get(&key.to_string(), || key).unwrap(), key);
        }
        assert!(memo.stats().store_faults > 0);
    }
}

#[test]
fn a_delete_that_fails_says_so() {
    let faults = Faults {
        errors: 1.0,
        ..Faults::NONE
    };
    let chaos = ChaosStore::new(HeapBytes::new(), faults, 1);
    let memo = Memoizer::new(Encoded::new(chaos));
    assert!(memo.delete("key").is_err());
    assert!(memo.expire_at("key", SystemTime::now()).is_err());
    assert!(memo.clear().is_err());
}

/// Who is told that a delete has failed may find the old value, and nobody else.
#[test]
fn after_a_delete_that_worked_chaos_brings_nothing_old_back() {
    let faults = Faults {
        errors: 0.3,
        lost_replies: 0.3,
        ..Faults::NONE
    };
    let heap = HeapBytes::new();
    let memo = Memoizer::new(Encoded::new(ChaosStore::new(heap, faults, 3)));
    for round in 0..2_000_u32 {
        let built = memo.get("key", || round).unwrap();
        assert!(built <= round);
        if memo.delete("key").is_ok() {
            let next = round + 1_000_000;
            let got: u32 = memo.get("key", || next).unwrap();
            assert_eq!(got, next);
            while memo.delete("key").is_err() {}
        }
    }
}

/// Answers with fewer values than it is asked for.
struct Short(HeapBytes);

impl ByteStore for Short {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.0.get_many(&keys[1..])
    }

    fn put(&self, key: &str, bytes: &[u8], at: Option<SystemTime>) -> Result<(), StoreError> {
        self.0.put(key, bytes, at)
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.0.delete(key)
    }
}

#[test]
fn a_store_that_answers_for_fewer_keys_is_a_miss() {
    let memo = Memoizer::new(Encoded::new(Short(HeapBytes::new())));
    let tagged = Options::new().tags(["t"]);
    for n in 0..2 {
        let all = memo.get_many(&["a", "b"], Options::new(), |missing| {
            vec![n; missing.len()]
        });
        assert_eq!(all.unwrap(), [0, 0], "the second look is at one key alone");
        assert_eq!(memo.get_with("c", &tagged, || n).unwrap(), n);
    }
    assert!(memo.stats().store_faults > 0);
}
