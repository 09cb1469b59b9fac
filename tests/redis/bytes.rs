use crate::server::Server;
use mementos::clock::FakeClock;
use mementos::store::bytes::ByteStore;
use mementos::store::redis::RedisStore;
use std::time::{Duration, SystemTime};

fn after(millis: u64) -> Option<SystemTime> {
    Some(SystemTime::now() + Duration::from_millis(millis))
}

#[test]
fn bytes_are_found_until_they_are_deleted() {
    let server = Server::start();
    let store = server.store();
    assert_eq!(store.get("key").unwrap(), None);
    store.put("key", b"\0\xff bytes", None).unwrap();
    assert_eq!(store.get("key").unwrap().unwrap(), b"\0\xff bytes");
    assert!(store.delete("key").unwrap());
    assert!(!store.delete("key").unwrap());
    assert_eq!(store.get("key").unwrap(), None);
}

#[test]
fn empty_bytes_and_a_megabyte_are_kept_whole() {
    let server = Server::start();
    let store = server.store();
    let large: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
    for bytes in [&[][..], &large] {
        store.put("key", bytes, None).unwrap();
        assert_eq!(store.get("key").unwrap().unwrap(), bytes);
    }
}

#[test]
fn all_processes_see_the_same() {
    let server = Server::start();
    server.store().put("key", b"one", None).unwrap();
    assert_eq!(server.store().get("key").unwrap().unwrap(), b"one");
}

#[test]
fn the_server_gives_up_what_expires_and_not_earlier() {
    let server = Server::start();
    let clock = FakeClock::new();
    let store = server.builder().clock(clock.clone()).open().unwrap();
    let expires = mementos::clock::Clock::now(&clock) + Duration::from_micros(90_000_100);
    store.put("key", b"bytes", Some(expires)).unwrap();
    let millis: i64 = server.ask("PTTL v:{=key}");
    assert!((89_000..=90_001).contains(&millis), "{millis}");
    assert_eq!(
        store.native_ttl("key").unwrap(),
        Some(Duration::from_millis(millis as u64 / 1000 * 1000))
    );
}

#[test]
fn what_does_not_expire_has_no_ttl() {
    let server = Server::start();
    let store = server.store();
    store.put("key", b"bytes", after(60_000)).unwrap();
    store.put("key", b"bytes", None).unwrap();
    assert_eq!(store.native_ttl("key").unwrap(), None);
    assert_eq!(store.native_ttl("other").unwrap(), None);
}

#[test]
fn to_put_what_has_expired_forgets_what_is_there() {
    let server = Server::start();
    let store = server.store();
    let before = Some(SystemTime::UNIX_EPOCH);
    store.put("key", b"old", None).unwrap();
    assert_eq!(
        store.put_if_absent("key", b"x", before).unwrap(),
        Some(false)
    );
    store.put("key", b"new", before).unwrap();
    assert_eq!(store.get("key").unwrap(), None);
    assert_eq!(
        store.put_if_absent("key", b"x", before).unwrap(),
        Some(true)
    );
    assert_eq!(store.get("key").unwrap(), None);
}

#[test]
fn an_expiry_at_the_end_of_time_is_none() {
    let server = Server::start();
    let store = server.store();
    let far = SystemTime::now() + Duration::from_secs(u64::from(u32::MAX) * 1000);
    store.put("key", b"bytes", Some(far)).unwrap();
    assert_eq!(store.native_ttl("key").unwrap(), None);
}

#[test]
fn bytes_are_put_where_there_are_none() {
    let server = Server::start();
    let store = server.store();
    let put = |bytes: &[u8]| store.put_if_absent("key", bytes, after(60_000)).unwrap();
    assert_eq!(put(b"one"), Some(true));
    assert_eq!(put(b"two"), Some(false));
    assert_eq!(store.get("key").unwrap().unwrap(), b"one");
    assert!(store.native_ttl("key").unwrap().is_some());
}

#[test]
fn bytes_are_replaced_where_they_are_the_old_ones() {
    let server = Server::start();
    let store = server.store();
    assert!(!store.replace("key", b"", b"new", None).unwrap());
    store.put("key", b"old", None).unwrap();
    assert!(!store.replace("key", b"other", b"new", None).unwrap());
    assert!(store.replace("key", b"old", b"new", after(60_000)).unwrap());
    assert_eq!(store.get("key").unwrap().unwrap(), b"new");
    assert!(store.native_ttl("key").unwrap().is_some());
    let before = Some(SystemTime::UNIX_EPOCH);
    assert!(store.replace("key", b"new", b"x", before).unwrap());
    assert_eq!(store.get("key").unwrap(), None);
}

#[test]
fn many_are_got_in_the_order_of_their_keys() {
    let server = Server::start();
    let store = server.store();
    store.put("a", b"1", None).unwrap();
    store.put("c", b"3", None).unwrap();
    let found = store.get_many(&["c", "b", "a", "c"]).unwrap();
    let expected = [Some(b"3"), None, Some(b"1"), Some(b"3")];
    assert_eq!(found, expected.map(|b| b.map(|b| b.to_vec())));
    assert!(store.get_many(&[]).unwrap().is_empty());
}

