use crate::support::{Other, Place, role, say, soaking, text};
use mementos::store::bytes::ByteStore;
use mementos::store::disk::DiskStore;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::thread;
use std::time::Duration;

const WRITERS: usize = 4;

#[test]
fn whatever_was_acknowledged_is_there_after_writers_were_killed() {
    let test = "killed::whatever_was_acknowledged_is_there_after_writers_were_killed";
    if let Some((role, file)) = role() {
        return write_for_ever(&role, &file);
    }
    let place = Place::new();
    let mut acknowledged = Vec::new();
    for round in 0..if soaking() { 200 } else { 20 } {
        acknowledged.extend(one_round(test, round, &place.path));
        let store = place.open();
        for key in &acknowledged {
            assert_eq!(text(&store, key).as_deref(), Some(value(key).as_str()));
        }
    }
    assert!(!acknowledged.is_empty());
}

/// What writers acknowledged before each was killed at a moment of its own, which may
/// be one when it has not opened the file yet.
fn one_round(test: &str, round: usize, file: &Path) -> Vec<String> {
    let writer = |n: usize| {
        let mut writer = Other::start(test, &format!("{round}:{n}"), file);
        thread::sleep(Duration::from_micros(random() % 150_000));
        writer.kill();
        std::iter::from_fn(|| writer.hear()).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| scope.spawn(move || writer(n)))
            .collect();
        let heard = writers.into_iter().map(|thread| thread.join().unwrap());
        heard.flatten().collect()
    })
}

fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// Of several sizes, so that the file grows meanwhile.
fn value(key: &str) -> String {
    key.repeat(1 + key.len() * usize::from(key.as_bytes()[key.len() - 1] - b'0'))
}

fn write_for_ever(name: &str, file: &Path) {
    let store = DiskStore::open(file).unwrap();
    for n in 0.. {
        let key = format!("{name}:{n}");
        store.put(&key, value(&key).as_bytes(), None).unwrap();
        say(&key);
    }
}
