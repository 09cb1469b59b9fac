//! OpenDAL over SQLite: a service that neither lists what it keeps nor writes only
//! what is not there. Results are kept and deleted one by one, and there are no
//! leases; the suite for stores of bytes asks for more.

use mementos::Memoizer;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::store::opendal::OpendalStore;
use opendal::Operator;
use opendal::services::Sqlite;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::Path;
use tempfile::TempDir;

/// A database with the table that the service expects.
fn database() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(dir.path().join("db"))
        .create_if_missing(true);
    let table = "CREATE TABLE kept (key TEXT PRIMARY KEY, value BLOB)";
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query(table).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    dir
}

fn store(dir: &Path) -> OpendalStore {
    let database = Sqlite::default()
        .connection_string(&format!("sqlite://{}/db", dir.display()))
        .table("kept")
        .key_field("key")
        .value_field("value");
    OpendalStore::new(Operator::new(database).unwrap())
}

#[test]
fn bytes_of_any_key_are_found_replaced_and_deleted() {
    let dir = database();
    let store = store(dir.path());
    let long = "k".repeat(1000);
    for key in [
        "",
        "a",
        "A",
        "a/b\\c",
        "..",
        "ä€😀",
        "'; DROP TABLE kept",
        &long,
    ] {
        assert_eq!(store.get(key).unwrap(), None, "{key:?}");
        store.put(key, b"", None).unwrap();
        store.put(key, key.as_bytes(), None).unwrap();
        assert_eq!(store.get(key).unwrap().as_deref(), Some(key.as_bytes()));
    }
    assert!(store.delete("a").unwrap());
    assert!(!store.delete("a").unwrap());
    let found = store.get_many(&["a", "A", ""]).unwrap();
    assert_eq!(found, [None, Some(b"A".to_vec()), Some(vec![])]);
}

#[test]
fn what_the_service_cannot_do_is_nothing_or_an_error_and_not_silence() {
    let dir = database();
    let store = store(dir.path());
    assert_eq!(store.put_if_absent("a", b"one", None).unwrap(), None);
    assert_eq!(store.keys("").unwrap(), None);
    assert!(store.leases().is_none());
    assert!(store.delete_prefix("a").is_err());
    assert!(store.clear().is_err());
}

#[test]
fn another_process_finds_what_one_has_built() {
    let dir = database();
    let memo = || Memoizer::new(Encoded::new(store(dir.path())));
    assert_eq!(memo().get("key", || 1_u32).unwrap(), 1);
    assert_eq!(memo().get("key", || 2_u32).unwrap(), 1);
    assert!(memo().delete("key").unwrap());
    assert_eq!(memo().get("key", || 3_u32).unwrap(), 3);
}