#[test]
fn keys_are_listed_by_what_they_begin_with() {
    let server = Server::start();
    let store = server.builder().prefix("app*:").open().unwrap();
    let odd = [
        "a*b", "a?b", "a[b]", "a\\b", "a{b}c", "}a", "", "axb", "ä ö",
    ];
    for key in odd {
        store.put(key, b"", None).unwrap();
        let listed = store.keys(key).unwrap().unwrap();
        assert!(listed.iter().any(|listed| listed == key), "{key}");
    }
    assert_eq!(store.keys("a*").unwrap().unwrap(), ["a*b"]);
    assert_eq!(store.keys("a[").unwrap().unwrap(), ["a[b]"]);
    assert_eq!(store.keys("").unwrap().unwrap().len(), odd.len());
}

#[test]
fn more_keys_than_a_batch_are_listed_and_deleted() {
    let server = Server::start();
    let store = server.store();
    for n in 0..3000 {
        store.put(&format!("{}:{n}", n % 2), b"", None).unwrap();
    }
    assert_eq!(store.keys("1:").unwrap().unwrap().len(), 1500);
    store.delete_prefix("1:").unwrap();
    assert!(store.keys("1:").unwrap().unwrap().is_empty());
    assert_eq!(store.keys("").unwrap().unwrap().len(), 1500);
}

#[test]
fn to_clear_forgets_what_is_below_the_prefix_alone() {
    let server = Server::start();
    let one = server.builder().prefix("a[1]:").open().unwrap();
    let other = server.builder().prefix("a1:").open().unwrap();
    let () = server.ask("SET other:key kept");
    one.put("key", b"1", None).unwrap();
    other.put("key", b"2", None).unwrap();
    one.clear().unwrap();
    assert_eq!(one.get("key").unwrap(), None);
    assert_eq!(other.get("key").unwrap().unwrap(), b"2");
    assert_eq!(server.ask::<String>("GET other:key"), "kept");
}

#[test]
fn names_on_the_server_are_as_documented() {
    let server = Server::start();
    let store = server.builder().prefix("app:").open().unwrap();
    store.put("key", b"bytes", None).unwrap();
    assert_eq!(server.ask::<String>("GET app:v:{=key}"), "bytes");
    let lease = store.leases().unwrap().acquire("key", Duration::ZERO);
    let lease = lease.unwrap().unwrap();
    let token: String = server.ask("GET app:l:{=key}");
    assert_eq!(token.len(), 32);
    drop(lease);
    assert!(!server.ask::<bool>("EXISTS app:l:{=key}"));
}

#[test]
fn more_callers_than_connections_wait_for_each_other() {
    let server = Server::start();
    let store = server.builder().pool(2).open().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..100 {
                    let key = format!("{thread}:{n}");
                    store.put(&key, key.as_bytes(), None).unwrap();
                    assert_eq!(store.get(&key).unwrap().unwrap(), key.as_bytes());
                }
            });
        }
    });
    let clients: String = server.ask("CLIENT LIST");
    // One more is the connection that asks.
    assert!(clients.lines().count() <= 3, "{clients}");
}

#[test]
fn scripts_that_the_server_forgot_are_sent_again() {
    let server = Server::start();
    let store = server.store();
    assert!(!store.delete("key").unwrap());
    let () = server.ask("SCRIPT FLUSH");
    store.put("key", b"bytes", None).unwrap();
    assert!(store.delete("key").unwrap());
}

#[test]
fn the_database_and_the_password_are_those_of_the_address() {
    let server = Server::start();
    let () = server.ask("CONFIG SET requirepass secret");
    let url = format!("redis://:secret@127.0.0.1:{}/3", server.port());
    let store = RedisStore::at(&url).unwrap().open().unwrap();
    store.put("key", b"bytes", None).unwrap();
    let mut raw = redis::Client::open(url).unwrap().get_connection().unwrap();
    let found: String = redis::cmd("GET").arg("v:{=key}").query(&mut raw).unwrap();
    assert_eq!(found, "bytes");
}

#[test]
fn an_error_of_the_server_is_an_error_and_does_not_open_the_breaker() {
    let server = Server::start();
    let store = server.store();
    let () = server.ask("LPUSH v:{=list} x");
    for _ in 0..20 {
        let said = store.get("list").unwrap_err().to_string();
        assert!(said.contains("WRONGTYPE"), "{said}");
    }
    assert_eq!(store.get("other").unwrap(), None);
}

#[test]
fn what_is_no_address_is_refused_at_once() {
    for url in ["", "http://host", "redis://", "redis://host/x", "host"] {
        assert!(RedisStore::at(url).is_err(), "{url}");
    }
    assert!(RedisStore::cluster([""; 0]).is_err());
    assert!(RedisStore::sentinel([""; 0], "m", "redis://m").is_err());
}

#[test]
fn a_prefix_with_braces_is_refused() {
    let builder = RedisStore::at("redis://localhost").unwrap();
    let said = builder.prefix("{app}:").open().unwrap_err().to_string();
    assert!(said.contains("braces"), "{said}");
}
