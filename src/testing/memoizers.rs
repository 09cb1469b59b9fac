//! What a memoizer must do over any store.

use super::groups;
use crate::clock::FakeClock;
use crate::etag::Etag;
use crate::memoizer::Memoizer;
use crate::options::Options;
use crate::store::SharedStore;
use std::cell::Cell;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

/// Holds a store against all that a memoizer promises over one. `make` makes an empty
/// store each time; where it cannot be emptied in advance, `conform` clears it first.
///
/// ```
/// use mementos::{store::MemoryStore, testing::memoizers};
///
/// memoizers::conform(|| MemoryStore::new().into());
/// ```
///
/// # Panics
///
/// Where the memoizer does not do what it must: the message says what.
pub fn conform(make: impl Fn() -> SharedStore) {
    let fresh = || {
        let clock = FakeClock::new();
        let memo = Memoizer::new(make()).clock(clock.clone());
        memo.clear().expect("a store can be cleared");
        (memo, clock)
    };
    let tests: [fn(&Memoizer, &FakeClock); 11] = [
        keeps_what_was_built,
        forgets_what_is_deleted,
        builds_anew_what_is_too_old,
        changes_an_expiry,
        builds_anew_for_another_etag,
        keeps_namespaces_apart,
        asks_for_several_at_once,
        keeps_no_failure,
        builds_once_for_many,
        keeps_nothing_that_was_deleted_while_it_was_built,
        clears,
    ];
    for test in tests {
        let (memo, clock) = fresh();
        test(&memo, &clock);
    }
    groups::conform(make);
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The result for a key, where it is kept.
fn kept(memo: &Memoizer, key: &str) -> u32 {
    let built = || -> u32 { panic!("{key} should be kept") };
    memo.get(key, built).expect("it is kept")
}

fn keeps_what_was_built(memo: &Memoizer, _: &FakeClock) {
    assert!(!memo.exists("a").unwrap(), "nothing is kept at first");
    assert_eq!(memo.get("a", || 1_u32).unwrap(), 1);
    assert_eq!(kept(memo, "a"), 1);
    assert!(memo.exists("a").unwrap());
    assert_eq!(
        memo.get("b", || 2_u32).unwrap(),
        2,
        "another key is another"
    );
    assert_eq!(memo.refresh("a", || 3_u32).unwrap(), 3);
    assert_eq!(kept(memo, "a"), 3, "a refresh replaces");
}

fn forgets_what_is_deleted(memo: &Memoizer, _: &FakeClock) {
    memo.get("a", || 1_u32).unwrap();
    memo.get("b", || 2_u32).unwrap();
    assert!(memo.delete("a").unwrap(), "it was kept");
    assert!(!memo.delete("a").unwrap(), "it is not any more");
    assert!(!memo.exists("a").unwrap());
    assert_eq!(kept(memo, "b"), 2);
    assert_eq!(memo.get("a", || 3_u32).unwrap(), 3);
}

fn builds_anew_what_is_too_old(memo: &Memoizer, clock: &FakeClock) {
    let minute = Options::new().max_age(secs(60));
    let builds = Cell::new(0);
    let build = || builds.replace(builds.get() + 1);
    let get = || memo.get_with("a", &minute, build).unwrap();
    assert_eq!((get(), get()), (0_u32, 0));
    clock.advance(secs(59));
    assert_eq!(get(), 0, "it is fresh while its age is below the limit");
    clock.advance(secs(1));
    assert_eq!(get(), 1, "and not when it has reached it");
}

fn changes_an_expiry(memo: &Memoizer, clock: &FakeClock) {
    assert!(!memo.expire("a", secs(5)).unwrap(), "nothing is kept");
    memo.get("a", || 1_u32).unwrap();
    assert!(memo.expire("a", secs(600)).unwrap());
    let left = memo.ttl("a").unwrap().expect("it has an end now");
    assert!(left <= secs(600) && left > secs(590), "{left:?}");
    assert!(memo.expire("a", secs(5)).unwrap());
    assert_eq!(kept(memo, "a"), 1);
    clock.advance(secs(5));
    assert!(!memo.exists("a").unwrap());
    assert_eq!(memo.get("a", || 2_u32).unwrap(), 2);
}

fn builds_anew_for_another_etag(memo: &Memoizer, _: &FakeClock) {
    let of = |etag: &str| Options::new().etag(etag);
    memo.get_with("a", of("one"), || 1_u32).unwrap();
    assert_eq!(memo.etag("a").unwrap(), Some(Etag::new("one")));
    let same: u32 = memo.get_with("a", of("one"), || 2_u32).unwrap();
    assert_eq!(same, 1);
    let other: u32 = memo.get_with("a", of("two"), || 3_u32).unwrap();
    assert_eq!(other, 3);
    assert_eq!(kept(memo, "a"), 3, "no etag is no check");
}

fn keeps_namespaces_apart(memo: &Memoizer, _: &FakeClock) {
    let one = memo.with(Options::new().namespace("one"));
    let two = memo.with(Options::new().namespace("two"));
    one.get("a", || 1_u32).unwrap();
    two.get("a", || 2_u32).unwrap();
    assert!(one.delete("a").unwrap());
    assert_eq!(kept(&two, "a"), 2);
}

fn asks_for_several_at_once(memo: &Memoizer, _: &FakeClock) {
    memo.get("b", || 2_usize).unwrap();
    let lengths = |missing: &[&str]| -> Vec<usize> {
        assert_eq!(missing, ["a", "ccc"]);
        missing.iter().map(|key| key.len()).collect()
    };
    let all: Vec<usize> = memo
        .get_many(&["ccc", "b", "a"], Options::new(), |missing| {
            lengths(missing)
        })
        .unwrap();
    assert_eq!(all, [3, 2, 1]);
    assert!(memo.exists("a").unwrap() && memo.exists("ccc").unwrap());
}

fn keeps_no_failure(memo: &Memoizer, _: &FakeClock) {
    let failed: Result<u32, _> = memo.get("a", || Err("no"));
    assert!(failed.is_err());
    assert!(!memo.exists("a").unwrap());
    let panics = || memo.get("a", || -> u32 { panic!("on purpose") });
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert!(!memo.exists("a").unwrap());
    assert_eq!(memo.get("a", || 1_u32).unwrap(), 1, "and nothing is locked");
}

fn builds_once_for_many(memo: &Memoizer, _: &FakeClock) {
    const THREADS: u32 = 4;
    const KEYS: u32 = 10;
    let (builds, start) = (AtomicU32::new(0), Barrier::new(THREADS as usize));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for key in 0..KEYS {
                    let built = memo.get(&key.to_string(), || {
                        builds.fetch_add(1, Ordering::SeqCst);
                        key
                    });
                    assert_eq!(built.unwrap(), key);
                }
            });
        }
    });
    assert_eq!(
        builds.load(Ordering::SeqCst),
        KEYS,
        "one build for each key"
    );
}

fn keeps_nothing_that_was_deleted_while_it_was_built(memo: &Memoizer, _: &FakeClock) {
    let (begun, has_begun) = mpsc::channel();
    let (deleted, is_deleted) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let building = scope.spawn(move || {
            memo.get("a", move || {
                begun.send(()).unwrap();
                is_deleted.recv().unwrap();
                1_u32
            })
        });
        has_begun.recv().unwrap();
        memo.delete("a").unwrap();
        deleted.send(()).unwrap();
        let own: Result<u32, crate::BuildError<Infallible>> = building.join().unwrap();
        assert_eq!(own.unwrap(), 1, "its caller gets it");
    });
    assert!(!memo.exists("a").unwrap(), "and nobody else");
}

fn clears(memo: &Memoizer, _: &FakeClock) {
    for key in 0..20_u32 {
        memo.get(&key.to_string(), || key).unwrap();
    }
    memo.clear().unwrap();
    assert!((0..20_u32).all(|key| !memo.exists(&key.to_string()).unwrap()));
}
