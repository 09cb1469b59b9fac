use crate::support::{Place, at, sorted_keys};
use mementos::store::bytes::ByteStore;
use std::time::{Duration, UNIX_EPOCH};

#[test]
fn a_sweep_gives_up_what_has_expired_and_no_more() {
    let place = Place::new();
    let store = place.open();
    store.put("past", b"", Some(at(4))).unwrap();
    store.put("now", b"", Some(at(5))).unwrap();
    store
        .put("soon", b"", Some(at(5) + Duration::from_nanos(1)))
        .unwrap();
    store.put("never", b"", None).unwrap();
    assert_eq!(store.sweep(at(5)).unwrap(), 2);
    assert_eq!(sorted_keys(&store, ""), ["never", "soon"]);
}

#[test]
fn what_has_expired_is_found_until_it_is_swept() {
    let place = Place::new();
    let store = place.open();
    store.put("a", b"one", Some(at(1))).unwrap();
    assert!(store.get("a").unwrap().is_some());
    store.sweep(at(1)).unwrap();
    assert!(store.get("a").unwrap().is_none());
}

#[test]
fn the_newest_expiry_of_a_key_is_the_one_that_counts() {
    let place = Place::new();
    let store = place.open();
    store.put("later", b"", Some(at(1))).unwrap();
    store.put("later", b"", Some(at(9))).unwrap();
    store.put("kept", b"", Some(at(1))).unwrap();
    store.replace("kept", b"", b"x", None).unwrap();
    store.put("sooner", b"", None).unwrap();
    store.put("sooner", b"", Some(at(1))).unwrap();
    assert_eq!(store.sweep(at(5)).unwrap(), 1);
    assert_eq!(sorted_keys(&store, ""), ["kept", "later"]);
}

#[test]
fn times_before_1970_and_far_off_are_times_too() {
    let place = Place::new();
    let store = place.open();
    store
        .put("before", b"", Some(UNIX_EPOCH - Duration::from_secs(1)))
        .unwrap();
    store.put("far", b"", Some(at(40_000_000_000))).unwrap();
    assert_eq!(store.sweep(at(0)).unwrap(), 1);
    assert_eq!(sorted_keys(&store, ""), ["far"]);
    assert_eq!(store.sweep(at(1_800_000_000)).unwrap(), 0);
}

#[test]
fn a_sweep_takes_as_many_transactions_as_it_needs() {
    let place = Place::new();
    let store = place.open();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..300 {
                    store
                        .put(&format!("{thread}:{n}"), b"x", Some(at(n)))
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(store.sweep(at(1000)).unwrap(), 2400);
    assert!(store.is_empty().unwrap());
}

#[test]
fn tidying_after_each_put_keeps_up_with_what_is_put() {
    let place = Place::new();
    let store = place.open();
    for n in 0..640 {
        store.put(&format!("{n}"), b"", Some(at(n))).unwrap();
        let swept = store.tidy(at(n + 1));
        assert!(swept <= 128);
    }
    assert!(
        store.len().unwrap() <= 64,
        "{} are left",
        store.len().unwrap()
    );
}
