//! Registries: global, owned, scoped, inspected.

use mementos::{Memento, Registry, memento};
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

struct Thing(u32);

#[memento]
impl Thing {
    fn new(n: u32) -> Self {
        Thing(n)
    }
}

/// Without a static of its own.
struct Generic<T>(T);

#[memento]
impl<T: Copy + Send + Sync + std::hash::Hash + Eq + std::fmt::Debug + 'static> Generic<T> {
    fn new(value: T) -> Self {
        Generic(value)
    }
}

#[test]
fn scopes_do_not_meet() {
    let outside = Thing::memento(1);
    let (one, other) = (Registry::new(), Registry::new());
    let in_one = one.scope(|| Thing::memento(1));
    let in_other = other.scope(|| Thing::memento(1));
    assert!(!Arc::ptr_eq(&outside, &in_one));
    assert!(!Arc::ptr_eq(&in_one, &in_other));
    assert!(Arc::ptr_eq(&in_one, &one.scope(|| Thing::memento(1))));
    assert!(Arc::ptr_eq(&outside, &Thing::memento(1)));
}

#[test]
fn scopes_nest_and_end_with_a_panic() {
    let (outer, inner) = (Registry::new(), Registry::new());
    outer.scope(|| {
        let mine = Thing::memento(2);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            inner.scope(|| {
                assert!(!Arc::ptr_eq(&mine, &Thing::memento(2)));
                panic!("out of the scope");
            })
        }));
        assert!(panicked.is_err());
        assert!(Arc::ptr_eq(&mine, &Thing::memento(2)));
    });
}

#[test]
fn a_scope_is_handed_to_another_thread() {
    let registry = Registry::new();
    registry.scope(|| {
        let mine = Thing::memento(3);
        let here = Registry::current();
        let (with, without) =
            thread::spawn(move || (here.scope(|| Thing::memento(3)), Thing::memento(3)))
                .join()
                .unwrap();
        assert!(Arc::ptr_eq(&mine, &with));
        assert!(!Arc::ptr_eq(&mine, &without), "other threads are outside");
    });
}

#[test]
fn generic_types_have_a_partition_for_each_parameter() {
    let one = Generic::<u32>::memento(1);
    let other = Generic::<u64>::memento(1);
    assert_eq!((one.0, other.0), (1, 1));
    assert!(Arc::ptr_eq(&one, &Generic::<u32>::memento(1)));
    assert_eq!(Generic::<u32>::mementos().len(), 1);
    Registry::new().scope(|| assert!(Generic::<u32>::mementos().is_empty()));
}

#[test]
fn an_owned_registry_goes_with_all_it_keeps() {
    let registry = Registry::new();
    let weak = registry.scope(|| Arc::downgrade(&Thing::memento(4)));
    assert!(weak.upgrade().is_some());
    let partition = registry.mementos::<Thing, _>();
    drop(registry);
    assert!(
        weak.upgrade().is_some(),
        "a partition's handle keeps the partition"
    );
    drop(partition);
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_partition_can_be_walked_through() {
    Registry::new().scope(|| {
        for n in 0..100 {
            Thing::memento(n);
        }
        let things = Thing::mementos();
        let mut seen: Vec<(u32, u32)> = things.iter().map(|(n, thing)| (n, thing.0)).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..100).map(|n| (n, n)).collect::<Vec<_>>());
        // A snapshot: the partition may change meanwhile.
        for (n, _) in things.iter() {
            things.remove(n);
        }
        assert!(things.is_empty());
    });
}

#[test]
fn hits_are_counted_only_where_that_is_switched_on() {
    Registry::new().scope(|| {
        Thing::memento(1);
        Thing::memento(1);
        assert_eq!(Thing::mementos().stats().hits, 0);
        Thing::mementos().count_hits(true);
        Thing::memento(1);
        assert_eq!(Thing::mementos().stats().hits, 1);
        Registry::current().count_hits(false);
        Thing::memento(1);
        assert_eq!(Thing::mementos().stats().hits, 1);
    });
    let registry = Registry::new();
    registry.count_hits(true);
    registry.scope(|| {
        Thing::memento(1);
        Thing::memento(1);
        assert_eq!(
            Thing::mementos().stats().hits,
            1,
            "partitions to come count too"
        );
    });
}

