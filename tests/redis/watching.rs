//! What the server tells by itself, and what memory in front of it does with that.

use crate::server::{Server, eventually, free_port};
use mementos::Memoizer;
use mementos::store::Tiered;
use mementos::store::bytes::{ByteStore, Change, Encoded, Watch};
use mementos::store::redis::{RedisBuilder, RedisStore};
use std::sync::Barrier;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// What a busy machine may take on top.
const SLACK: Duration = Duration::from_millis(150);

/// A memoizer with memory in front of a server, which is already listened to.
fn near(server: &Server) -> Memoizer {
    let tiered = Tiered::new(Encoded::new(server.store())).no_older_than(HOUR);
    server.until_it_is_listened_to();
    Memoizer::new(tiered)
}

/// A memoizer as another process has it.
fn other(server: &Server) -> Memoizer {
    Memoizer::new(Encoded::new(server.store()))
}

fn put(memo: &Memoizer, value: u64) {
    let put: u64 = memo.refresh("key", || value).unwrap();
    assert_eq!(put, value);
}

/// What is kept, or a value that nobody puts.
fn got(memo: &Memoizer) -> u64 {
    memo.get("key", || 0).unwrap()
}

fn until_it_gets(memo: &Memoizer, value: u64, limit: Duration) {
    eventually(limit, || (got(memo) == value).then_some(()));
}

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Key(String),
    All,
}

fn watched(builder: RedisBuilder) -> (Watch, Receiver<Heard>) {
    let (tell, heard) = channel();
    let told = move |change: Change<'_>| {
        let change = match change {
            Change::Key(key) => Heard::Key(key.to_owned()),
            Change::All => Heard::All,
        };
        // Who does not listen any more need not be told.
        let _ = tell.send(change);
    };
    let watch = builder.open().unwrap().watch(Box::new(told));
    (watch.unwrap().unwrap(), heard)
}

/// The next key that is told of, whatever else is.
fn next_key(heard: &Receiver<Heard>) -> String {
    loop {
        if let Heard::Key(key) = heard.recv_timeout(5 * SOON).unwrap() {
            return key;
        }
    }
}

#[test]
fn what_another_puts_is_found_soon() {
    let server = Server::start();
    let (near, other) = (near(&server), other(&server));
    for value in 1..20 {
        put(&other, value);
        until_it_gets(&near, value, SOON);
    }
}

#[test]
fn what_another_deletes_is_gone_soon() {
    let server = Server::start();
    let (near, other) = (near(&server), other(&server));
    put(&near, 1);
    assert_eq!(got(&near), 1);
    other.delete("key").unwrap();
    until_it_gets(&near, 0, SOON);
}

#[test]
fn what_another_clears_is_gone_soon() {
    let server = Server::start();
    let (near, other) = (near(&server), other(&server));
    put(&near, 1);
    assert_eq!(got(&near), 1);
    other.clear().unwrap();
    until_it_gets(&near, 0, SOON);
}

#[test]
fn what_is_gone_with_the_whole_database_is_gone_soon() {
    let server = Server::start();
    let near = near(&server);
    put(&near, 1);
    assert_eq!(got(&near), 1);
    let () = server.ask("FLUSHALL");
    until_it_gets(&near, 0, SOON);
}

#[test]
fn what_a_process_puts_itself_it_gets() {
    let server = Server::start();
    let near = near(&server);
    for value in 1..200 {
        put(&near, value);
        assert_eq!(got(&near), value);
    }
}

#[test]
fn what_has_not_changed_is_not_asked_for_again() {
    let server = Server::start();
    let (near, other) = (near(&server), other(&server));
    put(&other, 1);
    until_it_gets(&near, 1, SOON);
    let gets = || -> u64 {
        let stats: String = server.ask("INFO commandstats");
        let line = stats.lines().find(|l| l.starts_with("cmdstat_get:"));
        let calls = line.unwrap().split(['=', ',']).nth(1);
        calls.unwrap().parse().unwrap()
    };
    // What was changed before may still be told.
    eventually(5 * SOON, || {
        let before = gets();
        (0..100).for_each(|_| assert_eq!(got(&near), 1));
        (gets() == before).then_some(())
    });
}

#[test]
fn keys_are_told_as_callers_name_them_and_nothing_else_is() {
    let server = Server::start();
    let (_watch, heard) = watched(server.builder().prefix("app:"));
    server.until_it_is_listened_to();
    let (ours, others) = (server.builder().prefix("app:").open(), server.store());
    let ours = ours.unwrap();
    for key in ["", "}", "{", "a{b}c", "plain"] {
        others.put(key, b"bytes", None).unwrap();
        let () = server.ask("SET app:v:{=open x");
        ours.put(key, b"bytes", None).unwrap();
        assert_eq!(next_key(&heard), key);
        ours.delete(key).unwrap();
        assert_eq!(next_key(&heard), key);
    }
}

#[test]
fn a_listener_says_who_it_is() {
    let server = Server::start();
    let () = server.ask("ACL SETUSER me on >secret ~* &* +@all");
    let () = server.ask("CONFIG SET requirepass other");
    let url = |user| format!("redis://{user}@127.0.0.1:{}", server.port());
    for user in ["me:secret", ":other"] {
        let builder = || RedisStore::at(url(user)).unwrap();
        let (_watch, heard) = watched(builder());
        let store = builder().open().unwrap();
        eventually(5 * SOON, || {
            store.put("key", b"bytes", None).unwrap();
            heard.try_iter().find(|h| matches!(h, Heard::Key(_)))
        });
    }
}

