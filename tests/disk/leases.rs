use crate::support::{Other, Place, role, say, text, wait_to_be_told};
use mementos::store::bytes::{ByteStore, Lease, Leases};
use mementos::store::disk::DiskStore;
use std::time::{Duration, Instant};

const NOT_AT_ALL: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(60);

fn acquire<'s>(store: &'s DiskStore, key: &str, timeout: Duration) -> Option<Box<dyn Lease + 's>> {
    Leases::acquire(store, key, timeout).unwrap()
}

/// A store whose leases last for `millis`.
fn brief(place: &Place, millis: u64) -> DiskStore {
    let life = Duration::from_millis(millis);
    DiskStore::at(&place.path).lease(life).open().unwrap()
}

#[test]
fn one_at_a_time_holds_a_lease() {
    let place = Place::new();
    let (store, other) = (place.open(), place.open());
    let held = acquire(&store, "a", NOT_AT_ALL).unwrap();
    assert!(acquire(&store, "a", NOT_AT_ALL).is_none());
    assert!(acquire(&other, "a", NOT_AT_ALL).is_none());
    assert!(acquire(&other, "b", NOT_AT_ALL).is_some());
    drop(held);
    assert!(acquire(&other, "a", NOT_AT_ALL).is_some());
}

#[test]
fn publishing_keeps_the_bytes_and_releases() {
    let place = Place::new();
    let store = place.open();
    let lease = acquire(&store, "a", NOT_AT_ALL).unwrap();
    assert!(lease.publish(b"one", None).unwrap());
    assert_eq!(text(&store, "a").as_deref(), Some("one"));
    assert!(acquire(&store, "a", NOT_AT_ALL).is_some());
    assert!(!lease.publish(b"two", None).unwrap());
    assert_eq!(text(&store, "a").as_deref(), Some("one"));
}

#[test]
fn a_dropped_lease_of_the_past_leaves_the_next_one_alone() {
    let place = Place::new();
    let store = place.open();
    let first = acquire(&store, "a", NOT_AT_ALL).unwrap();
    store.delete("a").unwrap();
    let second = acquire(&store, "a", NOT_AT_ALL).unwrap();
    drop(first);
    assert!(acquire(&store, "a", NOT_AT_ALL).is_none());
    assert!(second.publish(b"one", None).unwrap());
}

#[test]
fn who_waits_gets_the_lease_when_it_is_released() {
    let place = Place::new();
    let (store, other) = (place.open(), place.open());
    let held = acquire(&store, "a", NOT_AT_ALL).unwrap();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| acquire(&other, "a", LONG).is_some());
        held.publish(b"one", None).unwrap();
        assert!(waits.join().unwrap());
    });
}

#[test]
fn waiting_ends_with_the_timeout() {
    let place = Place::new();
    let store = place.open();
    let _held = acquire(&store, "a", NOT_AT_ALL).unwrap();
    let began = Instant::now();
    let timeout = Duration::from_millis(120);
    assert!(acquire(&store, "a", timeout).is_none());
    assert!(began.elapsed() >= timeout);
    assert!(began.elapsed() < LONG);
}

/// Deletes in some way.
type Deletes = fn(&DiskStore);

#[test]
fn deleting_in_any_way_voids_the_lease() {
    let ways: [Deletes; 3] = [
        |store| assert!(!store.delete("key:a").unwrap()),
        |store| store.delete_prefix("key:").unwrap(),
        |store| store.clear().unwrap(),
    ];
    let place = Place::new();
    let (store, other) = (place.open(), place.open());
    for delete in ways {
        let lease = acquire(&store, "key:a", NOT_AT_ALL).unwrap();
        delete(&other);
        assert!(!lease.publish(b"old", None).unwrap());
        assert_eq!(text(&store, "key:a"), None);
    }
}

#[test]
fn deleting_by_another_prefix_leaves_the_lease() {
    let place = Place::new();
    let store = place.open();
    let lease = acquire(&store, "key:a", NOT_AT_ALL).unwrap();
    store.delete_prefix("key:b").unwrap();
    assert!(lease.publish(b"one", None).unwrap());
}

