//! The bounded store: its bound, its listener, and what runs while it is locked.

use mementos::store::{BoundedStore, Evicted, Store};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, SystemTime};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn filled(capacity: usize, puts: usize) -> BoundedStore<usize, usize> {
    let store = BoundedStore::new(capacity);
    for n in 0..puts {
        store.put(n, n, None).unwrap();
    }
    store
}

/// A listener that writes down what it is told.
type Told<K, V> = Arc<Mutex<Vec<(K, V, Evicted)>>>;

fn listening<K, V>(store: BoundedStore<K, V>) -> (BoundedStore<K, V>, Told<K, V>)
where
    K: mementos::key::Key,
    V: Clone + Send + 'static,
{
    let told = Told::default();
    let notes = Arc::clone(&told);
    let store = store.on_evict(move |key, value, why| {
        notes.lock().unwrap().push((key, value, why));
    });
    (store, told)
}

fn taken<K, V>(told: &Told<K, V>) -> Vec<(K, V, Evicted)> {
    std::mem::take(&mut told.lock().unwrap())
}

mod as_a_store {
    use super::*;

    #[test]
    fn finds_what_was_put() {
        let store = BoundedStore::new(10);
        assert_eq!(store.put("a".to_owned(), 1, None).unwrap(), None);
        assert_eq!(store.get(&"a".to_owned()).unwrap(), Some(1));
        assert_eq!(store.get(&"b".to_owned()).unwrap(), None);
    }

    #[test]
    fn answers_with_what_is_replaced() {
        let store = filled(3, 3);
        assert_eq!(store.put(1, 100, None).unwrap(), Some(1));
        assert_eq!(store.get(&1).unwrap(), Some(100));
        assert_eq!(store.len().unwrap(), 3);
    }

    #[test]
    fn deletes() {
        let store = filled(3, 3);
        assert_eq!(store.delete(&1).unwrap(), Some(1));
        assert_eq!(store.delete(&1).unwrap(), None);
        assert_eq!(store.get(&1).unwrap(), None);
        assert_eq!(store.len().unwrap(), 2);
        store.put(1, 7, None).unwrap();
        assert_eq!(store.get(&1).unwrap(), Some(7));
    }

    #[test]
    fn clears_and_fills_again() {
        for capacity in [5, 20_000] {
            let store = filled(capacity, 2 * capacity);
            store.clear().unwrap();
            assert!(store.is_empty().unwrap());
            assert_eq!(store.weight(), 0);
            store.put(1, 7, None).unwrap();
            assert_eq!(store.entries().unwrap(), [(1, 7)]);
        }
    }

    #[test]
    fn lists_what_is_kept() {
        let store = filled(20_000, 5_000);
        let mut listed = store.entries().unwrap();
        listed.sort_unstable();
        assert!(listed.iter().copied().eq((0..5_000).map(|n| (n, n))));
    }

    #[test]
    fn is_used_through_pointers_and_shows_how_full_it_is() {
        let store: Arc<dyn Store<u32, u32>> = Arc::new(BoundedStore::new(4));
        store.put(1, 2, None).unwrap();
        assert_eq!(store.get(&1).unwrap(), Some(2));
        assert_eq!(format!("{:?}", filled(4, 9)), "BoundedStore(4 of 4)");
    }

    #[test]
    fn agrees_with_a_map_while_it_is_not_full() {
        let store = BoundedStore::new(64);
        let mut map = HashMap::new();
        let mut random = 1_u32;
        for round in 0..20_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = (random >> 16) % 64;
            match (random >> 8) % 4 {
                0 => assert_eq!(store.delete(&key).unwrap(), map.remove(&key)),
                1 => assert_eq!(store.get(&key).unwrap(), map.get(&key).copied()),
                _ => assert_eq!(store.put(key, round, None).unwrap(), map.insert(key, round)),
            }
            assert_eq!(store.len().unwrap(), map.len());
        }
    }
}

mod bound {
    use super::*;

    #[test]
    fn small_stores_fill_up_exactly_and_stay_so() {
        for capacity in (1..=20).chain([100, 1000, 2047]) {
            let store = BoundedStore::new(capacity);
            for n in 0..5 * capacity {
                store.put(n, n, None).unwrap();
                assert_eq!(store.len().unwrap(), capacity.min(n + 1));
                assert_eq!(store.get(&n).unwrap(), Some(n), "the newest is there");
            }
            assert_eq!(store.capacity(), capacity as u64);
            assert_eq!(store.weight(), capacity as u64);
        }
    }

