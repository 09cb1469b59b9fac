use crate::face::{Face, all, begin, block_on};
use crate::leases::until_listening;
use crate::server::{Server, eventually};
use mementos::store::bytes::ByteStore;
use mementos::store::{Lease, Leases};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

const AT_ONCE: Duration = Duration::ZERO;
const SOON: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(20);

fn calls(server: &Server, command: &str) -> u64 {
    let stats: String = server.ask("INFO commandstats");
    let begin = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&begin));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn is_held(server: &Server) -> bool {
    server.ask("EXISTS l:{=key}")
}

fn until_free(server: &Server) {
    eventually(SOON, || (!is_held(server)).then_some(()));
}

/// Polls a future until something is so, and drops it then.
fn cancelled_when(future: impl Future, mut is_so: impl FnMut() -> bool) {
    let mut future = std::pin::pin!(future);
    eventually(LONG, || {
        let polled = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        is_so().then_some(())
    });
}

#[test]
fn a_lease_is_held_by_one_of_all_callers() {
    let server = Server::start();
    let face = Face(server.store());
    let awaited = face.acquire("key", AT_ONCE).unwrap().unwrap();
    assert!(face.acquire("key", AT_ONCE).unwrap().is_none());
    assert!(face.0.acquire("key", AT_ONCE).unwrap().is_none());
    drop(awaited);
    let blocking = face.0.acquire("key", LONG).unwrap().unwrap();
    assert!(face.acquire("key", AT_ONCE).unwrap().is_none());
    drop(blocking);
    assert!(face.acquire("key", AT_ONCE).unwrap().is_some());
}

#[test]
fn what_is_published_after_the_lease_was_lost_is_refused() {
    let server = Server::start();
    let face = Face(server.store());
    let lease = face.acquire("key", AT_ONCE).unwrap().unwrap();
    assert!(face.delete("key").is_ok());
    assert!(!lease.publish(b"old", None).unwrap());
    let lease = face.acquire("key", AT_ONCE).unwrap().unwrap();
    let () = server.ask("SET l:{=key} another");
    assert!(!lease.publish(b"old", None).unwrap());
    drop(lease);
    assert_eq!(face.get("key").unwrap(), None);
    assert_eq!(server.ask::<String>("GET l:{=key}"), "another");
}

#[test]
fn a_lease_is_renewed_while_it_is_held() {
    let server = Server::start();
    let life = Duration::from_millis(300);
    let face = Face::of(server.builder().lease(life));
    let lease = face.acquire("key", AT_ONCE).unwrap().unwrap();
    eventually(LONG, || (calls(&server, "pexpire") >= 4).then_some(()));
    assert!(lease.publish(b"bytes", None).unwrap());
}

#[test]
fn to_drop_a_lease_waits_for_nothing() {
    let server = Server::start();
    let face = Face(server.store());
    let lease = face.acquire("key", AT_ONCE).unwrap().unwrap();
    server.signal("-STOP");
    let begin = Instant::now();
    drop(lease);
    let took = begin.elapsed();
    server.signal("-CONT");
    assert!(took < Duration::from_millis(100), "{took:?}");
    until_free(&server);
}

#[test]
fn a_lease_that_is_dropped_with_its_store_is_released() {
    let server = Server::start();
    let face = Face(server.store());
    drop(face.acquire("key", AT_ONCE).unwrap().unwrap());
    drop(face);
    until_free(&server);
}

#[test]
fn who_is_cancelled_while_the_server_is_asked_leaves_no_lease() {
    let server = Server::start();
    let face = Face::of(server.builder().timeout(LONG));
    // The connection is there, so that the question is all that is sent.
    assert_eq!(face.get("key").unwrap(), None);
    for published in 1..20 {
        server.signal("-STOP");
        cancelled_when(face.awaits_leases().acquire("key", LONG), || true);
        server.signal("-CONT");
        // It is told of each release, and of nothing else here.
        eventually(SOON, || {
            (calls(&server, "publish") == published).then_some(())
        });
        assert!(!is_held(&server));
    }
}

#[test]
fn who_is_cancelled_while_it_waits_listens_no_more_and_leaves_no_lease() {
    let server = Server::start();
    let face = Face(server.store());
    let held = face.acquire("key", AT_ONCE).unwrap().unwrap();
    cancelled_when(face.awaits_leases().acquire("key", LONG), || {
        server.ask::<(String, u64)>("PUBSUB NUMSUB l:{=key}").1 == 1
    });
    let cancelled = Instant::now();
    until_listening(&server, 0);
    let took = cancelled.elapsed();
    assert!(took < Duration::from_millis(250), "{took:?}");
    drop(held);
    until_free(&server);
    let scripts = calls(&server, "evalsha");
    assert!(face.0.acquire("key", AT_ONCE).unwrap().is_some());
    assert_eq!(
        calls(&server, "evalsha"),
        scripts + 2,
        "nobody else asks for it"
    );
}

#[test]
fn who_waits_gives_up_when_the_time_is_over() {
    let server = Server::start();
    let face = Face(server.store());
    let _held = face.acquire("key", AT_ONCE).unwrap().unwrap();
    let begin = Instant::now();
    let limit = Duration::from_millis(120);
    assert!(face.acquire("key", limit).unwrap().is_none());
    assert!(begin.elapsed() >= limit);
}

