//! Processes of this version and of later ones share a store.

use crate::later_version::{as_later, read, written};
use crate::support::*;
use mementos::store::Tiered;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::testing::HeapBytes;
use mementos::{Group, Memoizer, Options};

/// Has a later version write what this one would.
fn written_by_version_2(heap: &HeapBytes, key: &str, value: u32, needs: u8) -> Vec<u8> {
    let bytes = written(key, value, needs);
    heap.put(key, &bytes, None).unwrap();
    bytes
}

#[test]
fn a_later_version_that_adds_a_field_is_read() {
    let (memo, heap) = over_heap();
    let bytes = written_by_version_2(&heap, "key", 7, 1);
    let found: u32 = memo.get("key", kept::<u32>).unwrap();
    assert_eq!(found, 7);
    assert_eq!(
        heap.get("key").unwrap().unwrap(),
        bytes,
        "it is left as it is"
    );
    assert_eq!(memo.stats().store_faults, 0);
}

#[test]
fn one_that_is_for_its_like_alone_is_a_miss_and_stays() {
    let (memo, heap) = over_heap();
    let bytes = written_by_version_2(&heap, "key", 7, 2);
    assert_eq!(memo.get("key", || 8_u32).unwrap(), 8);
    assert_eq!(heap.get("key").unwrap().unwrap(), bytes);
    assert!(!memo.exists("key").unwrap());
    assert!(memo.delete("key").unwrap(), "a delete is a delete");
    assert_eq!(memo.get("key", || 9_u32).unwrap(), 9);
    let found: u32 = memo.get("key", kept::<u32>).unwrap();
    assert_eq!(found, 9);
}

#[test]
fn versions_share_a_store_for_ten_thousand_operations() {
    let (memo, heap) = over_heap();
    for n in 0..10_000_u32 {
        let key = (n % 100).to_string();
        match n % 4 {
            0 => _ = written_by_version_2(&heap, &key, n, 1),
            1 => {
                let bytes = written_by_version_2(&heap, &key, n, 2);
                assert_eq!(memo.get(&key, || n + 1).unwrap(), n + 1);
                assert_eq!(heap.get(&key).unwrap().unwrap(), bytes);
                memo.delete(&key).unwrap();
            }
            _ => {
                let kept: u32 = memo.get(&key, || n).unwrap();
                assert!(kept <= n);
                assert_eq!(read(&key, &heap.get(&key).unwrap().unwrap()), kept);
            }
        }
    }
    assert_eq!(memo.stats().store_faults, 0);
}

/// To invalidate is to replace a generation, whoever keeps it: what is in the group is
/// invalidated for the later version too.
#[test]
fn a_generation_that_is_for_a_later_version_is_replaced_by_an_invalidation() {
    let heap = HeapBytes::new();
    let near = Memoizer::new(Tiered::new(Encoded::new(heap.clone())));
    for memo in [another(&heap), near] {
        let tagged = Options::new().tags(["t"]);
        let get = |value: u32| memo.get_with("key", &tagged, || value).unwrap();
        assert_eq!(get(1), 1);
        let generation = heap.get("@tag:t").unwrap().unwrap();
        let later = as_later(generation, 2);
        heap.put("@tag:t", &later, None).unwrap();
        assert_eq!(get(2), 2, "it cannot be told whether the result is good");
        assert_eq!(heap.get("@tag:t").unwrap().unwrap(), later, "it stays");
        memo.invalidate(Group::tag("t")).unwrap();
        assert_ne!(heap.get("@tag:t").unwrap().unwrap(), later);
        assert_eq!((get(3), get(4)), (3, 3));
        memo.clear().unwrap();
    }
}

/// A refresh means this key, so it replaces whatever is there.
#[test]
fn a_refresh_replaces_what_is_for_a_later_version_alone() {
    let heap = HeapBytes::new();
    let near = Memoizer::new(Tiered::new(Encoded::new(heap.clone())));
    for memo in [another(&heap), near] {
        assert_eq!(memo.get::<u32, _>("key", || 1).unwrap(), 1);
        let later = as_later(heap.get("key").unwrap().unwrap(), 2);
        memo.clear().unwrap();
        heap.put("key", &later, None).unwrap();
        assert!(memo.entry::<u32>("key").unwrap().is_none());
        assert_eq!(memo.get::<u32, _>("key", || 2).unwrap(), 2);
        assert_eq!(heap.get("key").unwrap().unwrap(), later, "it stays");
        // What this finds there marks it again.
        _ = memo.entry::<u32>("key").unwrap();
        assert_eq!(memo.refresh::<u32, _>("key", || 3).unwrap(), 3);
        assert_eq!(memo.get::<u32, _>("key", || 4).unwrap(), 3);
        memo.clear().unwrap();
    }
}