    #[test]
    fn one_for_nothing_keeps_nothing() {
        let (store, told) = listening(BoundedStore::new(0));
        assert_eq!(store.put(1, 2, None).unwrap(), None);
        assert!(store.is_empty().unwrap());
        assert_eq!(taken(&told), [(1, 2, Evicted::TooLarge)]);
    }

    #[test]
    fn large_stores_fill_up_nearly_and_never_over() {
        for capacity in [2048, 10_000, 10_007, 100_000] {
            let len = filled(capacity, capacity).len().unwrap();
            assert!(len <= capacity);
            assert!(len >= capacity * 95 / 100, "{len} of {capacity}");
            let len = filled(capacity, 5 * capacity).len().unwrap();
            assert_eq!(len, capacity);
        }
    }

    #[test]
    fn what_is_used_often_survives_a_long_run_of_others() {
        let store = BoundedStore::new(100);
        for n in 0..10_000 {
            for often in 0..10 {
                if store.get(&often).unwrap().is_none() {
                    store.put(often, often, None).unwrap();
                }
            }
            store.put(1000 + n, n, None).unwrap();
        }
        assert!((0..10).all(|often| store.get(&often).unwrap().is_some()));
    }

    /// A value that counts how many of its kind are alive.
    struct Counted(Arc<AtomicUsize>);

    impl Counted {
        fn new(alive: &Arc<AtomicUsize>) -> Arc<Self> {
            alive.fetch_add(1, Ordering::SeqCst);
            Arc::new(Counted(Arc::clone(alive)))
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Threads put a million keys; one more samples. Returns the highest samples of
    /// the number kept and of the number alive.
    fn highest(capacity: usize, threads: usize, keys: usize) -> (usize, usize) {
        let alive = Arc::new(AtomicUsize::new(0));
        let store = BoundedStore::new(capacity);
        let done = AtomicBool::new(false);
        let (mut most_kept, mut most_alive) = (0, 0);
        thread::scope(|scope| {
            let putters: Vec<_> = (0..threads)
                .map(|thread| {
                    let (store, alive) = (&store, &alive);
                    scope.spawn(move || {
                        for n in 0..keys / threads {
                            let key = n * threads + thread;
                            store.put(key, Counted::new(alive), None).unwrap();
                        }
                    })
                })
                .collect();
            let sampler = scope.spawn(|| {
                let (mut most_kept, mut most_alive) = (0, 0);
                while !done.load(Ordering::Relaxed) {
                    most_kept = most_kept.max(store.len().unwrap());
                    most_alive = most_alive.max(alive.load(Ordering::SeqCst));
                }
                (most_kept, most_alive)
            });
            putters
                .into_iter()
                .for_each(|putter| putter.join().unwrap());
            done.store(true, Ordering::Relaxed);
            (most_kept, most_alive) = sampler.join().unwrap();
        });
        drop(store);
        assert_eq!(alive.load(Ordering::SeqCst), 0, "nothing is lost");
        (most_kept, most_alive)
    }

    #[test]
    fn a_million_keys_from_many_threads_never_exceed_it() {
        const THREADS: usize = 8;
        for capacity in [1, 3, 100, 10_000] {
            let (kept, alive) = highest(capacity, THREADS, 1_000_000);
            println!("{capacity}: at most {kept} kept, {alive} alive");
            assert!(kept <= capacity, "{kept} kept of {capacity}");
            // A value on its way in, and one on its way out.
            assert!(alive <= capacity + 2 * THREADS, "{alive} of {capacity}");
        }
    }
}

mod weight {
    use super::*;

    fn by_value(max: u64) -> BoundedStore<u64, u64> {
        BoundedStore::weighted(max, |_, weight: &u64| *weight)
    }

