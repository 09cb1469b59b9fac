use crate::support::{Place, sorted_keys, text};
use mementos::store::bytes::ByteStore;

#[test]
fn compacting_gives_file_space_back() {
    let place = Place::new();
    let store = place.open();
    let size = || std::fs::metadata(&place.path).unwrap().len();
    for n in 0..50 {
        store.put(&format!("{n}"), &[7; 100_000], None).unwrap();
    }
    for n in 1..50 {
        store.delete(&format!("{n}")).unwrap();
    }
    let before = size();
    assert!(before > 5_000_000);
    let freed = store.compact().unwrap();
    assert_eq!(freed, before - size());
    assert!(size() < 1_000_000, "{} bytes are left", size());
    assert_eq!(sorted_keys(&store, ""), ["0"]);
    assert_eq!(store.get("0").unwrap().unwrap(), [7; 100_000]);
}

#[test]
fn compacting_goes_on_while_another_has_the_file_open() {
    let place = Place::new();
    let (store, other) = (place.open(), place.open());
    store.put("large", &[7; 5_000_000], None).unwrap();
    other.put("a", b"one", None).unwrap();
    store.delete("large").unwrap();
    assert!(store.compact().unwrap() > 4_000_000);
    assert_eq!(text(&other, "a").as_deref(), Some("one"));
    other.put("b", b"two", None).unwrap();
    assert_eq!(text(&store, "b").as_deref(), Some("two"));
}

#[test]
fn other_threads_may_work_while_the_file_is_compacted() {
    let place = Place::new();
    let store = place.open();
    std::thread::scope(|scope| {
        let works = scope.spawn(|| {
            for n in 0..10 {
                store.put(&format!("{n}"), &[7; 10_000], None).unwrap();
                assert!(store.get(&format!("{n}")).unwrap().is_some());
            }
        });
        while !works.is_finished() {
            store.compact().unwrap();
        }
    });
    assert_eq!(store.len().unwrap(), 10);
}
