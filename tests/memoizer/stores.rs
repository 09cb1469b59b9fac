//! What results are kept in.

use crate::support::*;
use dashmap::DashMap;
use mementos::store::{MemoryStore, SharedStore, Store, StoreError};
use mementos::{AnyValue, BuildError, Entry, MemoError, Memoizer, Options, memoize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

type Kept = Entry<AnyValue>;

/// What a memoizer does over any store.
fn behaves(store: impl Into<SharedStore>) {
    #[memoize(prefix = "length")]
    fn length(text: &str) -> usize {
        text.len()
    }

    let clock = mementos::clock::FakeClock::new();
    let memo = Memoizer::new(store).clock(clock.clone());
    assert_eq!(memo.get("number", || 1_u32).unwrap(), 1);
    assert_eq!(memo.get("number", || 2_u32).unwrap(), 1);
    let text = || "text".to_owned();
    assert_eq!(memo.get("text", text).unwrap(), "text");
    assert!(memo.exists("number").unwrap());
    assert!(!memo.exists("numbers").unwrap());

    assert!(memo.expire("number", secs(10)).unwrap());
    assert_eq!(memo.ttl("number").unwrap(), Some(secs(10)));
    clock.advance(secs(10));
    assert_eq!(memo.get("number", || 3_u32).unwrap(), 3);

    assert!(memo.delete("number").unwrap());
    assert!(!memo.delete("number").unwrap());
    assert!(!memo.exists("number").unwrap());

    memo.scope(|| {
        assert_eq!((length("four"), length("four")), (4, 4));
        assert!(length::exists("four"));
        assert!(length::delete("four").unwrap());
        assert!(!length::exists("four"));
        length("four");
        memo.get("length", || 1).unwrap();
        length::clear().unwrap();
        assert!(!length::exists("four"));
        assert!(memo.exists("length").unwrap(), "it is not the function's");
    });

    memo.clear().unwrap();
    assert!(!memo.exists("text").unwrap());
}

#[test]
fn the_memory_store_is_one() {
    behaves(MemoryStore::<String, Kept>::new());
}

#[test]
fn maps_behind_a_lock_are_stores() {
    behaves(std::sync::Mutex::<HashMap<String, Kept>>::default());
    behaves(std::sync::Mutex::<BTreeMap<String, Kept>>::default());
    behaves(std::sync::RwLock::<HashMap<String, Kept>>::default());
    behaves(std::sync::RwLock::<BTreeMap<String, Kept>>::default());
    behaves(parking_lot::Mutex::<HashMap<String, Kept>>::default());
    behaves(parking_lot::RwLock::<BTreeMap<String, Kept>>::default());
}

#[test]
fn a_concurrent_map_is_a_store() {
    behaves(DashMap::<String, Kept>::new());
}

#[test]
fn a_store_may_be_boxed_or_shared() {
    behaves(Arc::new(DashMap::<String, Kept>::new()));
    let boxed: Box<dyn Store<String, Kept>> = Box::new(DashMap::<String, Kept>::new());
    behaves(boxed);
    behaves(SharedStore::new(DashMap::<String, Kept>::new()));
}

#[cfg(feature = "bounded")]
#[test]
fn the_bounded_store_is_one() {
    use mementos::store::BoundedStore;
    behaves(BoundedStore::<String, Kept>::new(100));

    let store = Arc::new(BoundedStore::<String, Kept>::new(10));
    let memo = Memoizer::new(Arc::clone(&store));
    for key in 0..1000 {
        assert_eq!(memo.get(&key.to_string(), || key).unwrap(), key);
        assert!(store.len().unwrap() <= 11);
    }
}

/// A list of pairs, as a crate's cache that knows nothing of this one.
#[derive(Default)]
struct Foreign(VecDeque<(String, Kept)>);

/// That cache as a store.
#[derive(Default)]
struct Wrapped(std::sync::Mutex<Foreign>);

impl Store<String, Kept> for Wrapped {
    fn get(&self, key: &String) -> Result<Option<Kept>, StoreError> {
        let foreign = self.0.lock().unwrap();
        let found = foreign.0.iter().find(|(known, _)| known == key);
        Ok(found.map(|(_, entry)| entry.clone()))
    }

    fn put(
        &self,
        key: String,
        entry: Kept,
        _: Option<SystemTime>,
    ) -> Result<Option<Kept>, StoreError> {
        let old = self.delete(&key)?;
        self.0.lock().unwrap().0.push_back((key, entry));
        Ok(old)
    }

    fn delete(&self, key: &String) -> Result<Option<Kept>, StoreError> {
        let mut foreign = self.0.lock().unwrap();
        let at = foreign.0.iter().position(|(known, _)| known == key);
        Ok(at.and_then(|at| foreign.0.remove(at)).map(|(_, old)| old))
    }

    fn clear(&self) -> Result<(), StoreError> {
        self.0.lock().unwrap().0.clear();
        Ok(())
    }

    fn entries(&self) -> Result<Vec<(String, Kept)>, StoreError> {
        Ok(self.0.lock().unwrap().0.iter().cloned().collect())
    }
}

#[test]
fn a_foreign_cache_can_be_wrapped() {
    behaves(Wrapped::default());
}

#[test]
fn memoizers_over_one_map_share_its_entries() {
    let rows = Rows::default();
    let [one, other] = [(); 2].map(|()| Memoizer::new(Arc::clone(&rows)));
    assert_eq!(one.get("key", || 1).unwrap(), 1);
    assert_eq!(other.get("key", || 2).unwrap(), 1);
    assert!(other.delete("key").unwrap());
    assert!(!one.exists("key").unwrap());
}

#[test]
fn memoizers_over_one_shared_store_join_each_others_builds() {
    let nested = Nested::alone();
    let store = SharedStore::new(Rows::default());
    let [one, other] = [(); 2].map(|()| Memoizer::new(store.clone()));
    let door = Door::new();
    let slow = || {
        door.pass();
        1
    };
    std::thread::scope(|threads| {
        let leads = threads.spawn(|| one.get("key", slow).unwrap());
        door.until_came(1);
        let joins = threads.spawn(|| {
            let inner = || other.get("key", || 2).unwrap();
            other.get("own", inner).unwrap()
        });
        nested.until_waiting(1);
        door.open();
        assert_eq!((leads.join().unwrap(), joins.join().unwrap()), (1, 1));
    });
}

/// A store whose operations fail where `fails` says so.
fn failing(fails: fn(Doing<'_>) -> bool) -> Hooked {
    Hooked::new(move |doing| match fails(doing) {
        true => Err(StoreError::new("trying", "out of order")),
        false => Ok(()),
    })
}

#[test]
fn a_failing_read_is_a_counted_miss() {
    let memo = Memoizer::new(failing(|doing| matches!(doing, Doing::Get(_))));
    assert_eq!(memo.get("key", || 1).unwrap(), 1);
    let after_one = memo.stats().store_faults;
    assert!(after_one > 0);
    assert_eq!(memo.get("key", || 2).unwrap(), 2);
    assert!(memo.stats().store_faults > after_one);
    assert!(!memo.exists("key").unwrap());
    assert_eq!(memo.ttl("key").unwrap(), None);
}

#[test]
fn a_failing_read_of_a_function_is_a_counted_miss() {
    #[memoize]
    fn double(x: u32) -> u32 {
        2 * x
    }

    let memo = Memoizer::new(failing(|doing| matches!(doing, Doing::Get(_))));
    memo.scope(|| {
        assert_eq!((double(1), double(1)), (2, 2));
        let stats = double::stats();
        assert_eq!(stats.builds, 2);
        assert!(stats.store_faults >= 2, "{stats:?}");
        assert!(!double::exists(1));
    });
}

#[test]
fn a_failing_write_is_counted_and_the_value_is_given() {
    let memo = Memoizer::new(failing(|doing| matches!(doing, Doing::Put(..))));
    assert_eq!(memo.get("key", || 1).unwrap(), 1);
    assert_eq!(memo.stats().store_faults, 1);
    assert!(!memo.exists("key").unwrap());
    assert_eq!(memo.get("key", || 2).unwrap(), 2);
}

#[test]
fn a_failing_write_is_told_to_the_observer() {
    let notes = Arc::new(Notes::default());
    let memo = Memoizer::new(failing(|doing| matches!(doing, Doing::Put(..))));
    let memo = memo.observer(Arc::clone(&notes));
    memo.get("key", || 1).unwrap();
    assert_eq!(notes.count("store_fault"), 1);
}

#[test]
fn a_failing_delete_is_an_error() {
    #[memoize]
    fn double(x: u32) -> u32 {
        2 * x
    }

    let memo = Memoizer::new(failing(|doing| matches!(doing, Doing::Delete(_))));
    memo.get("key", || 1).unwrap();
    let error = memo.delete("key").unwrap_err();
    assert!(matches!(error, MemoError::Store(_)));
    assert!(error.to_string().contains("out of order"), "{error}");
    memo.scope(|| {
        double(1);
        assert!(matches!(double::delete(1), Err(MemoError::Store(_))));
        assert!(matches!(double::clear(), Err(MemoError::Store(_))));
    });
}

#[test]
fn a_store_that_cannot_be_listed_or_cleared_is_an_error() {
    #[memoize]
    fn double(x: u32) -> u32 {
        2 * x
    }

    let memo = Memoizer::new(failing(|doing| matches!(doing, Doing::Clear | Doing::List)));
    memo.get("key", || 1).unwrap();
    assert!(memo.clear().is_err());
    memo.scope(|| {
        double(1);
        assert!(matches!(double::clear(), Err(MemoError::Store(_))));
    });
}

#[test]
fn a_failing_expire_is_an_error() {
    #[memoize]
    fn double(x: u32) -> u32 {
        2 * x
    }

    let is_broken = Arc::new(AtomicBool::new(false));
    let breaks = Arc::clone(&is_broken);
    let memo = Memoizer::new(Hooked::new(move |doing| {
        match breaks.load(Ordering::SeqCst) && matches!(doing, Doing::Put(..)) {
            true => Err(StoreError::new("putting", "out of order")),
            false => Ok(()),
        }
    }));
    memo.get("key", || 1).unwrap();
    memo.scope(|| double(1));
    is_broken.store(true, Ordering::SeqCst);
    let error = memo.expire("key", secs(1)).unwrap_err();
    assert!(matches!(error, MemoError::Store(_)), "{error}");
    let error = memo.scope(|| double::expire(secs(1), 1)).unwrap_err();
    assert!(matches!(error, MemoError::Store(_)), "{error}");
}

#[test]
fn a_panic_in_a_store_frees_the_key() {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let memo = Memoizer::new(Hooked::new(move |doing| {
        let puts = matches!(doing, Doing::Put(..));
        assert!(!(puts && is_broken.load(Ordering::SeqCst)), "broken");
        Ok(())
    }));
    catch_unwind(AssertUnwindSafe(|| memo.get("key", || 1))).unwrap_err();
    broken.store(false, Ordering::SeqCst);
    assert_eq!(memo.get("key", || 2).unwrap(), 2);
    assert_eq!(memo.get("key", || 3).unwrap(), 2);
}

#[test]
fn a_value_of_another_type_is_a_counted_miss_and_replaced() {
    let (memo, rows, _) = over_rows();
    memo.get("key", || 1_u32).unwrap();
    assert_eq!(memo.stats().store_faults, 0);
    let text = memo.get("key", || "text".to_owned()).unwrap();
    assert_eq!(text, "text");
    assert!(memo.stats().store_faults > 0);
    let kept = row(&rows, "key");
    assert_eq!(kept.value().downcast_ref(), Some(&"text".to_owned()));
    assert!(memo.entry::<u32>("key").unwrap().is_none());
}

#[test]
fn a_function_takes_no_value_that_is_not_its_own() {
    #[memoize(prefix = "double")]
    fn double(x: u32) -> u32 {
        2 * x
    }

    let (memo, _, _) = over_rows();
    memo.get("double(1)", || 7_u32).unwrap();
    memo.scope(|| {
        assert_eq!(double(1), 2);
        assert!(double::stats().store_faults > 0);
        assert!(double::exists(1));
    });
}

#[test]
fn keys_that_print_alike_do_not_meet() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Secret(u32);

    impl std::fmt::Debug for Secret {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Secret")
        }
    }

    #[memoize]
    fn told(secret: &Secret) -> u32 {
        secret.0
    }

    over_rows().0.scope(|| {
        assert_eq!((told(&Secret(1)), told(&Secret(2))), (1, 2));
        assert!(told::exists(&Secret(2)));
        assert!(!told::exists(&Secret(1)), "the other has its place");
    });
}

