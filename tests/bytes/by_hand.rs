use crate::support::*;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::testing::HeapBytes;
use mementos::{BuildError, Codec, Etag, Memoizer, Options};
use serde::{Deserialize, Serialize};
use std::cell::Cell;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    age: u32,
}

fn user() -> User {
    User {
        name: "Ada".to_owned(),
        age: 36,
    }
}

#[test]
fn another_process_finds_the_result() {
    let (memo, heap) = over_heap();
    assert_eq!(memo.get("key", || 7_u32).unwrap(), 7);
    let found: u32 = another(&heap).get("key", kept::<u32>).unwrap();
    assert_eq!(found, 7);
}

#[test]
fn every_codec_brings_back_what_was_kept() {
    for codec in [Codec::MessagePack, Codec::Json, Codec::Postcard] {
        let heap = HeapBytes::new();
        let memo = || {
            let store = Encoded::new(heap.clone()).codec(codec).knows::<User>();
            Memoizer::new(store).defaults(Options::new().schema(1))
        };
        memo().get("key", user).unwrap();
        let again = memo().get("key", kept::<User>).unwrap();
        assert_eq!(again, user(), "{codec:?}");
    }
}

#[test]
fn a_value_in_one_codec_is_read_by_who_writes_another() {
    let heap = HeapBytes::new();
    let json = Encoded::new(heap.clone()).codec(Codec::Json);
    Memoizer::new(json).get("key", || 7_u32).unwrap();
    let found: u32 = another(&heap).get("key", kept::<u32>).unwrap();
    assert_eq!(found, 7);
}

#[test]
fn large_values_are_compressed_and_small_ones_are_not() {
    let heap = HeapBytes::new();
    let memo = || Memoizer::new(Encoded::new(heap.clone()).compress_over(1000));
    let text = "again and again ".repeat(1000);
    memo().get("long", || text.clone()).unwrap();
    memo().get("short", || "short".to_owned()).unwrap();
    let bytes = |key: &str| heap.get(key).unwrap().unwrap();
    assert!(bytes("long").len() < 1000);
    assert!(bytes("short").ends_with(b"short"));
    let again: String = memo().get("long", kept::<String>).unwrap();
    assert_eq!(again, text);
}

#[test]
fn an_unknown_type_is_refused_with_the_remedy() {
    let (memo, heap) = over_heap();
    let memo = memo.region("disk", Options::new());
    let error = memo
        .get_with("key", Options::new().region("disk"), user)
        .unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, BuildError::Uncodable(_)));
    for part in ["User", "\"disk\"", "Encoded::knows"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(heap.is_empty());
}

#[test]
fn postcard_without_a_schema_is_refused_with_the_remedy() {
    let memo = Memoizer::new(Encoded::new(HeapBytes::new()).codec(Codec::Postcard));
    let error = memo.get("key", || 1_u32).unwrap_err();
    assert!(error.to_string().contains("`schema`"), "{error}");
}

#[test]
fn another_schema_is_a_miss() {
    let (memo, _) = over_heap();
    let of = |number| Options::new().schema(number);
    memo.get_with("key", of(1), || 1_u32).unwrap();
    assert_eq!(memo.get_with("key", of(2), || 2_u32).unwrap(), 2);
    assert_eq!(memo.stats().store_faults, 1);
}

#[test]
fn another_type_is_a_counted_miss_that_is_overwritten() {
    let (memo, _) = over_heap();
    memo.get("key", || 7_u32).unwrap();
    let text: String = memo.get("key", || "seven".to_owned()).unwrap();
    assert_eq!(text, "seven");
    let again: String = memo.get("key", kept::<String>).unwrap();
    assert_eq!(again, "seven");
    assert_eq!(memo.stats().store_faults, 1);
}

