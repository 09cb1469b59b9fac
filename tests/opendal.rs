//! Stores of bytes in what OpenDAL reaches: memory and a file system.

use mementos::store::bytes::{ByteStore, Encoded};
use mementos::store::opendal::OpendalStore;
use mementos::testing::byte_stores;
use mementos::{Memoizer, Options};
use opendal::Operator;
use opendal::services::{Fs, Memory};
use std::path::Path;
#[cfg(unix)]
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

fn memory() -> Operator {
    Operator::new(Memory::default()).unwrap()
}

fn fs(dir: &Path) -> Operator {
    Operator::new(Fs::default().root(dir.to_str().unwrap())).unwrap()
}

fn atomic_fs(dir: &Path) -> Operator {
    let dir = dir.to_str().unwrap();
    let fs = Fs::default().root(&format!("{dir}/root"));
    Operator::new(fs.atomic_write_dir(&format!("{dir}/writing"))).unwrap()
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Keys that nobody would choose, and keys that are long.
fn awkward_keys() -> Vec<String> {
    let keys = [
        "", "A", "a", ".", "../..", "/etc", "nul", "a\0b", "\n", "k~/k", "_41",
    ];
    let mut keys: Vec<_> = keys.map(str::to_owned).into();
    keys.extend([199, 200, 201, 1000].map(|length| "k".repeat(length)));
    keys.extend([199, 200, 201].map(|length| "Ä".repeat(length)));
    keys
}

#[test]
fn memory_conforms() {
    byte_stores::conform(|| OpendalStore::new(memory()));
}

#[test]
fn a_file_system_conforms() {
    let dir = dir();
    byte_stores::conform(|| OpendalStore::new(fs(dir.path())));
}

#[test]
fn awkward_keys_are_listed_as_they_are_and_deleted() {
    let dir = dir();
    for operator in [memory(), fs(dir.path())] {
        let store = OpendalStore::new(operator);
        let mut keys = awkward_keys();
        for key in &keys {
            store.put(key, key.as_bytes(), None).unwrap();
        }
        for key in &keys {
            assert_eq!(store.get(key).unwrap().as_deref(), Some(key.as_bytes()));
        }
        let mut listed = store.keys("").unwrap().unwrap();
        listed.sort();
        keys.sort();
        assert_eq!(listed, keys);
        let long = store.keys(&"k".repeat(200)).unwrap().unwrap();
        assert_eq!(long.len(), 3, "{long:?}");
        store.delete_prefix(&"k".repeat(201)).unwrap();
        assert!(store.get(&"k".repeat(200)).unwrap().is_some());
        assert_eq!(store.get(&"k".repeat(1000)).unwrap(), None);
        store.clear().unwrap();
        assert!(store.keys("").unwrap().unwrap().is_empty());
    }
}

#[test]
fn what_is_not_the_stores_own_stays() {
    let dir = dir();
    let store = OpendalStore::new(fs(dir.path()));
    store.put("key", b"value", None).unwrap();
    let own = ["notes.txt", "entries/notes.txt"].map(|name| dir.path().join(name));
    own.iter()
        .for_each(|file| std::fs::write(file, "mine").unwrap());
    assert_eq!(store.keys("").unwrap().unwrap(), ["key"]);
    store.clear().unwrap();
    assert!(own.iter().all(|file| file.exists()));
}

#[test]
fn a_sweep_gives_up_what_has_expired_and_nothing_else() {
    let dir = dir();
    for operator in [memory(), fs(dir.path())] {
        let store = OpendalStore::new(operator);
        let now = SystemTime::now();
        store.put("soon", b"", Some(now + SECOND)).unwrap();
        store.put("later", b"value", Some(now + LONG)).unwrap();
        store.put("never", b"value", None).unwrap();
        assert_eq!(store.sweep(now).unwrap(), 0);
        assert_eq!(store.sweep(now + SECOND).unwrap(), 1);
        assert_eq!(store.sweep(now + SECOND).unwrap(), 0);
        let mut left = store.keys("").unwrap().unwrap();
        left.sort();
        assert_eq!(left, ["later", "never"]);
    }
}

#[test]
fn an_object_that_is_cut_short_is_a_miss_that_is_counted_and_overwritten() {
    let dir = dir();
    let memo = Memoizer::new(Encoded::new(OpendalStore::new(fs(dir.path()))));
    memo.get("key", || 1_u32).unwrap();
    let file = dir.path().join("entries/kkey");
    for length in [0, 7, 8, 30] {
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..length]).unwrap();
        let faults = memo.stats().store_faults;
        assert_eq!(memo.get("key", || 2_u32).unwrap(), 2);
        assert!(memo.stats().store_faults > faults, "{length}");
        assert_eq!(memo.get("key", || 3_u32).unwrap(), 2);
    }
}

#[test]
fn two_processes_share_results_by_a_directory() {
    let dir = dir();
    for operator in [fs, atomic_fs] {
        let memo = || Memoizer::new(Encoded::new(OpendalStore::new(operator(dir.path()))));
        let (one, other) = (memo(), memo());
        assert_eq!(one.get("key", || 1_u32).unwrap(), 1);
        assert_eq!(other.get("key", || 2_u32).unwrap(), 1);
        assert!(other.delete("key").unwrap());
        assert_eq!(one.get("key", || 3_u32).unwrap(), 3);
        one.clear().unwrap();
        assert_eq!(other.get("key", || 4_u32).unwrap(), 4);
    }
}

