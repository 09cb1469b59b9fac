//! What every store must do: one suite, run over all of them.

use dashmap::DashMap;
use mementos::store::{MemoryStore, PinnedStore, StaticStore, Store, WeakStore};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, SystemTime};

type Shared = Arc<String>;

fn value(text: &str) -> Shared {
    Arc::new(text.to_owned())
}

/// What a store is allowed to refuse.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Nothing.
    Plain,
    /// To replace, delete and clear.
    Permanent,
}

/// Every value stays held by the suite, so that a weak store keeps it too.
fn conforms<S: Store<String, Shared>>(kind: Kind, make: impl Fn() -> S) {
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

#[test]
fn memory() {
    conforms(Kind::Plain, MemoryStore::new);
}

#[cfg(feature = "bounded")]
#[test]
fn bounded() {
    use mementos::store::BoundedStore;
    conforms(Kind::Plain, || BoundedStore::new(10_000));
    conforms(Kind::Plain, || BoundedStore::weighted(10_000, |_, _| 1));
}

#[test]
fn weak() {
    conforms(Kind::Plain, WeakStore::new);
}

#[test]
fn pinned() {
    conforms(Kind::Plain, || PinnedStore::new(1000));
}

#[test]
fn pinned_with_less_room_than_is_held() {
    conforms(Kind::Plain, || PinnedStore::new(7));
}

#[test]
fn statics() {
    conforms(Kind::Permanent, StaticStore::new);
}

#[test]
fn locked_hash_map() {
    conforms(
        Kind::Plain,
        || std::sync::Mutex::new(HashMap::<_, _>::new()),
    );
    conforms(Kind::Plain, || {
        std::sync::RwLock::new(HashMap::<_, _>::new())
    });
    conforms(Kind::Plain, || {
        parking_lot::Mutex::new(HashMap::<_, _>::new())
    });
    conforms(Kind::Plain, || {
        parking_lot::RwLock::new(HashMap::<_, _>::new())
    });
}

#[test]
fn locked_btree_map() {
    conforms(Kind::Plain, || std::sync::Mutex::new(BTreeMap::new()));
    conforms(Kind::Plain, || std::sync::RwLock::new(BTreeMap::new()));
    conforms(Kind::Plain, || parking_lot::Mutex::new(BTreeMap::new()));
    conforms(Kind::Plain, || parking_lot::RwLock::new(BTreeMap::new()));
}

#[test]
fn dash_map() {
    conforms(Kind::Plain, DashMap::<_, _>::new);
}

#[test]
fn behind_pointers() {
    conforms(Kind::Plain, || Arc::new(MemoryStore::new()));
    conforms(Kind::Plain, || -> Box<dyn Store<String, Shared>> {
        Box::new(MemoryStore::new())
    });
}

/// Asks the store it was in as it is dropped. A store that drops it under a lock
/// hangs or panics.
struct Nosy(Weak<dyn Store<u32, Arc<Nosy>>>);

impl Drop for Nosy {
    fn drop(&mut self) {
        if let Some(store) = self.0.upgrade() {
            for n in 0..64 {
                store.get(&n).unwrap();
            }
            store
                .put(1000, Arc::new(Nosy(Weak::<MemoryStore<_, _>>::new())), None)
                .unwrap();
        }
    }
}

fn drops_with_nothing_locked(store: impl Store<u32, Arc<Nosy>> + 'static) {
    let store: Arc<dyn Store<u32, Arc<Nosy>>> = Arc::new(store);
    let nosy = || Arc::new(Nosy(Arc::downgrade(&store)));
    for n in 0..64 {
        store.put(n, nosy(), None).unwrap();
        store.put(n, nosy(), None).unwrap();
    }
    for n in 0..16 {
        store.delete(&n).unwrap();
    }
    store.clear().unwrap();
    store.put(1, nosy(), None).unwrap();
    drop(store.entries().unwrap());
    store.sweep();
}

#[test]
fn no_store_drops_a_value_while_it_is_locked() {
    drops_with_nothing_locked(MemoryStore::new());
    drops_with_nothing_locked(WeakStore::new());
    drops_with_nothing_locked(PinnedStore::new(8));
    drops_with_nothing_locked(std::sync::Mutex::new(HashMap::<_, _>::new()));
    drops_with_nothing_locked(parking_lot::RwLock::new(BTreeMap::new()));
    drops_with_nothing_locked(DashMap::<_, _>::new());
}
