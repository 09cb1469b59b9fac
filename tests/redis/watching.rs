//! What the server tells by itself, and what memory in front of it does with that.

use crate::proxy::Proxy;
use crate::server::{Server, eventually, free_port};
use mementos::Memoizer;
use mementos::store::Tiered;
use mementos::store::bytes::{ByteStore, Change, Encoded, Watch};
use mementos::store::redis::{RedisBuilder, RedisStore};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
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

/// What is read before the server tells what changes, and replaced before it does.
#[test]
fn what_changed_before_the_server_began_to_tell_is_found() {
    let server = Server::start();
    let proxy = Proxy::to(server.port());
    proxy.hold();
    let at = RedisStore::at(proxy.url()).unwrap();
    let patient = at.timeout(60 * SOON).ping(HOUR).open().unwrap();
    let near = Memoizer::new(Tiered::new(Encoded::new(patient)).no_older_than(HOUR));
    let other = other(&server);
    proxy.until_somebody_listens();
    put(&other, 1);
    assert_eq!(got(&near), 1);
    put(&other, 2);
    assert_eq!(got(&near), 1, "nothing has been told");
    proxy.open();
    until_it_gets(&near, 2, 5 * SOON);
}

/// How old what is near may be, in the tests of that limit.
const PING: Duration = Duration::from_millis(800);

/// A memoizer with memory in front of a server to which it listens through a proxy.
fn near_by_proxy(server: &Server) -> (Memoizer, Proxy) {
    let proxy = Proxy::to(server.port());
    let at = RedisStore::at(proxy.url()).unwrap();
    // An operation that takes long is no reason to be deaf for as long.
    let store = at.ping(PING).timeout(60 * SOON).open().unwrap();
    let far = Encoded::new(store);
    let near = Memoizer::new(Tiered::new(far).no_older_than(HOUR));
    server.until_it_is_listened_to();
    (near, proxy)
}

/// Another replaces what is near. How long after that the last call began that was given
/// the old value; not much more than twice the limit.
fn age_of_what_is_replaced(near: &Memoizer, other: &Memoizer, value: u64) -> Duration {
    put(other, value);
    let changed = Instant::now();
    let mut oldest = Duration::ZERO;
    while oldest < 2 * PING {
        let age = changed.elapsed();
        if got(near) == value {
            break;
        }
        oldest = age;
        std::thread::sleep(Duration::from_millis(1));
    }
    oldest
}

/// Something happens to a connection on which changes are heard, and goes on to. What is
/// replaced then, and once it has been found out that changes are not heard, is not
/// given any more when it was replaced longer ago than the limit. A busy machine may be
/// late once; a listener that is late is so every time.
fn assert_that_nothing_old_outlives_the_limit(
    happens: impl Fn(&Proxy),
    goes_on: impl Fn(&Proxy) + Sync,
) {
    let mut ages = [(); 4].map(|()| Vec::new());
    for _ in 0..3 {
        let server = Server::start();
        let (near, proxy) = near_by_proxy(&server);
        let other = other(&server);
        assert_eq!(got(&near), 0);
        happens(&proxy);
        let (begin, is_over) = (Instant::now(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(SeqCst) && begin.elapsed() < 10 * PING {
                    goes_on(&proxy);
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
            for (value, ages) in (1..).zip(&mut ages) {
                ages.push(age_of_what_is_replaced(&near, &other, value));
            }
            is_over.store(true, SeqCst);
        });
    }
    for ages in &ages {
        let late = ages.iter().filter(|&&age| age > PING).count();
        assert!(
            late < 2,
            "old values so long after they were replaced: {ages:?}"
        );
    }
}

#[test]
fn nothing_old_outlives_the_limit_while_the_connection_is_cut() {
    assert_that_nothing_old_outlives_the_limit(Proxy::cut, |_| {});
}

#[test]
fn nothing_old_outlives_the_limit_while_the_connection_is_silent() {
    assert_that_nothing_old_outlives_the_limit(Proxy::hold, |_| {});
}

/// What the server tells has been on its way for too long.
#[test]
fn nothing_old_outlives_the_limit_while_only_old_changes_are_heard() {
    let told = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$10\r\nv:{=other}\r\n";
    assert_that_nothing_old_outlives_the_limit(Proxy::hold, |proxy| proxy.say(told));
}

#[test]
fn nothing_old_outlives_the_limit_while_one_change_comes_slowly() {
    let begin = |proxy: &Proxy| {
        proxy.hold();
        proxy.say(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$9999\r\nv:{=");
    };
    assert_that_nothing_old_outlives_the_limit(begin, |proxy| proxy.say(b"x"));
}

#[test]
fn a_server_that_falls_silent_may_have_changed_and_goes_on_to() {
    let server = Server::start();
    let (_watch, heard) = watched(server.builder().ping(PING));
    server.until_it_is_listened_to();
    while heard.recv_timeout(PING).is_ok() {}

    server.signal("-STOP");
    for _ in 0..5 {
        assert_eq!(heard.recv_timeout(PING + SLACK), Ok(Heard::All));
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
    let (_watch, heard) = watched(server.builder().ping(SOON / 4));
    let id = server.until_it_is_listened_to();
    while heard.recv_timeout(SOON / 4).is_ok() {}
    assert!(heard.recv_timeout(2 * SOON).is_err());
    assert_eq!(server.until_it_is_listened_to(), id);
}

#[test]
fn a_server_that_is_down_does_not_keep_whoever_begins_or_ends_to_listen() {
    let port = free_port();
    let begin = Instant::now();
    let at = RedisStore::at(format!("redis://127.0.0.1:{port}")).unwrap();
    let (watch, heard) = watched(at.ping(PING / 2));
    assert!(begin.elapsed() < SLACK);
    // By then a new connection is tried every second.
    while begin.elapsed() < 4 * SOON {
        assert_eq!(heard.recv_timeout(PING / 2), Ok(Heard::All));
    }
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
            let patience = if stayed == 0 { 5 * SOON } else { SLACK };
            while get(&key) != NEW && deleted.elapsed() < patience {}
            stayed += u64::from(get(&key) != NEW);
        }
        assert_eq!(stayed, 0, "old values that stayed");
        let old = reader.join().unwrap();
        assert!(old > 0, "no read came before its deletion");
    });
}