    #[test]
    fn every_weight_up_to_the_maximum_fits() {
        for max in 1..=300 {
            for weight in 1..=max {
                let store = by_value(max);
                store.put(0, 1, None).unwrap();
                store.put(1, weight, None).unwrap();
                assert_eq!(store.get(&1).unwrap(), Some(weight), "{weight} of {max}");
                assert!(store.weight() <= max);
            }
        }
        for max in [1_000, 1 << 20, (1 << 53) + 1, 1 << 62, u64::MAX] {
            let max = by_value(max).capacity();
            for weight in [max / 2, max / 100 * 97, max - 1, max] {
                let store = by_value(max);
                store.put(1, weight, None).unwrap();
                assert_eq!(store.get(&1).unwrap(), Some(weight), "{weight} of {max}");
            }
        }
    }

    #[test]
    fn a_heavier_value_in_place_of_a_light_one_may_itself_give_way() {
        for max in 1..=50 {
            let (store, told) = listening(by_value(max));
            store.put(1, 1, None).unwrap();
            assert_eq!(store.put(1, max, None).unwrap(), Some(1));
            let gone = taken(&told).contains(&(1, max, Evicted::Capacity));
            assert_eq!(store.get(&1).unwrap(), (!gone).then_some(max));
        }
    }

    #[test]
    fn one_over_the_maximum_is_not_let_in_and_takes_the_old_one_along() {
        let (store, told) = listening(by_value(10));
        store.put(1, 5, None).unwrap();
        store.put(2, 5, None).unwrap();
        assert_eq!(store.put(1, 11, None).unwrap(), Some(5));
        assert_eq!(store.get(&1).unwrap(), None);
        assert_eq!(store.get(&2).unwrap(), Some(5), "the others stay");
        assert_eq!(taken(&told), [(1, 11, Evicted::TooLarge)]);
    }

    #[test]
    fn nothing_weighs_nothing() {
        let store = by_value(10);
        for key in 0..100 {
            store.put(key, 0, None).unwrap();
        }
        assert_eq!(store.len().unwrap(), 10);
        assert_eq!(store.weight(), 10);
    }

    #[test]
    fn the_sum_never_exceeds_the_maximum_and_is_that_of_what_is_kept() {
        for max in [1, 2, 3, 10, 33, 34, 100, 1000] {
            let store = by_value(max);
            let mut random = 7_u64;
            for _ in 0..20_000 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let (key, weight) = ((random >> 33) % 40, (random >> 48) % (max + 2));
                match (random >> 20) % 8 {
                    0 => _ = store.delete(&key).unwrap(),
                    1..3 => _ = store.get(&key).unwrap(),
                    _ => _ = store.put(key, weight, None).unwrap(),
                }
                assert!(store.weight() <= max, "{} of {max}", store.weight());
            }
            let kept = store.entries().unwrap();
            let sum: u64 = kept.iter().map(|(_, weight)| (*weight).max(1)).sum();
            assert_eq!(sum, store.weight());
        }
    }

    #[test]
    fn the_sum_holds_while_many_threads_put() {
        const MAX: u64 = 1000;
        let store = by_value(MAX);
        thread::scope(|scope| {
            for thread in 0..4 {
                let store = &store;
                scope.spawn(move || {
                    for n in 0..50_000_u64 {
                        store.put(n * 4 + thread, n % 120, None).unwrap();
                        assert!(store.weight() <= MAX);
                    }
                });
            }
        });
    }

    #[test]
    fn a_weigher_may_use_the_store() {
        let store: Arc<std::sync::OnceLock<BoundedStore<u64, u64>>> = Arc::default();
        let own = Arc::clone(&store);
        let weigh = move |key: &u64, _: &u64| {
            let store = own.get().expect("it is there");
            store.get(key).unwrap().map_or(1, |old| old + 1)
        };
        let store = store.get_or_init(|| BoundedStore::weighted(10, weigh));
        store.put(1, 3, None).unwrap();
        store.put(1, 3, None).unwrap();
        assert_eq!(store.weight(), 4);
    }
}

mod listener {
    use super::*;

    #[test]
    fn is_told_of_what_makes_room() {
        let (store, told) = listening(BoundedStore::new(3));
        for n in 0..10 {
            store.put(n, 10 * n, None).unwrap();
        }
        let mut gone = taken(&told);
        assert_eq!(gone.len(), 7);
        assert!(gone.iter().all(|(n, value, why)| {
            *value == 10 * n && *why == Evicted::Capacity && store.get(n).unwrap().is_none()
        }));
        gone.extend(
            store
                .entries()
                .unwrap()
                .iter()
                .map(|(n, value)| (*n, *value, Evicted::Capacity)),
        );
        gone.sort_unstable_by_key(|(n, ..)| *n);
        assert!(gone.iter().map(|(n, ..)| *n).eq(0..10), "each once");
    }

