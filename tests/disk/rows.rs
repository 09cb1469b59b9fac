use crate::support::{Place, at, disk_error, sorted_keys, text};
use mementos::store::bytes::ByteStore;
use mementos::store::disk::DiskFault;

#[test]
fn what_was_put_is_found_after_opening_again() {
    let place = Place::new();
    place.open().put("a", b"one", None).unwrap();
    assert_eq!(text(&place.open(), "a").as_deref(), Some("one"));
    assert_eq!(text(&place.open(), "b"), None);
}

#[test]
fn two_that_have_one_file_open_see_each_others_puts() {
    let place = Place::new();
    let (one, other) = (place.open(), place.open());
    for round in 0..50 {
        one.put("a", format!("{round}").as_bytes(), None).unwrap();
        assert_eq!(text(&other, "a"), Some(format!("{round}")));
        other.put("b", format!("{round}").as_bytes(), None).unwrap();
        assert_eq!(text(&one, "b"), Some(format!("{round}")));
    }
}

#[test]
fn a_put_replaces() {
    let store = Place::new();
    let store = store.open();
    store.put("a", b"one", None).unwrap();
    store.put("a", b"two", Some(at(5))).unwrap();
    assert_eq!(text(&store, "a").as_deref(), Some("two"));
    assert_eq!(store.len().unwrap(), 1);
}

#[test]
fn empty_keys_and_empty_bytes_are_kept() {
    let place = Place::new();
    let store = place.open();
    store.put("", b"", None).unwrap();
    assert_eq!(store.get("").unwrap(), Some(Vec::new()));
    assert!(store.delete("").unwrap());
    assert!(store.is_empty().unwrap());
}

#[test]
fn large_bytes_are_kept_whole() {
    let place = Place::new();
    let store = place.open();
    let large: Vec<u8> = (0..5_000_000u32).map(|n| n as u8).collect();
    store.put("large", &large, None).unwrap();
    assert!(store.get("large").unwrap().unwrap() == large);
}

#[test]
fn bytes_that_are_too_large_are_an_error_and_harm_no_others() {
    let place = Place::new();
    let store = place.open();
    let zeroes = vec![0; (1 << 30) + 1];
    let error = store.put("a", &zeroes, None).unwrap_err();
    assert_eq!(disk_error(&error).fault(), DiskFault::TooLarge);
    store.put("a", b"one", None).unwrap();
}

#[test]
fn put_if_absent_leaves_what_is_there() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.put_if_absent("a", b"one", None).unwrap(), Some(true));
    assert_eq!(store.put_if_absent("a", b"two", None).unwrap(), Some(false));
    assert_eq!(text(&store, "a").as_deref(), Some("one"));
}

#[test]
fn replace_asks_for_the_bytes_that_are_there() {
    let place = Place::new();
    let store = place.open();
    assert!(!store.replace("a", b"", b"two", None).unwrap());
    store.put("a", b"one", None).unwrap();
    assert!(!store.replace("a", b"other", b"two", None).unwrap());
    assert!(store.replace("a", b"one", b"two", None).unwrap());
    assert_eq!(text(&store, "a").as_deref(), Some("two"));
}

#[test]
fn of_many_who_replace_the_same_bytes_one_does() {
    let place = Place::new();
    let stores = [place.open(), place.open()];
    stores[0].put("a", b"0", None).unwrap();
    for round in 1..=20 {
        let (old, new) = (format!("{}", round - 1), format!("{round}"));
        let replaced = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..4)
                .map(|n| {
                    let (store, old, new) = (&stores[n % 2], old.as_bytes(), new.as_bytes());
                    scope.spawn(move || store.replace("a", old, new, None).unwrap())
                })
                .collect();
            let won = tries.into_iter().map(|thread| thread.join().unwrap());
            won.filter(|&won| won).count()
        });
        assert_eq!(replaced, 1);
    }
}

#[test]
fn delete_says_whether_something_was_kept() {
    let place = Place::new();
    let store = place.open();
    store.put("a", b"one", Some(at(5))).unwrap();
    assert!(store.delete("a").unwrap());
    assert!(!store.delete("a").unwrap());
    assert_eq!(text(&store, "a"), None);
    assert_eq!(store.sweep(at(9)).unwrap(), 0);
}

#[test]
fn many_are_got_in_the_order_they_were_asked_for() {
    let place = Place::new();
    let store = place.open();
    store.put("a", b"one", None).unwrap();
    store.put("b", b"two", None).unwrap();
    let got = store.get_many(&["b", "none", "a", "b"]).unwrap();
    let two = Some(b"two".to_vec());
    assert_eq!(got, [two.clone(), None, Some(b"one".to_vec()), two]);
    assert!(store.get_many(&[]).unwrap().is_empty());
}

#[test]
fn keys_are_listed_by_prefix() {
    let place = Place::new();
    let store = place.open();
    for key in ["a", "ab", "abc", "b", "\u{10ffff}"] {
        store.put(key, b"", None).unwrap();
    }
    assert_eq!(sorted_keys(&store, "ab"), ["ab", "abc"]);
    assert_eq!(sorted_keys(&store, "\u{10ffff}"), ["\u{10ffff}"]);
    assert_eq!(sorted_keys(&store, "c"), [""; 0]);
    assert_eq!(sorted_keys(&store, "").len(), 5);
}

#[test]
fn a_prefix_is_deleted_however_many_keys_begin_with_it() {
    let place = Place::new();
    let store = place.open();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..300 {
                    store
                        .put(&format!("a:{thread}:{n}"), b"x", Some(at(5)))
                        .unwrap();
                }
            });
        }
    });
    store.put("a", b"", None).unwrap();
    store.put("b:1", b"", Some(at(5))).unwrap();
    store.delete_prefix("a:").unwrap();
    assert_eq!(sorted_keys(&store, ""), ["a", "b:1"]);
    assert_eq!(store.sweep(at(9)).unwrap(), 1);
}

#[test]
fn clear_forgets_everything() {
    let place = Place::new();
    let (store, other) = (place.open(), place.open());
    for n in 0..100 {
        store.put(&format!("{n}"), b"x", Some(at(n))).unwrap();
    }
    other.clear().unwrap();
    assert!(store.is_empty().unwrap());
    assert_eq!(store.sweep(at(1000)).unwrap(), 0);
    store.put("a", b"one", None).unwrap();
    assert_eq!(text(&other, "a").as_deref(), Some("one"));
}