#[test]
fn a_value_under_way_never_outlives_a_delete() {
    let place = Place::new();
    let (store, other) = (place.open(), place.open());
    for round in 0..200 {
        let key = format!("{round}");
        let lease = acquire(&store, &key, NOT_AT_ALL).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| other.delete(&key).unwrap());
            lease.publish(b"old", None).unwrap();
        });
        assert_eq!(text(&store, &key), None);
    }
}

#[test]
fn a_lease_is_renewed_as_long_as_it_is_held() {
    let place = Place::new();
    let (store, other) = (brief(&place, 300), place.open());
    let lease = acquire(&store, "a", NOT_AT_ALL).unwrap();
    // Three lives of it.
    assert!(acquire(&other, "a", Duration::from_millis(900)).is_none());
    assert!(lease.publish(b"one", None).unwrap());
}

#[test]
fn a_lease_that_nobody_renews_ends() {
    let place = Place::new();
    let store = brief(&place, 200);
    std::mem::forget(acquire(&store, "a", NOT_AT_ALL).unwrap());
    drop(store);
    let store = place.open();
    assert!(acquire(&store, "a", LONG).is_some());
}

#[test]
fn leases_of_the_dead_are_swept() {
    let place = Place::new();
    let store = brief(&place, 30);
    std::mem::forget(acquire(&store, "a", NOT_AT_ALL).unwrap());
    drop(store);
    let store = place.open();
    let held = acquire(&store, "b", NOT_AT_ALL).unwrap();
    // Waits for the end of the other.
    drop(acquire(&store, "a", LONG).unwrap());
    store.sweep(std::time::SystemTime::now()).unwrap();
    assert!(
        held.publish(b"one", None).unwrap(),
        "the living keep theirs"
    );
}

#[test]
fn a_panic_releases() {
    let place = Place::new();
    let store = place.open();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _held = acquire(&store, "a", NOT_AT_ALL).unwrap();
        std::panic::resume_unwind(Box::new("a build that fails"));
    }));
    assert!(outcome.is_err());
    assert!(acquire(&store, "a", NOT_AT_ALL).is_some());
}

#[test]
fn the_lease_of_a_killed_process_is_had_within_its_life_and_a_second() {
    let test = "leases::the_lease_of_a_killed_process_is_had_within_its_life_and_a_second";
    if let Some((_, file)) = role() {
        return hold(
            &DiskStore::at(file)
                .lease(Duration::from_secs(2))
                .open()
                .unwrap(),
        );
    }
    let place = Place::new();
    let store = place.open();
    let mut holder = Other::start(test, "holder", &place.path);
    assert_eq!(holder.hear().as_deref(), Some("held"));
    assert!(acquire(&store, "a", NOT_AT_ALL).is_none());
    holder.kill();
    let began = Instant::now();
    let lease = acquire(&store, "a", LONG).unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    assert!(lease.publish(b"one", None).unwrap());
}

#[cfg(unix)]
#[test]
fn what_a_process_publishes_that_was_stopped_past_its_lease_is_refused() {
    let test = "leases::what_a_process_publishes_that_was_stopped_past_its_lease_is_refused";
    if let Some((_, file)) = role() {
        return hold(
            &DiskStore::at(file)
                .lease(Duration::from_secs(1))
                .open()
                .unwrap(),
        );
    }
    let place = Place::new();
    let store = place.open();
    let mut holder = Other::start(test, "holder", &place.path);
    assert_eq!(holder.hear().as_deref(), Some("held"));
    holder.signal("-STOP");
    let lease = acquire(&store, "a", LONG).unwrap();
    holder.signal("-CONT");
    holder.tell();
    assert_eq!(holder.hear().as_deref(), Some("published: false"));
    assert_eq!(text(&store, "a"), None);
    assert!(lease.publish(b"new", None).unwrap(), "its lease is intact");
    assert_eq!(text(&store, "a").as_deref(), Some("new"));
}

/// What the other process does: holds a lease until it is told to publish.
fn hold(store: &DiskStore) {
    let lease = acquire(store, "a", NOT_AT_ALL).unwrap();
    say("held");
    wait_to_be_told();
    let published = lease.publish(b"old", None).unwrap();
    say(&format!("published: {published}"));
}
