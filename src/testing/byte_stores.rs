//! What every store of bytes must do.

use crate::store::bytes::ByteStore;
use crate::store::{Lease, Leases};
use std::thread;
use std::time::{Duration, SystemTime};

/// Long enough for any store, and no time that a test waits out.
const LONG: Duration = Duration::from_secs(60);
/// For a lease that is held by another: how long a test waits in vain.
const SHORT: Duration = Duration::from_millis(20);

/// Holds a store against all that is promised of one. `make` makes an empty store
/// each time; where it cannot be emptied in advance, `conform` clears it first.
///
/// # Panics
///
/// Where the store does not do what it must: the message says what.
pub fn conform<S: ByteStore>(make: impl Fn() -> S) {
    let fresh = || {
        let store = make();
        store.clear().expect("a store can be cleared");
        store
    };
    finds_what_was_put(&fresh());
    replaces(&fresh());
    deletes(&fresh());
    keeps_any_key_and_any_bytes(&fresh());
    puts_if_absent(&fresh());
    replaces_what_is_still_there(&fresh());
    finds_many(&fresh());
    lists_and_deletes_by_prefix(&fresh());
    clears(&fresh());
    keeps_until_the_expiry(&fresh());
    is_used_from_many_threads(&fresh());
    let store = fresh();
    if let Some(leases) = store.leases() {
        leases_exclude(&store, leases);
        a_lease_publishes_once(&store, leases);
        a_delete_voids_a_lease(&store, leases);
        one_of_many_holds_a_lease(&store, leases);
    }
}

fn finds_what_was_put(store: &impl ByteStore) {
    assert_eq!(store.get("a").unwrap(), None, "nothing is kept at first");
    store.put("a", b"one", None).unwrap();
    assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(store.get("b").unwrap(), None, "another key has nothing");
}

fn replaces(store: &impl ByteStore) {
    store.put("a", b"one", None).unwrap();
    store.put("a", b"two", None).unwrap();
    assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"two"[..]));
}

fn deletes(store: &impl ByteStore) {
    store.put("a", b"one", None).unwrap();
    store.put("b", b"two", None).unwrap();
    assert!(store.delete("a").unwrap(), "it was there");
    assert!(!store.delete("a").unwrap(), "it is there no more");
    assert_eq!(store.get("a").unwrap(), None);
    assert_eq!(store.get("b").unwrap().as_deref(), Some(&b"two"[..]));
    store.put("a", b"three", None).unwrap();
    assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"three"[..]));
}

fn keeps_any_key_and_any_bytes(store: &impl ByteStore) {
    let long = "k".repeat(200);
    let keys = [
        r#"app::f(1, "a")"#,
        "with space",
        "a/b\\c",
        "{braces}",
        "per%20cent",
        "ä€😀",
        "star*[a-z]?",
        "..",
        long.as_str(),
    ];
    let values = [vec![], vec![0], (0..=255).collect(), vec![7; 1 << 20]];
    for (n, key) in keys.iter().enumerate() {
        let value = &values[n % values.len()];
        store.put(key, value, None).unwrap();
        assert_eq!(store.get(key).unwrap().as_ref(), Some(value), "{key:?}");
    }
    for (n, key) in keys.iter().enumerate() {
        let value = &values[n % values.len()];
        assert_eq!(store.get(key).unwrap().as_ref(), Some(value), "{key:?}");
        assert!(store.delete(key).unwrap(), "{key:?}");
    }
}

fn puts_if_absent(store: &impl ByteStore) {
    let Some(was_put) = store.put_if_absent("a", b"one", None).unwrap() else {
        return;
    };
    assert!(was_put, "nothing was there");
    let again = store.put_if_absent("a", b"two", None).unwrap();
    assert_eq!(again, Some(false), "something was there");
    assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"one"[..]));
}

fn replaces_what_is_still_there(store: &impl ByteStore) {
    assert!(!store.replace("a", b"one", b"two", None).unwrap());
    assert_eq!(store.get("a").unwrap(), None, "nothing is put in vain");
    store.put("a", b"one", None).unwrap();
    assert!(!store.replace("a", b"other", b"two", None).unwrap());
    assert!(store.replace("a", b"one", b"two", None).unwrap());
    assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"two"[..]));
}

fn finds_many(store: &impl ByteStore) {
    store.put("a", b"one", None).unwrap();
    store.put("c", b"three", None).unwrap();
    let found = store.get_many(&["c", "b", "a", "a"]).unwrap();
    let found: Vec<_> = found.iter().map(Option::as_deref).collect();
    let expected: [Option<&[u8]>; 4] = [Some(b"three"), None, Some(b"one"), Some(b"one")];
    assert_eq!(found, expected);
    assert_eq!(store.get_many(&[]).unwrap(), []);
}

