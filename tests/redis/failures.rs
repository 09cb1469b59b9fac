use crate::server::{Server, black_hole, eventually, free_port};
use mementos::Memoizer;
use mementos::store::Leases;
use mementos::store::StoreError;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::store::redis::RedisStore;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(200);
/// What a busy machine may take on top.
const SLACK: Duration = Duration::from_millis(100);
const OPEN: &str = "is taken to be down";

fn store_at(url: &str) -> RedisStore {
    RedisStore::at(url).unwrap().open().unwrap()
}

type Operation = fn(&RedisStore) -> Result<(), StoreError>;

const OPERATIONS: [(&str, Operation); 11] = [
    ("getting", |s| s.get("key").map(drop)),
    ("putting", |s| s.put("key", b"bytes", None)),
    ("putting what is absent", |s| {
        s.put_if_absent("key", b"bytes", None).map(drop)
    }),
    ("replacing", |s| s.replace("key", b"", b"", None).map(drop)),
    ("deleting", |s| s.delete("key").map(drop)),
    ("getting many", |s| s.get_many(&["a", "b"]).map(drop)),
    ("listing keys", |s| s.keys("").map(drop)),
    ("deleting by prefix", |s| s.delete_prefix("k")),
    ("deleting by prefix", |s| s.clear()),
    ("asking for the time to live", |s| {
        s.native_ttl("key").map(drop)
    }),
    ("acquiring a lease", |s| {
        s.acquire("key", Duration::from_secs(60)).map(drop)
    }),
];

fn assert_open(store: &RedisStore) {
    let said = store.get("key").unwrap_err().to_string();
    assert!(said.contains(OPEN), "{said}");
}

fn until_open(store: &RedisStore) {
    eventually(Duration::from_secs(20), || {
        let said = store.get("key").unwrap_err().to_string();
        said.contains(OPEN).then_some(())
    });
}

#[test]
fn a_server_that_refuses_is_an_error_that_names_it_and_no_password() {
    let port = free_port();
    for (did, operation) in OPERATIONS {
        let store = store_at(&format!("redis://me:secret@127.0.0.1:{port}/0"));
        let begin = Instant::now();
        let error = operation(&store).unwrap_err();
        assert!(begin.elapsed() < LIMIT, "{did}");
        let said = format!("{error} {error:?} {store:?}");
        assert!(said.contains(did), "{said}");
        assert!(said.contains(&format!("127.0.0.1:{port}")), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn a_silent_server_costs_its_time_limit_and_no_more() {
    let address = black_hole();
    for (did, operation) in OPERATIONS {
        let store = store_at(&format!("redis://{address}"));
        let begin = Instant::now();
        let said = operation(&store).unwrap_err().to_string();
        assert!(
            begin.elapsed() < LIMIT + SLACK,
            "{did}: {:?}",
            begin.elapsed()
        );
        assert!(said.contains("did not answer within 200ms"), "{said}");
    }
}

#[test]
fn a_password_and_a_database_are_no_further_waits() {
    let address = black_hole();
    let store = store_at(&format!("redis://:secret@{address}/3"));
    let begin = Instant::now();
    assert!(store.get("key").is_err());
    assert!(begin.elapsed() < LIMIT + SLACK, "{:?}", begin.elapsed());
}

#[test]
fn the_time_limit_is_as_set() {
    let address = black_hole();
    let limit = Duration::from_millis(30);
    let builder = RedisStore::at(format!("redis://{address}")).unwrap();
    let store = builder.timeout(limit).open().unwrap();
    let begin = Instant::now();
    assert!(store.get("key").is_err());
    assert!(begin.elapsed() < limit + SLACK, "{:?}", begin.elapsed());
}

#[test]
fn many_callers_of_a_silent_server_wait_no_longer_each() {
    let store = &store_at(&format!("redis://{}", black_hole()));
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(move || {
                let begin = Instant::now();
                assert!(store.get("key").is_err());
                assert!(begin.elapsed() < LIMIT + SLACK, "{:?}", begin.elapsed());
            });
        }
    });
    assert_open(store);
}

#[test]
fn calls_cost_next_to_nothing_while_the_breaker_is_open() {
    let store = store_at(&format!("redis://{}", black_hole()));
    until_open(&store);
    let begin = Instant::now();
    let calls = 1000;
    for _ in 0..calls {
        assert_open(&store);
    }
    let each = begin.elapsed() / calls;
    assert!(each < Duration::from_millis(1) / 10, "{each:?}");
    assert!(store.delete("key").is_err(), "a deletion is never silent");
}