#[cfg(unix)]
#[test]
fn a_server_is_heard_over_a_socket_in_the_file_system() {
    let server = Server::start_with(&["--unixsocket", "socket"]);
    let url = format!("unix://{}", server.folder().join("socket").display());
    let (_watch, heard) = watched(RedisStore::at(url).unwrap());
    server.until_it_is_listened_to();
    server.store().put("key", b"bytes", None).unwrap();
    assert_eq!(next_key(&heard), "key");
}

#[test]
fn what_changes_while_the_connection_is_cut_is_found() {
    let server = Server::start();
    let (near, other) = (near(&server), other(&server));
    for value in 1..20 {
        let id = server.until_it_is_listened_to();
        until_it_gets(&near, value - 1, SOON);
        let killed: u64 = server.ask(&format!("CLIENT KILL ID {id}"));
        assert_eq!(killed, 1);
        put(&other, value);
        until_it_gets(&near, value, 2 * SOON);
    }
}

#[test]
fn a_server_that_falls_silent_may_have_changed_and_goes_on_to() {
    let server = Server::start();
    let (ping, timeout) = (Duration::from_millis(300), Duration::from_millis(200));
    let (_watch, heard) = watched(server.builder().ping(ping).timeout(timeout));
    server.until_it_is_listened_to();
    let quiet = ping + timeout + SLACK;
    while heard.recv_timeout(quiet).is_ok() {}

    server.signal("-STOP");
    assert_eq!(heard.recv_timeout(quiet), Ok(Heard::All));
    let stopped = Instant::now();
    while stopped.elapsed() < 3 * SOON {
        assert_eq!(heard.recv_timeout(SOON + SLACK), Ok(Heard::All));
    }
    server.signal("-CONT");
    let tracked = server.until_it_is_listened_to();
    assert!(!tracked.is_empty());
    eventually(5 * SOON, || {
        server.store().put("key", b"bytes", None).unwrap();
        heard.try_iter().find(|h| matches!(h, Heard::Key(_)))
    });
}

#[test]
fn a_server_that_is_only_quiet_has_not_changed() {
    let server = Server::start();
    let (_watch, heard) = watched(server.builder().ping(Duration::from_millis(20)));
    let id = server.until_it_is_listened_to();
    while heard.recv_timeout(SLACK).is_ok() {}
    assert!(heard.recv_timeout(SOON).is_err());
    assert_eq!(server.until_it_is_listened_to(), id);
}

#[test]
fn a_server_that_is_down_does_not_keep_whoever_begins_or_ends_to_listen() {
    let port = free_port();
    let begin = Instant::now();
    let at = RedisStore::at(format!("redis://127.0.0.1:{port}")).unwrap();
    let (watch, heard) = watched(at);
    assert!(begin.elapsed() < SLACK);
    (0..10).for_each(|_| assert_eq!(heard.recv_timeout(SOON + SLACK), Ok(Heard::All)));
    let begin = Instant::now();
    drop(watch);
    assert!(begin.elapsed() < SLACK);
}

#[test]
fn a_server_that_comes_back_is_heard_again() {
    let mut server = Server::start();
    let (near, other) = (near(&server), other(&server));
    put(&near, 1);
    server.restart();
    server.until_it_is_listened_to();
    // What was idle broke.
    eventually(5 * SOON, || other.refresh::<u64, _>("key", || 2).ok());
    until_it_gets(&near, 2, SOON);
    put(&other, 3);
    until_it_gets(&near, 3, SOON);
}

#[test]
fn nothing_is_told_once_a_watch_is_dropped() {
    let server = Server::start();
    let (watch, heard) = watched(server.builder());
    server.until_it_is_listened_to();
    let begin = Instant::now();
    drop(watch);
    assert!(begin.elapsed() < SLACK);
    // All that could tell is gone.
    while heard.recv_timeout(SOON).is_ok() {}
    assert!(heard.recv().is_err());
}

#[test]
fn one_that_panics_when_it_is_told_is_told_again() {
    let server = Server::start();
    let (tell, heard) = channel();
    let told = move |change: Change<'_>| {
        if let Change::Key(key) = change {
            tell.send(key.to_owned()).unwrap();
            panic!("as a value of a user may when it is dropped");
        }
    };
    let store = server.store();
    let _watch = store.watch(Box::new(told)).unwrap().unwrap();
    server.until_it_is_listened_to();
    for key in ["one", "two"] {
        store.put(key, b"bytes", None).unwrap();
        assert_eq!(heard.recv_timeout(SOON).unwrap(), key);
    }
}

#[test]
fn no_old_value_stays_of_what_is_read_while_another_deletes_it() {
    const NEW: u64 = u64::MAX;
    let rounds = match std::env::var_os("MEMENTOS_SOAK") {
        Some(_) => 10_000,
        None => 1_000,
    };
    let server = Server::start();
    let (near, other) = (near(&server), other(&server));
    let both = Barrier::new(2);
    let get = |key: &str| -> u64 { near.get(key, || NEW).unwrap() };
    let mut stayed = 0;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut old = 0;
            for round in 0..rounds {
                both.wait();
                old += u64::from(get(&round.to_string()) == round);
                both.wait();
            }
            old
        });
        for round in 0..rounds {
            let key = round.to_string();
            let put: u64 = other.refresh(&key, || round).unwrap();
            assert_eq!(put, round);
            both.wait();
            other.delete(&key).unwrap();
            both.wait();
            // A panic here would leave the reader waiting.
            let deleted = Instant::now();
            while get(&key) != NEW && deleted.elapsed() < SOON / 10 {}
            stayed += u64::from(get(&key) != NEW);
        }
        assert_eq!(stayed, 0, "old values that stayed");
        let old = reader.join().unwrap();
        assert!(old > 0, "no read came before its deletion");
    });
}
