use crate::server::{Server, eventually};
use mementos::store::bytes::{ByteStore, Change};
use mementos::store::redis::RedisStore;
use std::sync::mpsc::channel;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

/// A sentinel of its own for a master of the name `main`.
pub(crate) fn sentinel_of(master: &Server) -> Server {
    let file = master
        .folder()
        .join(format!("sentinel {}.conf", master.port()));
    let port = master.port();
    let settings = format!(
        "sentinel monitor main 127.0.0.1 {port} 1\n\
         sentinel down-after-milliseconds main 500\n\
         sentinel failover-timeout main 2000\n"
    );
    std::fs::write(&file, settings).unwrap();
    Server::start_with(&[file.to_str().unwrap(), "--sentinel"])
}

pub(crate) fn store(sentinel: &Server, master: &str) -> RedisStore {
    let builder = RedisStore::sentinel([sentinel.url()], master, "redis://master");
    builder.unwrap().open().unwrap()
}

#[test]
fn the_master_is_the_one_that_the_sentinel_names() {
    let master = Server::start();
    let sentinel = sentinel_of(&master);
    let store = store(&sentinel, "main");
    store.put("key", b"bytes", None).unwrap();
    assert_eq!(master.ask::<String>("GET v:{=key}"), "bytes");
    assert_eq!(store.keys("").unwrap().unwrap(), ["key"]);
}

#[test]
fn a_name_that_no_sentinel_knows_is_an_error() {
    let master = Server::start();
    let sentinel = sentinel_of(&master);
    let said = store(&sentinel, "other")
        .get("key")
        .unwrap_err()
        .to_string();
    assert!(said.contains("no master of that name"), "{said}");
}

#[test]
fn the_next_master_is_found_when_one_fails() {
    let mut master = Server::start();
    let port = master.port().to_string();
    let replica = Server::start_with(&["--replicaof", "127.0.0.1", &port]);
    eventually(LONG, || {
        let info: String = replica.ask("INFO replication");
        info.contains("master_link_status:up").then_some(())
    });
    let sentinel = sentinel_of(&master);
    eventually(LONG, || {
        let info: String = sentinel.ask("INFO sentinel");
        info.contains("slaves=1").then_some(())
    });
    let store = store(&sentinel, "main");
    let (tell, told) = channel();
    let tell = move |change: Change<'_>| tell.send(change != Change::All).unwrap();
    let _watch = store.watch(Box::new(tell)).unwrap().unwrap();
    master.until_it_is_listened_to();
    store.put("key", b"old", None).unwrap();
    master.kill();
    eventually(LONG, || store.put("key", b"new", None).ok());
    assert_eq!(replica.ask::<String>("GET v:{=key}"), "new");
    replica.until_it_is_listened_to();
    told.try_iter().for_each(drop);
    store.put("key", b"newer", None).unwrap();
    eventually(LONG, || told.try_iter().find(|&is_key| is_key));
}
