use crate::support::{Other, Place, disk_error, role, say};
use mementos::store::bytes::ByteStore;
use mementos::store::disk::{DiskFault, DiskStore};
use std::path::Path;

#[test]
fn a_store_that_had_no_room_goes_on_when_there_is_some() {
    let test = "full::a_store_that_had_no_room_goes_on_when_there_is_some";
    if let Some((_, file)) = role() {
        return fill(&file);
    }
    let place = Place::new();
    let mut other = Other::start_with_small_files(test, "fills", &place.path);
    assert_eq!(other.hear().as_deref(), Some("full: Failed"));
    assert_eq!(other.hear().as_deref(), Some("still there"));
    assert_eq!(other.hear().as_deref(), Some("emptied"));
    assert_eq!(place.open().get("after").unwrap().unwrap(), b"x");
}

fn fill(file: &Path) {
    let store = DiskStore::open(file).unwrap();
    let put = |n: u32| store.put(&format!("{n}"), &[7; 5000], None);
    let error = (0..1000).find_map(|n| put(n).err()).expect("it is full");
    let fault: DiskFault = disk_error(&error).fault();
    say(&format!("full: {fault:?}"));
    assert!(store.get("0").unwrap().is_some());
    say("still there");
    store.clear().unwrap();
    store.put("after", b"x", None).unwrap();
    say("emptied");
}