    #[test]
    fn is_told_of_all_that_a_heavy_one_pushes_out() {
        let store = BoundedStore::weighted(10, |_: &u32, weight: &u64| *weight);
        let (store, told) = listening(store);
        for key in 0..10 {
            store.put(key, 1, None).unwrap();
        }
        store.put(10, 9, None).unwrap();
        let gone = taken(&told);
        assert_eq!(gone.len(), 9);
        assert!(gone.iter().all(|(.., why)| *why == Evicted::Capacity));
    }

    #[test]
    fn is_told_of_what_expired() {
        let (store, told) = listening(BoundedStore::new(3));
        store.put(1, 1, Some(at(10))).unwrap();
        assert_eq!(store.sweep_expired(at(10)), 1);
        assert_eq!(taken(&told), [(1, 1, Evicted::Expired)]);
    }

    #[test]
    fn is_not_told_of_what_others_did() {
        let (store, told) = listening(BoundedStore::new(3));
        store.put(1, 1, None).unwrap();
        store.put(1, 2, None).unwrap();
        store.delete(&1).unwrap();
        store.put(2, 2, None).unwrap();
        store.clear().unwrap();
        assert_eq!(taken(&told), []);
    }

    #[test]
    fn may_use_the_store() {
        let store: Arc<std::sync::OnceLock<BoundedStore<u32, u32>>> = Arc::default();
        let own = Arc::clone(&store);
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let store = store.get_or_init(|| {
            BoundedStore::new(2).on_evict(move |key, value, why| {
                let store = own.get().expect("it is there");
                assert_eq!(store.get(&key).unwrap(), None);
                assert!(store.len().unwrap() <= 2);
                store.delete(&(key + 1)).unwrap();
                if value > 0 && why == Evicted::Capacity {
                    store.put(key, 0, None).unwrap();
                }
                store.sweep_expired(at(5));
                count.fetch_add(1, Ordering::Relaxed);
            })
        });
        for n in 0..100 {
            store.put(n, n, Some(at(u64::from(n) % 10))).unwrap();
            store.tidy(at(1));
        }
        store.clear().unwrap();
        assert!(calls.load(Ordering::Relaxed) > 0);
    }

    #[test]
    fn that_panics_leaves_the_store_in_order() {
        let store = BoundedStore::new(1).on_evict(|_, _, _| panic!("as it should"));
        store.put(1, 1, None).unwrap();
        let put = std::panic::AssertUnwindSafe(|| store.put(2, 2, None));
        assert!(std::panic::catch_unwind(put).is_err());
        assert_eq!(store.entries().unwrap(), [(2, 2)]);
        store.put(2, 3, None).unwrap();
        assert_eq!(store.get(&2).unwrap(), Some(3));
    }
}

mod with_nothing_locked {
    use super::*;

    type Nosies = BoundedStore<NosyKey, Arc<Nosy>>;

    /// Uses the store it was in as it is dropped.
    struct Nosy(Weak<Nosies>);

    impl Drop for Nosy {
        fn drop(&mut self) {
            if let Some(store) = self.0.upgrade() {
                visit(&store);
            }
        }
    }

    /// A key that does so too, and as it is hashed.
    #[derive(Clone)]
    struct NosyKey(u32, Weak<Nosies>);

    thread_local! {
        static VISITING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }

    fn visit(store: &Nosies) {
        if VISITING.replace(true) {
            return;
        }
        let quiet = |n| NosyKey(n, Weak::new());
        for n in 0..8 {
            store.get(&quiet(n)).unwrap();
        }
        store.delete(&quiet(1000)).unwrap();
        store
            .put(quiet(1000), Arc::new(Nosy(Weak::new())), None)
            .unwrap();
        VISITING.set(false);
    }

    impl Drop for NosyKey {
        fn drop(&mut self) {
            if let Some(store) = self.1.upgrade() {
                visit(&store);
            }
        }
    }

    impl Hash for NosyKey {
        fn hash<H: Hasher>(&self, state: &mut H) {
            if let Some(store) = self.1.upgrade() {
                visit(&store);
            }
            self.0.hash(state);
        }
    }