#[test]
fn a_server_that_is_back_is_used_within_a_second() {
    let mut server = Server::start();
    let store = server.store();
    store.put("key", b"bytes", None).unwrap();
    server.kill();
    until_open(&store);
    server.start_again();
    let back = Instant::now();
    eventually(Duration::from_secs(20), || store.get("key").ok());
    assert!(
        back.elapsed() < Duration::from_secs(1),
        "{:?}",
        back.elapsed()
    );
    (0..20).for_each(|_| assert!(store.get("key").is_ok()));
}

#[test]
fn a_silent_server_that_speaks_again_is_used_within_a_second() {
    let server = Server::start();
    let store = server.store();
    store.put("key", b"bytes", None).unwrap();
    server.signal("-STOP");
    until_open(&store);
    server.signal("-CONT");
    let back = Instant::now();
    let found = eventually(Duration::from_secs(20), || store.get("key").ok());
    assert!(
        back.elapsed() < Duration::from_secs(1),
        "{:?}",
        back.elapsed()
    );
    assert_eq!(found.unwrap(), b"bytes");
}

#[test]
fn an_answer_that_comes_late_is_not_taken_for_another() {
    let server = Server::start();
    let store = server.builder().pool(1).open().unwrap();
    store.put("a", b"1", None).unwrap();
    store.put("b", b"2", None).unwrap();
    server.signal("-STOP");
    assert!(store.get("a").is_err());
    server.signal("-CONT");
    assert_eq!(store.get("b").unwrap().unwrap(), b"2");
}

#[test]
fn connections_that_broke_while_they_were_idle_are_made_anew_unnoticed() {
    let mut server = Server::start();
    let store = server.store();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| drop(store.get("key").unwrap())));
        }
    });
    for (did, operation) in OPERATIONS {
        // These would be told that it failed, though it may have been done.
        if !matches!(did, "putting what is absent" | "replacing") {
            server.restart();
            operation(&store).unwrap_or_else(|error| panic!("{did}: {error}"));
        }
    }
}

#[test]
fn a_lease_whose_publishing_failed_is_released_when_the_server_is_back() {
    let server = Server::start();
    let store = server.store();
    let lease = store.acquire("key", Duration::ZERO).unwrap().unwrap();
    server.signal("-STOP");
    let begin = Instant::now();
    assert!(lease.publish(b"bytes", None).is_err());
    drop(lease);
    assert!(begin.elapsed() < LIMIT + SLACK, "{:?}", begin.elapsed());
    server.signal("-CONT");
    eventually(Duration::from_secs(5), || {
        (!server.ask::<bool>("EXISTS l:{=key}")).then_some(())
    });
}

#[test]
fn a_lease_is_renewed_after_the_server_was_silent_for_a_while() {
    let server = Server::start();
    let life = Duration::from_secs(1);
    let store = server.builder().lease(life).open().unwrap();
    let lease = store.acquire("key", Duration::ZERO).unwrap().unwrap();
    server.signal("-STOP");
    std::thread::sleep(life / 2);
    server.signal("-CONT");
    std::thread::sleep(life);
    assert!(server.ask::<bool>("EXISTS l:{=key}"));
    drop(lease);
}

#[test]
fn a_memoizer_answers_all_its_callers_without_a_server_and_deletes_nothing_silently() {
    let silent = format!("redis://{}", black_hole());
    let refusing = format!("redis://127.0.0.1:{}", free_port());
    for url in [silent, refusing] {
        let memo = Memoizer::new(Encoded::new(store_at(&url)));
        for n in 0..1000 {
            let key = format!("key {n}");
            assert_eq!(memo.get(key.as_str(), || n).unwrap(), n);
        }
        assert!(memo.delete("key 1").is_err());
    }
}

#[test]
fn memoizers_in_two_places_share_what_was_built() {
    let server = Server::start();
    let here = Memoizer::new(Encoded::new(server.store()));
    let there = Memoizer::new(Encoded::new(server.store()));
    assert_eq!(here.get("key", || 1).unwrap(), 1);
    assert_eq!(there.get("key", || 2).unwrap(), 1);
    there.delete("key").unwrap();
    assert_eq!(here.get("key", || 3).unwrap(), 3);
}