#[test]
fn ages_and_expiries_hold() {
    let (memo, heap, clock) = with_clock();
    let minute = Options::new().max_age(secs(60));
    let builds = Cell::new(0_u32);
    let get = || {
        memo.get_with("key", &minute, || builds.replace(builds.get() + 1))
            .unwrap()
    };
    assert_eq!((get(), get()), (0, 0));
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(60)));
    clock.advance(secs(59));
    assert_eq!(get(), 0);
    clock.advance(secs(1));
    assert_eq!(get(), 1);
    assert!(memo.expire("key", secs(5)).unwrap());
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(5)));
    clock.advance(secs(5));
    assert!(!memo.exists("key").unwrap());
    assert_eq!(get(), 2);
    assert_eq!(heap.len(), 1);
}

#[test]
fn a_change_of_expiry_of_nothing_changes_nothing() {
    let (memo, heap) = over_heap();
    assert!(!memo.expire("key", secs(5)).unwrap());
    assert!(heap.is_empty());
}

#[test]
fn etags_are_kept_and_compared() {
    let (memo, heap) = over_heap();
    let of = |etag: &str| Options::new().etag(etag);
    memo.get_with("key", of("a"), || 1_u32).unwrap();
    assert_eq!(another(&heap).etag("key").unwrap(), Some(Etag::new("a")));
    let same: u32 = memo.get_with("key", of("a"), kept::<u32>).unwrap();
    assert_eq!(same, 1);
    assert_eq!(memo.get_with("key", of("b"), || 2_u32).unwrap(), 2);
}

#[test]
fn an_entry_tells_what_is_known_of_it() {
    let (memo, heap, clock) = with_clock();
    memo.get_with("key", Options::new().etag("a"), || {
        clock.advance(secs(2));
        7_u32
    })
    .unwrap();
    let entry = another(&heap).entry::<u32>("key").unwrap().unwrap();
    assert_eq!(*entry.value(), 7);
    assert_eq!(entry.etag(), Some(&Etag::new("a")));
    assert_eq!(entry.build_time(), secs(2));
    assert_eq!(entry.expires(), None);
}

#[test]
fn deleting_and_clearing_reach_the_store() {
    let (memo, heap) = over_heap();
    memo.get("a", || 1_u32).unwrap();
    memo.get("b", || 2_u32).unwrap();
    assert!(memo.delete("a").unwrap());
    assert!(!memo.delete("a").unwrap());
    assert_eq!(the_only_key(&heap), "b");
    memo.clear().unwrap();
    assert!(heap.is_empty());
}

#[test]
fn several_keys_are_one_question() {
    let (memo, heap) = over_heap();
    memo.get("a", || 1_usize).unwrap();
    let lengths: Vec<usize> = memo
        .get_many(&["a", "bb", "a"], Options::new(), |missing| {
            assert_eq!(missing, ["bb"]);
            vec![2_usize]
        })
        .unwrap();
    assert_eq!(lengths, [1, 2, 1]);
    assert_eq!(heap.len(), 2);
}

#[test]
fn an_error_is_not_kept_whatever_the_options_say() {
    let (memo, heap) = over_heap();
    let error_age = Options::new().error_age(secs(60));
    let fails = || Err::<u32, _>("no");
    let failed: Result<u32, _> = memo.get_with("key", &error_age, fails);
    assert!(failed.is_err());
    assert!(heap.is_empty());
    assert_eq!(memo.get_with("key", &error_age, || 1_u32).unwrap(), 1);
}

#[test]
fn nothing_is_kept_as_the_options_say() {
    let (memo, heap, clock) = with_clock();
    let none_age = Options::new().none_age(secs(60));
    let nothing = || None::<u32>;
    assert_eq!(memo.get_some("key", &none_age, nothing).unwrap(), None);
    let kept: Option<u32> = memo
        .get_some("key", &none_age, kept::<Option<u32>>)
        .unwrap();
    assert_eq!((kept, heap.len()), (None, 1));
    clock.advance(secs(60));
    let some = memo.get_some("key", &none_age, || Some(1_u32)).unwrap();
    assert_eq!(some, Some(1));
}