#[test]
fn one_of_many_builds() {
    let dir = dir();
    let builds = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let memo = Memoizer::new(Encoded::new(OpendalStore::new(fs(dir.path()))));
                let build = || {
                    builds.fetch_add(1, SeqCst);
                    7_u32
                };
                assert_eq!(memo.get("key", build).unwrap(), 7);
            });
        }
    });
    assert_eq!(builds.load(SeqCst), 1);
}

#[test]
fn a_lease_is_renewed_while_it_is_held() {
    let dir = dir();
    for operator in [memory(), fs(dir.path())] {
        let store = || OpendalStore::new(operator.clone()).lease(Duration::from_millis(300));
        let (one, other) = (store(), store());
        let held = one.leases().unwrap().acquire("key", LONG).unwrap().unwrap();
        let three_lives = Duration::from_millis(900);
        let waited = other.leases().unwrap().acquire("key", three_lives).unwrap();
        assert!(waited.is_none());
        other.sweep(SystemTime::now()).unwrap();
        assert!(held.publish(b"value", None).unwrap());
    }
}

#[test]
fn a_lease_may_last_for_ever_and_no_time_at_all() {
    for lasts in [Duration::MAX, Duration::ZERO] {
        let store = OpendalStore::new(memory()).lease(lasts);
        let held = store
            .leases()
            .unwrap()
            .acquire("key", LONG)
            .unwrap()
            .unwrap();
        assert!(held.publish(b"value", None).unwrap());
    }
}

/// A holder that was stopped for longer than its lease lasts, and goes on.
#[test]
fn a_lease_that_expired_is_taken_over_and_the_late_publish_refused() {
    let dir = dir();
    let store = OpendalStore::new(fs(dir.path())).lease(LONG);
    let leases = store.leases().unwrap();
    let late = leases.acquire("key", LONG).unwrap().unwrap();
    let path = dir.path().join("leases/kkey");
    let mut lease = std::fs::read(&path).unwrap();
    lease[..8].fill(0);
    std::fs::write(&path, lease).unwrap();
    let next = leases.acquire("key", LONG).unwrap().unwrap();
    assert!(!late.publish(b"old", None).unwrap());
    drop(late);
    assert!(next.publish(b"new", None).unwrap());
    assert_eq!(store.get("key").unwrap().as_deref(), Some(&b"new"[..]));
}

#[test]
fn a_lease_that_nobody_renews_expires() {
    let dir = dir();
    let store = OpendalStore::new(fs(dir.path())).lease(LONG);
    // As a holder that died leaves it: an expiry in 1970, and a token.
    let left = [&[0; 8][..], &[b'0'; 32]].concat();
    let path = dir.path().join("leases/kkey");
    std::fs::create_dir(dir.path().join("leases")).unwrap();
    std::fs::write(&path, &left).unwrap();
    let leases = store.leases().unwrap();
    drop(leases.acquire("key", Duration::ZERO).unwrap().unwrap());
    std::fs::write(&path, &left).unwrap();
    store.sweep(SystemTime::now()).unwrap();
    assert!(!path.exists());
    // One that is not yet written: it may be in a moment.
    std::fs::write(&path, "").unwrap();
    assert!(leases.acquire("key", Duration::ZERO).unwrap().is_none());
    let hasty = OpendalStore::new(fs(dir.path())).lease(Duration::ZERO);
    assert!(
        hasty
            .leases()
            .unwrap()
            .acquire("key", LONG)
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_released_lease_leaves_nothing_behind() {
    let dir = dir();
    let store = OpendalStore::new(fs(dir.path())).lease(Duration::from_millis(60));
    let held = store
        .leases()
        .unwrap()
        .acquire("key", LONG)
        .unwrap()
        .unwrap();
    let beats = dir.path().join("beats");
    while !beats.exists() {
        thread::yield_now();
    }
    held.publish(b"value", None).unwrap();
    drop(held);
    store.sweep(SystemTime::now() + LONG).unwrap();
    let left = |name: &str| std::fs::read_dir(dir.path().join(name)).unwrap().count();
    assert_eq!(left("leases"), 0);
    assert_eq!(left("entries"), 1);
}

#[test]
fn it_may_be_asked_within_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let memo = Memoizer::new(Encoded::new(OpendalStore::new(memory())));
        assert_eq!(memo.get("key", || 1_u32).unwrap(), 1);
    });
}

/// A pipe that nobody writes to keeps its reader waiting.
#[cfg(unix)]
#[test]
fn a_service_that_does_not_answer_in_time_is_an_error() {
    let dir = dir();
    let store = OpendalStore::new(fs(dir.path())).timeout(Duration::from_millis(50));
    store.put("other", b"value", None).unwrap();
    let pipe = dir.path().join("entries/kkey");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let error = store.get("key").unwrap_err().to_string();
    assert!(error.contains("longer than 50ms"), "{error}");
    assert!(store.get_many(&["other", "key"]).is_err());
    // Its readers are let go: nothing of the test outlives it.
    std::fs::write(&pipe, "").unwrap();
}

#[test]
fn a_service_that_is_too_slow_breaks_no_caller() {
    let store = OpendalStore::new(memory()).timeout(Duration::ZERO);
    let memo = Memoizer::new(Encoded::new(store));
    let soon = Options::new().timeout(SECOND);
    assert_eq!(memo.get_with("key", soon, || 1_u32).unwrap(), 1);
}

#[test]
fn memoizers_over_memory_and_over_files() {
    let encoded = |operator| Encoded::new(OpendalStore::new(operator));
    mementos::testing::memoizers::conform(|| encoded(memory()).into());
    let dir = tempfile::tempdir().unwrap();
    mementos::testing::memoizers::conform(|| encoded(fs(dir.path())).into());
}