#[test]
fn a_snapshot_has_a_row_for_each_partition() {
    Registry::new().scope(|| {
        Thing::memento(1);
        Thing::memento(2);
        Generic::<u8>::memento(1);
        let snapshot = Registry::current().snapshot();
        let rows: Vec<(bool, Option<usize>)> = snapshot
            .rows
            .iter()
            .map(|row| (row.type_name.ends_with("registries::Thing"), row.len))
            .collect();
        assert_eq!(rows, [(false, Some(1)), (true, Some(2))]);
        let table = snapshot.to_string();
        assert!(table.starts_with("type "), "{table}");
        assert_eq!(table.lines().count(), 3);
    });
}

#[cfg(feature = "serde")]
#[test]
fn a_snapshot_serializes() {
    Registry::new().scope(|| {
        Thing::memento(1);
        let json = serde_json::to_value(Registry::current().snapshot()).unwrap();
        assert_eq!(json["rows"][0]["keep"], "strong");
        assert_eq!(json["rows"][0]["len"], 1);
        assert_eq!(json["rows"][0]["stats"]["builds"], 1);
    });
}

#[test]
fn a_registry_can_be_made_over_stores_of_the_users_own() {
    let registry = Registry::new();
    registry
        .keep_in::<Thing, _>(Mutex::new(HashMap::<_, _>::new()))
        .unwrap();
    registry
        .keep_in::<Generic<u8>, _>(Mutex::new(BTreeMap::new()))
        .unwrap();
    registry.scope(|| {
        let one = Thing::memento(1);
        assert!(Arc::ptr_eq(&one, &Thing::memento(1)));
        assert!(Arc::ptr_eq(
            &Generic::memento(1_u8),
            &Generic::memento(1_u8)
        ));
        assert_eq!(Thing::mementos().remove(1).unwrap().0, 1);
        assert!(Thing::mementos().is_empty());
    });
    assert!(registry.snapshot().rows.iter().all(|row| row.keep == "own"));
}

#[test]
fn a_store_must_be_chosen_before_the_first_use() {
    struct Global;

    #[memento]
    impl Global {
        fn new(_n: u32) -> Self {
            Global
        }
    }

    let registry = Registry::new();
    registry.scope(|| Thing::memento(1));
    let late = registry
        .keep_in::<Thing, _>(Mutex::new(BTreeMap::new()))
        .unwrap_err();
    assert!(late.to_string().contains("before its first use"), "{late}");

    let chosen = Registry::global().keep_in::<Global, _>(Mutex::new(BTreeMap::new()));
    assert!(chosen.is_ok());
    Global::memento(1);
    assert_eq!(chosen.unwrap().len(), 1);
    let again = Registry::global().keep_in::<Global, _>(Mutex::new(BTreeMap::new()));
    assert!(again.is_err());
}

#[test]
fn a_static_type_cannot_be_kept_elsewhere() {
    struct Forever;

    #[memento(keep = "static")]
    impl Forever {
        fn new(_n: u32) -> Self {
            Forever
        }
    }

    let refused = Registry::new()
        .keep_in::<Forever, _>(Mutex::new(BTreeMap::new()))
        .unwrap_err();
    assert!(
        refused.to_string().contains("is declared static"),
        "{refused}"
    );
}

#[test]
fn clearing_a_registry_leaves_the_static_ones() {
    struct Forever;

    #[memento(keep = "static")]
    impl Forever {
        fn new(_n: u32) -> Self {
            Forever
        }
    }

    Registry::new().scope(|| {
        Thing::memento(1);
        Forever::memento_ref(1);
        Registry::current().clear().unwrap();
        assert!(Thing::mementos().is_empty());
        assert_eq!(Forever::mementos().len(), 1);
    });
}

#[test]
fn a_hand_written_type_needs_four_items() {
    struct ByHand(String);

    impl Memento for ByHand {
        type Args<'a> = &'a str;
        type Key = String;
        fn key(name: &&str) -> String {
            name.to_string()
        }
        fn construct(name: &str) -> Self {
            ByHand(name.to_owned())
        }
    }

    let one = ByHand::memento("one");
    assert_eq!(one.0, "one");
    assert!(Arc::ptr_eq(&one, &ByHand::try_memento("one").unwrap()));
    assert!(ByHand::mementos().contains("one"));
    Registry::new().scope(|| assert!(!ByHand::mementos().contains("one")));
}