    impl PartialEq for NosyKey {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }

    impl Eq for NosyKey {}

    impl std::fmt::Debug for NosyKey {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }

    fn use_all(store: Nosies) {
        let store = Arc::new(store);
        let key = |n| NosyKey(n, Arc::downgrade(&store));
        let value = || Arc::new(Nosy(Arc::downgrade(&store)));
        for round in 0..3 {
            for n in 0..40 {
                let expires = (n % 2 == 0).then(|| at(round));
                store.put(key(n), value(), expires).unwrap();
                store.put(key(n), value(), expires).unwrap();
                store.tidy(at(round));
            }
            for n in 0..10 {
                store.delete(&key(n)).unwrap();
            }
            drop(store.entries().unwrap());
            store.sweep_expired(at(round));
        }
        store.clear().unwrap();
    }

    #[test]
    fn keys_and_values_are_dropped_and_hashed() {
        use_all(BoundedStore::new(8));
        use_all(BoundedStore::new(100));
        use_all(BoundedStore::new(0));
        use_all(BoundedStore::weighted(20, |key: &NosyKey, _| {
            u64::from(key.0)
        }));
        use_all(BoundedStore::new(8).on_evict(|key, value, _| drop((key, value))));
    }
}

mod expiry {
    use super::*;

    #[test]
    fn a_hint_is_kept_until_it_has_passed() {
        let store = BoundedStore::new(10);
        store.put(1, 1, Some(at(10))).unwrap();
        store.put(2, 2, Some(at(20))).unwrap();
        store.put(3, 3, None).unwrap();
        assert_eq!(store.sweep_expired(at(9)), 0);
        assert_eq!(store.sweep_expired(at(10)), 1);
        assert_eq!(store.get(&1).unwrap(), None);
        assert_eq!(store.sweep_expired(at(u64::MAX >> 32)), 1);
        assert_eq!(store.entries().unwrap(), [(3, 3)]);
    }

    #[test]
    fn the_last_hint_counts() {
        let store = BoundedStore::new(10);
        store.put(1, 1, Some(at(10))).unwrap();
        store.put(1, 2, Some(at(30))).unwrap();
        store.put(2, 1, Some(at(30))).unwrap();
        store.put(2, 2, Some(at(10))).unwrap();
        assert_eq!(store.sweep_expired(at(20)), 1);
        assert_eq!(store.entries().unwrap(), [(1, 2)]);
    }

    #[test]
    fn those_that_expired_together_go_with_the_next_few_puts() {
        const MANY: usize = 100_000;
        let store = BoundedStore::new(2 * MANY);
        for n in 0..MANY {
            store.put(n, n, Some(at(1))).unwrap();
            store.tidy(at(0));
        }
        assert_eq!(store.len().unwrap(), MANY);
        let shards = 4 * thread::available_parallelism().unwrap().get();
        for n in 0..shards {
            store.put(MANY + n, n, Some(at(100))).unwrap();
            store.tidy(at(2));
        }
        assert_eq!(store.len().unwrap(), shards);
    }

    #[test]
    fn in_a_steady_flow_the_expired_are_about_as_few_as_the_rest() {
        const ALIVE: u64 = 5_000;
        let store = BoundedStore::new(1_000_000);
        for n in 0..20 * ALIVE {
            store.put(n, n, Some(at(n + ALIVE))).unwrap();
            store.tidy(at(n));
            assert!(store.len().unwrap() as u64 <= 2 * ALIVE + 1000);
        }
    }

    #[test]
    fn threads_may_sweep_while_others_put_and_delete() {
        let store = BoundedStore::new(5_000);
        thread::scope(|scope| {
            for thread in 0..4_u64 {
                let store = &store;
                scope.spawn(move || {
                    for n in 0..30_000 {
                        let key = (n * 7 + thread) % 6_000;
                        store.put(key, n, Some(at(n + thread))).unwrap();
                        store.tidy(at(n));
                        if n % 3 == 0 {
                            store.delete(&key).unwrap();
                        }
                        if n % 5_000 == 0 {
                            store.sweep_expired(at(n));
                        }
                    }
                });
            }
        });
        store.sweep_expired(at(40_000));
        assert!(store.is_empty().unwrap());
        assert_eq!(store.weight(), 0);
    }
}