#[test]
fn a_long_key_is_kept_and_found() {
    let (memo, rows, _) = over_rows();
    let long = "x".repeat(10_000);
    assert_eq!(memo.get(&long, || 1).unwrap(), 1);
    assert_eq!(memo.get(&long, || 2).unwrap(), 1);
    assert!(keys(&rows)[0].len() <= 200);
    assert!(memo.delete(&long).unwrap());
}

/// A function with a shared store is cleared by what its keys begin with.
#[test]
fn clear_reaches_results_whose_keys_are_long() {
    #[memoize(prefix = "length")]
    fn length(text: &str) -> usize {
        text.len()
    }

    let (memo, rows, _) = over_rows();
    memo.scope(|| {
        length(&"x".repeat(1000));
        length::clear().unwrap();
        assert_eq!(keys(&rows), [""; 0]);
    });
}

#[test]
fn clear_reaches_results_in_a_long_namespace() {
    #[memoize(prefix = "length")]
    fn length(text: &str) -> usize {
        text.len()
    }

    for long in [150, 300] {
        let (memo, rows, _) = over_rows();
        let memo = memo.namespace("n".repeat(long));
        memo.scope(|| {
            length(&"x".repeat(100));
            assert!(length::exists(&"x".repeat(100)));
            length::clear().unwrap();
            assert_eq!(keys(&rows), [""; 0], "in a namespace of {long} bytes");
        });
    }
}