#[test]
fn a_store_that_fails_to_read_is_a_miss_and_one_that_fails_to_delete_is_an_error() {
    use mementos::store::{Store, StoreError};
    use std::time::SystemTime;

    struct Broken;

    fn broken<R>() -> Result<R, StoreError> {
        Err(StoreError::new("everything", "the disk is gone"))
    }

    impl Store<u32, Arc<Thing>> for Broken {
        fn get(&self, _: &u32) -> Result<Option<Arc<Thing>>, StoreError> {
            broken()
        }
        fn put(
            &self,
            _: u32,
            _: Arc<Thing>,
            _: Option<SystemTime>,
        ) -> Result<Option<Arc<Thing>>, StoreError> {
            broken()
        }
        fn delete(&self, _: &u32) -> Result<Option<Arc<Thing>>, StoreError> {
            broken()
        }
        fn clear(&self) -> Result<(), StoreError> {
            broken()
        }
        fn entries(&self) -> Result<Vec<(u32, Arc<Thing>)>, StoreError> {
            broken()
        }
    }

    let registry = Registry::new();
    registry.keep_in::<Thing, _>(Broken).unwrap();
    registry.scope(|| {
        assert_eq!(Thing::memento(1).0, 1, "the caller is served all the same");
        assert!(Thing::mementos().stats().store_faults >= 2);
        let refused = catch_unwind(|| Thing::mementos().remove(1))
            .map(drop)
            .unwrap_err();
        assert!(
            refused
                .downcast_ref::<String>()
                .unwrap()
                .contains("the disk is gone")
        );
        assert!(Registry::current().clear().is_err());
    });
}

#[test]
fn of_two_stores_chosen_at_once_one_is_refused() {
    for _ in 0..300 {
        let registry = Registry::new();
        let start = Barrier::new(2);
        let choose = || {
            start.wait();
            let store = Arc::new(Mutex::new(BTreeMap::new()));
            let chosen = registry.keep_in::<Thing, _>(Arc::clone(&store));
            chosen.is_ok().then_some(store)
        };
        let (one, other) = thread::scope(|scope| {
            let one = scope.spawn(choose);
            let other = scope.spawn(choose);
            (one.join().unwrap(), other.join().unwrap())
        });
        assert_eq!(usize::from(one.is_some()) + usize::from(other.is_some()), 1);
        let chosen = one.or(other).unwrap();
        registry.scope(|| Thing::memento(1));
        assert_eq!(chosen.lock().unwrap().len(), 1, "it is the one in use");
    }
}

#[test]
fn a_store_that_calls_back_from_its_put_is_not_made_to_wait_for_itself() {
    use mementos::store::{MemoryStore, Store, StoreError};
    use std::time::SystemTime;

    struct CallsBack(MemoryStore<u32, Arc<Thing>>);

    impl Store<u32, Arc<Thing>> for CallsBack {
        fn get(&self, key: &u32) -> Result<Option<Arc<Thing>>, StoreError> {
            self.0.get(key)
        }
        fn put(
            &self,
            key: u32,
            thing: Arc<Thing>,
            expires: Option<SystemTime>,
        ) -> Result<Option<Arc<Thing>>, StoreError> {
            Thing::mementos().remove(key);
            self.0.put(key, thing, expires)
        }
        fn delete(&self, key: &u32) -> Result<Option<Arc<Thing>>, StoreError> {
            self.0.delete(key)
        }
        fn clear(&self) -> Result<(), StoreError> {
            self.0.clear()
        }
        fn entries(&self) -> Result<Vec<(u32, Arc<Thing>)>, StoreError> {
            self.0.entries()
        }
    }

    let registry = Registry::new();
    registry
        .keep_in::<Thing, _>(CallsBack(MemoryStore::new()))
        .unwrap();
    registry.scope(|| assert_eq!(Thing::memento(1).0, 1));
}
