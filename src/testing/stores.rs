//! What every store of values must do.

use crate::store::Store;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

/// What the suite keeps.
pub type Shared = Arc<String>;

fn value(text: &str) -> Shared {
    Arc::new(text.to_owned())
}

/// What a store is allowed to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// To replace, delete and clear.
    Permanent,
}

/// Holds a store against all that is promised of one. `make` makes an empty store
/// each time. Every value stays held meanwhile, so that a weak store keeps it too.
///
/// ```
/// use mementos::{store::MemoryStore, testing::stores::{self, Kind}};
///
/// stores::conform(Kind::Plain, MemoryStore::new);
/// ```
///
/// # Panics
///
/// Where the store does not do what it must: the message says what.
pub fn conform<S: Store<String, Shared>>(kind: Kind, make: impl Fn() -> S) {
    finds_what_was_put(&make());
    lists_what_is_kept(&make());
    is_used_from_many_threads(&make());
    match kind {
        Kind::Plain => {
            replaces(&make());
            deletes(&make());
            clears(&make());
            keeps_what_has_not_expired(&make());
        }
        Kind::Permanent => keeps_the_first_for_ever(&make()),
    }
}

fn finds_what_was_put(store: &impl Store<String, Shared>) {
    let one = value("one");
    assert!(store.get(&"a".to_owned()).unwrap().is_none());
    assert!(
        store
            .put("a".to_owned(), one.clone(), None)
            .unwrap()
            .is_none()
    );
    assert!(Arc::ptr_eq(
        &one,
        &store.get(&"a".to_owned()).unwrap().unwrap()
    ));
    assert!(store.get(&"b".to_owned()).unwrap().is_none());
}

/// An expiry is a hint: from then on a store may give the value up, and not before.
fn keeps_what_has_not_expired(store: &impl Store<String, Shared>) {
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
    let held: Vec<Shared> = (0..50).map(|n| value(&n.to_string())).collect();
    for value in &held {
        let put = store.put(value.to_string(), value.clone(), Some(now + hour));
        assert!(put.unwrap().is_none());
        store.tidy(now);
    }
    store.sweep_expired(now);
    assert!(held.iter().all(|value| store.get(value).unwrap().is_some()));
    let given_up = store.sweep_expired(now + 2 * hour);
    assert_eq!(store.len().unwrap(), held.len() - given_up);
    let again = store.put("0".to_owned(), held[0].clone(), None).unwrap();
    assert_eq!(again.is_none(), given_up > 0);
    store.sweep_expired(now + 2 * hour);
    assert!(store.get(&"0".to_owned()).unwrap().is_some());
}

fn lists_what_is_kept(store: &impl Store<String, Shared>) {
    assert!(store.is_empty().unwrap());
    let held: Vec<Shared> = (0..200).map(|n| value(&n.to_string())).collect();
    for value in &held {
        store.put(value.to_string(), value.clone(), None).unwrap();
    }
    assert_eq!(store.len().unwrap(), 200);
    let mut listed = store.entries().unwrap();
    listed.sort();
    assert_eq!(listed.len(), 200);
    assert!(listed.iter().all(|(key, value)| *key == **value));
    assert_eq!(store.sweep(), 0);
}

fn replaces(store: &impl Store<String, Shared>) {
    let (one, two) = (value("one"), value("two"));
    store.put("a".to_owned(), one.clone(), None).unwrap();
    let replaced = store
        .put("a".to_owned(), two.clone(), None)
        .unwrap()
        .unwrap();
    assert!(Arc::ptr_eq(&one, &replaced));
    assert!(Arc::ptr_eq(
        &two,
        &store.get(&"a".to_owned()).unwrap().unwrap()
    ));
    assert_eq!(store.len().unwrap(), 1);
}

fn deletes(store: &impl Store<String, Shared>) {
    let (one, two) = (value("one"), value("two"));
    store.put("a".to_owned(), one.clone(), None).unwrap();
    store.put("b".to_owned(), two.clone(), None).unwrap();
    let deleted = store.delete(&"a".to_owned()).unwrap().unwrap();
    assert!(Arc::ptr_eq(&one, &deleted));
    assert!(store.delete(&"a".to_owned()).unwrap().is_none());
    assert!(store.get(&"a".to_owned()).unwrap().is_none());
    assert!(store.get(&"b".to_owned()).unwrap().is_some());
    store.put("a".to_owned(), one, None).unwrap();
    assert!(store.get(&"a".to_owned()).unwrap().is_some());
}

fn clears(store: &impl Store<String, Shared>) {
    let held: Vec<Shared> = (0..50).map(|n| value(&n.to_string())).collect();
    for value in &held {
        store.put(value.to_string(), value.clone(), None).unwrap();
    }
    store.clear().unwrap();
    assert!(store.is_empty().unwrap());
    assert!(store.get(&"1".to_owned()).unwrap().is_none());
    assert!(
        held.iter().all(|value| Arc::strong_count(value) == 1),
        "the store let go of them"
    );
}

fn is_used_from_many_threads(store: &impl Store<String, Shared>) {
    let held: Vec<Shared> = (0..400).map(|n| value(&n.to_string())).collect();
    thread::scope(|scope| {
        for part in held.chunks(100) {
            scope.spawn(move || {
                for value in part {
                    store.put(value.to_string(), value.clone(), None).unwrap();
                    assert!(store.get(value).unwrap().is_some());
                }
            });
        }
    });
    assert_eq!(store.len().unwrap(), 400);
}

fn keeps_the_first_for_ever(store: &impl Store<String, Shared>) {
    let one = value("one");
    store.put("a".to_owned(), one.clone(), None).unwrap();
    store.put("a".to_owned(), value("two"), None).unwrap();
    assert!(Arc::ptr_eq(
        &one,
        &store.get(&"a".to_owned()).unwrap().unwrap()
    ));
    assert!(store.delete(&"a".to_owned()).is_err());
    assert!(store.clear().is_err());
    assert_eq!(store.len().unwrap(), 1);
}
