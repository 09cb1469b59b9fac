//! What every store must do: one suite, run over all of them.

use dashmap::DashMap;
use mementos::store::{MemoryStore, PinnedStore, StaticStore, Store, WeakStore};
use mementos::testing::stores::{Kind, Shared, conform};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

#[test]
fn memory() {
    conform(Kind::Plain, MemoryStore::new);
}

#[cfg(feature = "bounded")]
#[test]
fn bounded() {
    use mementos::store::BoundedStore;
    conform(Kind::Plain, || BoundedStore::new(10_000));
    conform(Kind::Plain, || BoundedStore::weighted(10_000, |_, _| 1));
}

#[test]
fn weak() {
    conform(Kind::Plain, WeakStore::new);
}

#[test]
fn pinned() {
    conform(Kind::Plain, || PinnedStore::new(1000));
}

#[test]
fn pinned_with_less_room_than_is_held() {
    conform(Kind::Plain, || PinnedStore::new(7));
}

#[test]
fn statics() {
    conform(Kind::Permanent, StaticStore::new);
}

#[test]
fn locked_hash_map() {
    conform(
        Kind::Plain,
        || std::sync::Mutex::new(HashMap::<_, _>::new()),
    );
    conform(Kind::Plain, || {
        std::sync::RwLock::new(HashMap::<_, _>::new())
    });
    conform(Kind::Plain, || {
        parking_lot::Mutex::new(HashMap::<_, _>::new())
    });
    conform(Kind::Plain, || {
        parking_lot::RwLock::new(HashMap::<_, _>::new())
    });
}

#[test]
fn locked_btree_map() {
    conform(Kind::Plain, || std::sync::Mutex::new(BTreeMap::new()));
    conform(Kind::Plain, || std::sync::RwLock::new(BTreeMap::new()));
    conform(Kind::Plain, || parking_lot::Mutex::new(BTreeMap::new()));
    conform(Kind::Plain, || parking_lot::RwLock::new(BTreeMap::new()));
}

#[test]
fn dash_map() {
    conform(Kind::Plain, DashMap::<_, _>::new);
}

#[test]
fn behind_pointers() {
    conform(Kind::Plain, || Arc::new(MemoryStore::new()));
    conform(Kind::Plain, || -> Box<dyn Store<String, Shared>> {
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
