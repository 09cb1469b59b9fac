use super::*;

fn put(store: &BoundedStore<u32, u32>, key: u32, value: u32, expires: u64) {
    let leaving = store.keep(hash_of(&key), key, value, Stamp::from_nanos(expires));
    store.tell(leaving);
}

#[test]
fn a_value_is_changed_in_place_and_so_is_its_expiry() {
    let store = BoundedStore::weighted(9, |_, value: &u32| u64::from(*value));
    put(&store, 1, 9, 100);
    let changed = store.update(hash_of(&1_u32), &1_u32, |value, expires| {
        *value += 1;
        *expires = Stamp::from_nanos(50);
        *value
    });
    assert_eq!(changed, Some(10));
    assert_eq!(store.find(hash_of(&1_u32), &1_u32), Some(10));
    assert_eq!(store.weight(), 9, "it is not weighed again");
    assert_eq!(store.sweep_at(Stamp::from_nanos(49)), 0);
    assert_eq!(store.sweep_at(Stamp::from_nanos(50)), 1);
}

#[test]
fn there_is_nothing_to_change_where_nothing_is_kept() {
    let store = BoundedStore::<u32, u32>::new(9);
    assert_eq!(store.update(hash_of(&1_u32), &1_u32, |_, _| ()), None);
    assert!(store.is_empty().unwrap());
}

#[test]
fn keys_of_one_hash_are_kept_apart() {
    let store = BoundedStore::<u32, u32>::new(9);
    for key in 0..6 {
        let expires = Stamp::from_nanos(u64::from(10 * key));
        store.tell(store.keep(7, key, key, expires));
    }
    assert_eq!(store.find(7, &4_u32), Some(4));
    assert_eq!(store.take(7, &5_u32), Some(5));
    assert_eq!(store.sweep_at(Stamp::from_nanos(20)), 3);
    let mut left = store.entries().unwrap();
    left.sort_unstable();
    assert_eq!(left, [(3, 3), (4, 4)]);
}

#[test]
fn a_shard_that_is_paid_for_is_swept_at_its_turn() {
    const MANY: u32 = if cfg!(miri) { 100 } else { 10_000 };
    let store = BoundedStore::new(MANY as usize);
    for key in 0..MANY {
        put(&store, key, key, 10);
    }
    let kept = store.len().unwrap();
    let turns = 0..store.shards.len();
    let now = Stamp::from_nanos(10);
    let swept: usize = turns.map(|_| store.tidy_at(now)).sum();
    assert_eq!(swept, kept);
    assert!(store.is_empty().unwrap());
}

#[test]
fn a_look_at_all_rows_is_paid_for_by_half_as_many_puts() {
    let store = BoundedStore::new(1000);
    for key in 0..100 {
        put(&store, key, key, 1000);
    }
    put(&store, 100, 100, 10);
    let now = Stamp::from_nanos(10);
    assert_eq!(store.tidy_at(now), 1, "the puts so far have paid");
    put(&store, 101, 101, 10);
    assert_eq!(store.tidy_at(now), 0);
    for key in 0..49 {
        put(&store, key, key, 1000);
    }
    assert_eq!(store.tidy_at(now), 1);
}

#[test]
fn parts_make_up_the_capacity() {
    for capacity in [0, 1, 1023, 2048, 2049, 10_000, 10_007, 1_000_003] {
        let store = BoundedStore::<u32, u32>::new(capacity);
        let parts: u64 = store.shards.iter().map(Shard::max).sum();
        assert_eq!(parts, capacity as u64);
        assert!(store.shards.len().is_power_of_two());
    }
}