fn lists_and_deletes_by_prefix(store: &impl ByteStore) {
    let keys = ["a:1", "a:2", "a*:3", "b:1"];
    for key in keys {
        store.put(key, b"value", None).unwrap();
    }
    let Some(mut listed) = store.keys("a:").unwrap() else {
        return;
    };
    listed.sort();
    assert_eq!(listed, ["a:1", "a:2"]);
    assert_eq!(store.keys("").unwrap().map(|all| all.len()), Some(4));
    store.delete_prefix("a*").unwrap();
    assert_eq!(store.get("a*:3").unwrap(), None);
    assert!(store.get("a:1").unwrap().is_some(), "a star is a star");
    store.delete_prefix("a:").unwrap();
    assert_eq!(store.keys("").unwrap().unwrap(), ["b:1"]);
}

fn clears(store: &impl ByteStore) {
    for n in 0..50 {
        store.put(&n.to_string(), b"value", None).unwrap();
    }
    store.clear().unwrap();
    assert!((0..50).all(|n| store.get(&n.to_string()).unwrap().is_none()));
}

fn keeps_until_the_expiry(store: &impl ByteStore) {
    let now = SystemTime::now();
    let later = now + LONG;
    for n in 0..20 {
        store.put(&n.to_string(), b"value", Some(later)).unwrap();
        store.tidy(now);
    }
    store.put("for ever", b"value", None).unwrap();
    store.sweep(now).unwrap();
    let is_there = |key: &str| store.get(key).unwrap().is_some();
    assert!((0..20).all(|n| is_there(&n.to_string())), "given up early");
    if let Some(left) = store.native_ttl("0").unwrap() {
        assert!(
            left <= LONG && left + Duration::from_secs(5) > LONG,
            "{left:?}"
        );
    }
    assert_eq!(store.native_ttl("for ever").unwrap(), None);
    let swept = store.sweep(later + LONG).unwrap();
    let left = (0..20).filter(|n| is_there(&n.to_string())).count();
    assert_eq!(swept + left, 20, "what is swept is gone, and nothing else");
    assert!(is_there("for ever"));
    store.put("0", b"again", None).unwrap();
    store.sweep(later + LONG).unwrap();
    assert!(is_there("0"), "an expiry that was replaced means nothing");
}

fn is_used_from_many_threads(store: &impl ByteStore) {
    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for n in 0..25 {
                    let key = format!("{thread}:{n}");
                    store.put(&key, key.as_bytes(), None).unwrap();
                    assert_eq!(store.get(&key).unwrap().as_deref(), Some(key.as_bytes()));
                }
            });
        }
    });
    let all = (0..4).flat_map(|thread| (0..25).map(move |n| format!("{thread}:{n}")));
    assert!(
        all.into_iter()
            .all(|key| store.get(&key).unwrap().is_some())
    );
}

fn acquire<'l>(leases: &'l dyn Leases, key: &str) -> Box<dyn Lease + 'l> {
    let lease = leases.acquire(key, LONG).unwrap();
    lease.expect("nobody holds it")
}

fn leases_exclude(store: &impl ByteStore, leases: &dyn Leases) {
    let held = acquire(leases, "a");
    assert!(leases.acquire("a", SHORT).unwrap().is_none(), "it is held");
    assert!(
        leases.acquire("b", SHORT).unwrap().is_some(),
        "another key is not"
    );
    drop(held);
    drop(acquire(leases, "a"));
    assert_eq!(store.get("a").unwrap(), None, "a lease is no value");
}

fn a_lease_publishes_once(store: &impl ByteStore, leases: &dyn Leases) {
    let held = acquire(leases, "a");
    assert!(held.publish(b"one", None).unwrap());
    assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"one"[..]));
    let next = acquire(leases, "a");
    assert!(
        !held.publish(b"late", None).unwrap(),
        "the lease was given back"
    );
    drop(held);
    assert!(
        leases.acquire("a", SHORT).unwrap().is_none(),
        "another's lease is intact"
    );
    assert!(next.publish(b"two", None).unwrap());
    assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"two"[..]));
}

fn a_delete_voids_a_lease(store: &impl ByteStore, leases: &dyn Leases) {
    let voids: [(&str, &dyn Fn()); 3] = [
        ("delete", &|| _ = store.delete("a:1").unwrap()),
        ("delete_prefix", &|| store.delete_prefix("a:").unwrap()),
        ("clear", &|| store.clear().unwrap()),
    ];
    for (name, void) in voids {
        let held = acquire(leases, "a:1");
        void();
        assert!(!held.publish(b"old", None).unwrap(), "after {name}");
        assert_eq!(store.get("a:1").unwrap(), None, "after {name}");
    }
}

fn one_of_many_holds_a_lease(store: &impl ByteStore, leases: &dyn Leases) {
    use std::sync::atomic::{AtomicU32, Ordering};
    let holders = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let held = acquire(leases, "many");
                    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
                    store.get("many").unwrap();
                    holders.fetch_sub(1, Ordering::SeqCst);
                    drop(held);
                }
            });
        }
    });
}
