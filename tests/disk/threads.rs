use crate::support::Place;
use mementos::store::bytes::ByteStore;
use mementos::store::disk::{Check, DiskStore};
use std::sync::Barrier;

#[test]
fn puts_of_many_threads_are_all_kept() {
    let place = Place::new();
    let stores = [place.open(), place.open()];
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &stores[thread % 2];
            scope.spawn(move || {
                for n in 0..50 {
                    let key = format!("{thread}:{n}");
                    store.put(&key, key.as_bytes(), None).unwrap();
                    assert_eq!(store.get(&key).unwrap().as_deref(), Some(key.as_bytes()));
                }
            });
        }
    });
    drop(stores);
    assert_eq!(place.open().len().unwrap(), 400);
}

#[test]
fn of_many_who_put_if_absent_at_once_one_does() {
    let place = Place::new();
    let store = place.open();
    for round in 0..20 {
        let key = format!("{round}");
        let barrier = Barrier::new(8);
        let put = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        store.put_if_absent(&key, b"x", None).unwrap().unwrap()
                    })
                })
                .collect();
            let put = tries.into_iter().map(|thread| thread.join().unwrap());
            put.filter(|&put| put).count()
        });
        assert_eq!(put, 1);
    }
}

#[test]
fn a_store_may_be_dropped_while_another_of_the_same_file_works() {
    let place = Place::new();
    let kept = place.open();
    for n in 0..20 {
        let gone = place.open();
        gone.put(&format!("{n}"), b"x", None).unwrap();
        drop(gone);
        kept.put("kept", b"x", None).unwrap();
    }
    assert_eq!(kept.len().unwrap(), 21);
}

#[test]
fn the_whole_file_may_be_checked_while_others_work() {
    let place = Place::new();
    let store = place.open();
    std::thread::scope(|scope| {
        let works = scope.spawn(|| {
            for n in 0..100 {
                store.put(&format!("{n}"), &[7; 1000], None).unwrap();
                assert!(store.get("0").unwrap().is_some());
            }
        });
        while !works.is_finished() {
            let options = DiskStore::at(&place.path).check(Check::Whole);
            assert!(options.open().unwrap().len().unwrap() <= 100);
        }
    });
    assert_eq!(store.len().unwrap(), 100);
}
