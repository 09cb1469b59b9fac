//! Several processes, as far as the store can tell: memoizers that share bytes and
//! nothing else. Their builds are steered by signals.

use crate::support::*;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::testing::HeapBytes;
use mementos::{Memoizer, OnLockTimeout, Options};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[test]
fn one_of_many_builds_and_the_others_find_it() {
    let heap = HeapBytes::new();
    let builds = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let memo = another(&heap);
                for key in 0..20 {
                    let built = memo.get(&key.to_string(), || {
                        builds.fetch_add(1, SeqCst);
                        key
                    });
                    assert_eq!(built.unwrap(), key);
                }
            });
        }
    });
    assert_eq!(builds.load(SeqCst), 20);
}

#[test]
fn what_is_deleted_by_another_while_it_is_built_is_not_kept() {
    let heap = HeapBytes::new();
    let (begun, has_begun) = mpsc::channel();
    let (deleted, is_deleted) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let building = scope.spawn(|| {
            let (begun, is_deleted) = (begun, is_deleted);
            another(&heap).get("key", move || {
                begun.send(()).unwrap();
                is_deleted.recv().unwrap();
                "old".to_owned()
            })
        });
        has_begun.recv().unwrap();
        assert!(!another(&heap).delete("key").unwrap());
        deleted.send(()).unwrap();
        let own = building.join().unwrap().unwrap();
        assert_eq!(own, "old", "its caller gets it all the same");
    });
    assert!(heap.is_empty());
    assert_eq!(
        another(&heap).get("key", || "new".to_owned()).unwrap(),
        "new"
    );
}

#[test]
fn who_waits_in_vain_builds_and_keeps_nothing() {
    let heap = HeapBytes::new();
    let held = heap.leases().unwrap().acquire("key", secs(60)).unwrap();
    let memo = another(&heap);
    let soon = Options::new().timeout(Duration::from_millis(10));
    assert_eq!(memo.get_with("key", &soon, || 1_u32).unwrap(), 1);
    assert!(heap.is_empty());
    let or_error = soon.on_lock_timeout(OnLockTimeout::Error);
    assert!(memo.get_with("key", or_error, || 1_u32).is_err());
    drop(held);
    assert_eq!(memo.get("key", || 2_u32).unwrap(), 2);
    assert_eq!(heap.len(), 1);
}

#[test]
fn a_panic_releases_the_lease() {
    let heap = HeapBytes::new();
    let memo = another(&heap);
    let panics = || memo.get("key", || -> u32 { panic!("on purpose") });
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
    assert!(caught.is_err());
    assert_eq!(memo.get("key", || 1_u32).unwrap(), 1);
}

#[test]
fn without_a_lock_there_is_no_lease() {
    let heap = HeapBytes::new();
    let held = heap.leases().unwrap().acquire("key", secs(60)).unwrap();
    let memo = Memoizer::new(Encoded::new(heap.clone()));
    let free = Options::new().no_lock();
    assert_eq!(memo.get_with("key", &free, || 1_u32).unwrap(), 1);
    assert_eq!(heap.len(), 1);
    drop(held);
}
