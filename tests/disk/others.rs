//! What others do with the file, who know the library beneath.

use crate::support::{Place, disk_error, text};
use mementos::store::bytes::ByteStore;
use mementos::store::disk::{DiskFault, DiskStore};
use redb::{ConcurrencyMode, Database, TableDefinition};
use std::time::Duration;

fn shared(place: &Place) -> Database {
    let mut builder = Database::builder();
    builder.set_concurrency_mode(ConcurrencyMode::MultiWriter);
    builder.create(&place.path).unwrap()
}

fn insert(db: &Database, table: &str, key: &str, value: u64) {
    let transaction = db.begin_write().unwrap();
    let table: TableDefinition<'_, &str, u64> = TableDefinition::new(table);
    transaction
        .open_table(table)
        .unwrap()
        .insert(key, value)
        .unwrap();
    transaction.commit().unwrap();
}

fn fault(place: &Place) -> DiskFault {
    disk_error(&DiskStore::open(&place.path).unwrap_err()).fault()
}

#[test]
fn a_write_that_another_holds_up_is_an_error_in_time() {
    let place = Place::new();
    let store = DiskStore::at(&place.path).wait(Duration::from_millis(50));
    let store = store.open().unwrap();
    store.put("a", b"one", None).unwrap();
    let other = shared(&place);
    let held_up = other.begin_write().unwrap();
    let error = store.put("a", b"two", None).unwrap_err();
    assert_eq!(disk_error(&error).fault(), DiskFault::Busy);
    assert_eq!(text(&store, "a").as_deref(), Some("one"), "reads go on");
    held_up.abort().unwrap();
    store.put("a", b"two", None).unwrap();
}

#[test]
fn compacting_beside_a_read_of_another_is_an_error_and_no_harm() {
    use redb::ReadableDatabase;
    let place = Place::new();
    let store = place.open();
    store.put("a", b"one", None).unwrap();
    let other = shared(&place);
    let reads = other.begin_read().unwrap();
    let error = store.compact().unwrap_err();
    assert_eq!(disk_error(&error).fault(), DiskFault::Busy);
    drop(reads);
    store.compact().unwrap();
    assert_eq!(text(&store, "a").as_deref(), Some("one"));
}

#[test]
fn a_file_that_another_has_for_itself_is_busy() {
    let place = Place::new();
    drop(place.open());
    let exclusive = Database::open(&place.path).unwrap();
    assert_eq!(fault(&place), DiskFault::Busy);
    drop(exclusive);
    place.open();
}

#[test]
fn a_database_of_another_program_is_foreign() {
    let place = Place::new();
    insert(&shared(&place), "theirs", "a", 1);
    assert_eq!(fault(&place), DiskFault::Foreign);
}

#[test]
fn a_store_of_a_later_layout_is_foreign() {
    let place = Place::new();
    drop(place.open());
    insert(&shared(&place), "mementos", "layout", 2);
    assert_eq!(fault(&place), DiskFault::Foreign);
}