#[test]
fn a_function_can_leave_the_store_of_its_memoizer() {
    #[memoize(store = "none")]
    fn double(x: u32) -> u32 {
        2 * x
    }

    let (memo, rows, _) = over_rows();
    memo.scope(|| {
        assert_eq!(double(1), 2);
        assert!(keys(&rows).is_empty());
        assert_eq!(double::function().len(), 1);
    });
}

#[test]
fn a_slow_put_keeps_nobody_else_waiting() {
    let door = Arc::new(Door::new());
    let at_door = Arc::clone(&door);
    let memo = Memoizer::new(Hooked::new(move |doing| {
        if matches!(doing, Doing::Put("slow", _)) {
            at_door.pass();
        }
        Ok(())
    }));

    std::thread::scope(|threads| {
        let slow = threads.spawn(|| memo.get("slow", || 1).unwrap());
        door.until_came(1);
        for key in 0..1000 {
            assert_eq!(memo.get(&key.to_string(), || key).unwrap(), key);
            assert!(memo.delete(&key.to_string()).unwrap());
        }
        door.open();
        assert_eq!(slow.join().unwrap(), 1);
    });
    assert!(memo.exists("slow").unwrap());
}

#[test]
fn a_delete_during_a_slow_put_takes_out_what_was_put() {
    let door = Arc::new(Door::new());
    let at_door = Arc::clone(&door);
    let memo = Memoizer::new(Hooked::new(move |doing| {
        if matches!(doing, Doing::Put(..)) {
            at_door.pass();
        }
        Ok(())
    }));

    std::thread::scope(|threads| {
        let slow = threads.spawn(|| memo.get("slow", || 1).unwrap());
        door.until_came(1);
        let deleted = threads.spawn(|| memo.delete("slow").unwrap());
        door.open();
        assert_eq!(slow.join().unwrap(), 1);
        deleted.join().unwrap();
    });
    assert!(!memo.exists("slow").unwrap());
}

#[test]
fn a_store_that_asks_for_the_key_it_is_asked_for_gets_the_circle() {
    let memo = Arc::new(std::sync::OnceLock::<Memoizer>::new());
    let asks = Arc::clone(&memo);
    let store = Hooked::new(move |doing| {
        if matches!(doing, Doing::Put("key", _)) {
            let asked = asks.get().unwrap().get("key", || 2);
            assert!(matches!(asked, Err(BuildError::Recursion(_))), "{asked:?}");
        }
        Ok(())
    });
    let memo = memo.get_or_init(|| Memoizer::new(store));
    assert_eq!(memo.get_with("key", Options::new(), || 1).unwrap(), 1);
}

#[test]
fn a_store_that_is_replaced_is_given_up() {
    #[memoize]
    fn one() -> u32 {
        1
    }

    let rows = Rows::default();
    let memo = Memoizer::new(Arc::clone(&rows));
    assert_eq!(memo.scope(one), 1);
    assert!(Arc::strong_count(&rows) > 1);
    memo.set_defaults(|_| Options::new());
    assert_eq!(memo.scope(one), 1);
    assert_eq!(Arc::strong_count(&rows), 1);
}