#[test]
fn who_waits_is_told_when_the_lease_is_free() {
    let server = Server::start();
    let face = Face(server.store());
    type Release = fn(&Face, Box<dyn Lease + '_>);
    let releases: [Release; 3] = [
        |_, lease| drop(lease),
        |_, lease| assert!(lease.publish(b"bytes", None).unwrap()),
        |face, _lease| assert!(!face.delete("key").unwrap()),
    ];
    for release in releases {
        let lease = face.acquire("key", AT_ONCE).unwrap().unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                assert!(Face(server.store()).acquire("key", LONG).unwrap().is_some());
                Instant::now()
            });
            until_listening(&server, 1);
            let released = Instant::now();
            release(&face, lease);
            let waited = waiter.join().unwrap().duration_since(released);
            assert!(waited < Duration::from_millis(250), "{waited:?}");
        });
        until_free(&server);
        face.delete("key").unwrap();
    }
}

#[test]
fn who_listens_asks_seldom() {
    let server = Server::start();
    let face = Face(server.store());
    let _held = face.acquire("key", AT_ONCE).unwrap().unwrap();
    let limit = Duration::from_secs(2);
    assert!(face.acquire("key", limit).unwrap().is_none());
    let asked = calls(&server, "evalsha");
    assert!(asked < 20, "{asked}");
}

#[test]
fn more_waiters_than_may_listen_all_get_the_lease_in_turn() {
    let server = Server::start();
    let face = &Face::of(server.builder().pool(2));
    let held = face.acquire("key", AT_ONCE).unwrap().unwrap();
    thread::scope(|scope| {
        for n in 0..12 {
            scope.spawn(move || match n % 2 {
                0 => assert!(face.acquire("key", LONG).unwrap().is_some()),
                _ => assert!(face.0.acquire("key", LONG).unwrap().is_some()),
            });
        }
        // Two of those that block, and one connection for all who await.
        until_listening(&server, 3);
        drop(held);
    });
    until_free(&server);
}

#[test]
fn however_many_wait_they_listen_on_one_connection() {
    let server = Server::start();
    let face = Face::of(server.builder().pool(2));
    let keys: Vec<_> = (0..50).map(|n| format!("key {n}")).collect();
    let held: Vec<_> = keys
        .iter()
        .map(|key| face.acquire(key, AT_ONCE).unwrap().unwrap())
        .collect();
    let waiting = keys
        .iter()
        .map(|key| face.awaits_leases().acquire(key, LONG));
    let mut waiting: Vec<_> = waiting.collect();
    for waits in &mut waiting {
        begin(waits);
    }
    eventually(LONG, || {
        let listened: Vec<String> = server.ask("PUBSUB CHANNELS");
        (listened.len() == keys.len()).then_some(())
    });
    let clients: String = server.ask("CLIENT LIST TYPE pubsub");
    assert_eq!(clients.lines().count(), 1, "{clients}");
    drop(held);
    for acquired in block_on(all(waiting)) {
        assert!(acquired.unwrap().is_some());
    }
}

#[test]
fn what_nobody_waits_for_any_more_is_not_listened_to_while_others_wait() {
    let server = Server::start();
    let face = Face(server.store());
    let (_one, _other) = (
        face.acquire("key", AT_ONCE).unwrap().unwrap(),
        face.acquire("other", AT_ONCE).unwrap().unwrap(),
    );
    let mut waits = face.awaits_leases().acquire("other", LONG);
    begin(&mut waits);
    cancelled_when(face.awaits_leases().acquire("key", LONG), || {
        server.ask::<(String, u64)>("PUBSUB NUMSUB l:{=key}").1 == 1
    });
    until_listening(&server, 0);
    eventually(SOON, || {
        (server.ask::<(String, u64)>("PUBSUB NUMSUB l:{=other}").1 == 1).then_some(())
    });
}

#[test]
fn who_listens_goes_on_when_the_connection_breaks() {
    let server = Server::start();
    let face = Face(server.store());
    let held = face.acquire("key", AT_ONCE).unwrap().unwrap();
    let mut waits = face.awaits_leases().acquire("key", LONG);
    begin(&mut waits);
    for _ in 0..3 {
        until_listening(&server, 1);
        let () = server.ask("CLIENT KILL TYPE pubsub");
    }
    until_listening(&server, 1);
    let released = Instant::now();
    assert!(held.publish(b"bytes", None).unwrap());
    assert!(block_on(waits).unwrap().is_some());
    let took = released.elapsed();
    assert!(took < Duration::from_millis(250), "{took:?}");
}

#[test]
fn a_user_that_may_not_listen_waits_all_the_same() {
    let server = Server::start();
    let () = server.ask("ACL SETUSER poor on >secret ~* +@all resetchannels");
    let url = format!("redis://poor:secret@127.0.0.1:{}", server.port());
    let store = mementos::store::redis::RedisStore::at(url).unwrap();
    let face = Face::of(store);
    let held = face.acquire("key", AT_ONCE).unwrap().unwrap();
    let limit = Duration::from_millis(100);
    assert!(face.acquire("key", limit).unwrap().is_none());
    assert!(held.publish(b"bytes", None).unwrap());
    assert!(face.acquire("key", limit).unwrap().is_some());
}

#[test]
fn who_waits_needs_no_runtime_and_any_will_do() {
    let server = Server::start();
    let face = Face(server.store());
    let acquire = || face.awaits_leases().acquire("key", LONG);
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _held = tokio.block_on(acquire()).unwrap().unwrap();
    let expires = || {
        face.awaits_leases()
            .acquire("key", Duration::from_millis(50))
    };
    assert!(tokio.block_on(expires()).unwrap().is_none());
    assert!(smol::block_on(expires()).unwrap().is_none());
    assert!(block_on(expires()).unwrap().is_none());
}
