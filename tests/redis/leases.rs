use crate::server::{Server, eventually};
use mementos::store::bytes::ByteStore;
use mementos::store::redis::RedisStore;
use mementos::store::{Lease, Leases};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

const AT_ONCE: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_lease_is_held_by_one_at_a_time() {
    let server = Server::start();
    let (one, other) = (server.store(), server.store());
    let held = one.acquire("key", AT_ONCE).unwrap().unwrap();
    assert!(other.acquire("key", AT_ONCE).unwrap().is_none());
    assert!(one.acquire("key", AT_ONCE).unwrap().is_none());
    assert!(other.acquire("another", AT_ONCE).unwrap().is_some());
    drop(held);
    assert!(other.acquire("key", AT_ONCE).unwrap().is_some());
}

#[test]
fn who_waits_gives_up_when_the_time_is_over() {
    let server = Server::start();
    let store = server.store();
    let _held = store.acquire("key", AT_ONCE).unwrap().unwrap();
    let begin = Instant::now();
    let limit = Duration::from_millis(120);
    assert!(store.acquire("key", limit).unwrap().is_none());
    assert!(begin.elapsed() >= limit);
}

/// Until so many listen to the release of a key's lease.
pub(crate) fn until_listening(server: &Server, count: u64) {
    eventually(LONG, || {
        let (_, listening): (String, u64) = server.ask("PUBSUB NUMSUB l:{=key}");
        (listening == count).then_some(())
    });
}

#[test]
fn who_waits_is_told_when_the_lease_is_free() {
    let server = Server::start();
    let store = server.store();
    type Release = fn(&RedisStore, Box<dyn Lease + '_>);
    let releases: [Release; 3] = [
        |_, lease| drop(lease),
        |_, lease| assert!(lease.publish(b"bytes", None).unwrap()),
        |store, _lease| assert!(!store.delete("key").unwrap()),
    ];
    for release in releases {
        let lease = store.acquire("key", AT_ONCE).unwrap().unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let other = server.store();
                assert!(other.acquire("key", LONG).unwrap().is_some());
                Instant::now()
            });
            until_listening(&server, 1);
            let released = Instant::now();
            release(&store, lease);
            let waited = waiter.join().unwrap().duration_since(released);
            assert!(waited < Duration::from_millis(250), "{waited:?}");
        });
        store.delete("key").unwrap();
    }
}

#[test]
fn who_listens_asks_seldom() {
    let server = Server::start();
    let store = server.store();
    let _held = store.acquire("key", AT_ONCE).unwrap().unwrap();
    let other = server.store();
    assert!(
        other
            .acquire("key", Duration::from_secs(2))
            .unwrap()
            .is_none()
    );
    let stats: String = server.ask("INFO commandstats");
    let line = stats
        .lines()
        .find(|l| l.starts_with("cmdstat_evalsha"))
        .unwrap();
    let calls = line.split(['=', ',']).nth(1).unwrap();
    assert!(calls.parse::<u64>().unwrap() < 20, "{line}");
}

#[test]
fn more_waiters_than_may_listen_all_get_the_lease_in_turn() {
    let server = Server::start();
    let store = server.builder().pool(2).open().unwrap();
    let held = store.acquire("key", AT_ONCE).unwrap().unwrap();
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| assert!(store.acquire("key", LONG).unwrap().is_some()));
        }
        until_listening(&server, 2);
        drop(held);
    });
    assert!(!server.ask::<bool>("EXISTS l:{=key}"));
}

#[test]
fn a_user_that_may_not_listen_waits_all_the_same() {
    let server = Server::start();
    let () = server.ask("ACL SETUSER poor on >secret ~* +@all resetchannels");
    let url = format!("redis://poor:secret@127.0.0.1:{}", server.port());
    let store = RedisStore::at(url).unwrap().open().unwrap();
    let held = store.acquire("key", AT_ONCE).unwrap().unwrap();
    let limit = Duration::from_millis(100);
    assert!(store.acquire("key", limit).unwrap().is_none());
    assert!(held.publish(b"bytes", None).unwrap());
    assert!(store.acquire("key", limit).unwrap().is_some());
}

#[test]
fn to_publish_keeps_the_bytes_and_releases_the_lease() {
    let server = Server::start();
    let store = server.store();
    let lease = store.acquire("key", AT_ONCE).unwrap().unwrap();
    let expires = SystemTime::now() + Duration::from_secs(60);
    assert!(lease.publish(b"bytes", Some(expires)).unwrap());
    assert_eq!(store.get("key").unwrap().unwrap(), b"bytes");
    assert!(store.native_ttl("key").unwrap().is_some());
    let next = store.acquire("key", AT_ONCE).unwrap().unwrap();
    drop(lease);
    let still = store.acquire("key", AT_ONCE).unwrap();
    assert!(still.is_none(), "a lease that is over released another's");
    drop(next);
}

#[test]
fn to_publish_what_has_expired_forgets_what_is_there() {
    let server = Server::start();
    let store = server.store();
    store.put("key", b"old", None).unwrap();
    let lease = store.acquire("key", AT_ONCE).unwrap().unwrap();
    assert!(lease.publish(b"new", Some(SystemTime::UNIX_EPOCH)).unwrap());
    assert_eq!(store.get("key").unwrap(), None);
}

#[test]
fn a_build_cannot_bring_back_what_was_deleted_meanwhile() {
    let server = Server::start();
    let store = server.store();
    let deletions: [&dyn Fn(); 3] = [
        &|| store.delete("key").map(|_| ()).unwrap(),
        &|| store.delete_prefix("k").unwrap(),
        &|| store.clear().unwrap(),
    ];
    for delete in deletions {
        let lease = store.acquire("key", AT_ONCE).unwrap().unwrap();
        delete();
        assert!(!lease.publish(b"old", None).unwrap());
        assert_eq!(store.get("key").unwrap(), None);
    }
}

#[test]
fn a_deletion_leaves_the_lease_of_the_next_alone() {
    let server = Server::start();
    let store = server.store();
    let old = store.acquire("key", AT_ONCE).unwrap().unwrap();
    store.delete("key").unwrap();
    let new = store.acquire("key", AT_ONCE).unwrap().unwrap();
    assert!(!old.publish(b"old", None).unwrap());
    drop(old);
    assert!(new.publish(b"new", None).unwrap());
    assert_eq!(store.get("key").unwrap().unwrap(), b"new");
}

#[test]
fn deletions_and_builds_at_once_leave_no_old_value() {
    let server = Server::start();
    let rounds = match std::env::var_os("MEMENTOS_SOAK") {
        Some(_) => 10_000,
        None => 500,
    };
    let (builder, deleter) = (server.store(), server.store());
    for round in 0..rounds {
        let key = &format!("key {round}");
        let lease = builder.acquire(key, AT_ONCE).unwrap().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || lease.publish(b"old", None).unwrap());
            scope.spawn(|| deleter.delete(key).unwrap());
        });
        // Either it was published and then deleted, or it was refused.
        assert_eq!(deleter.get(key).unwrap(), None);
    }
}

#[test]
fn a_lease_is_renewed_while_it_is_held() {
    let server = Server::start();
    let life = Duration::from_millis(300);
    let store = server.builder().lease(life).open().unwrap();
    let lease = store.acquire("key", AT_ONCE).unwrap().unwrap();
    let token: String = server.ask("GET l:{=key}");
    let begin = Instant::now();
    while begin.elapsed() < 4 * life {
        let millis: i64 = server.ask("PTTL l:{=key}");
        assert!(millis > 0, "it was lost");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.ask::<String>("GET l:{=key}"), token);
    assert!(lease.publish(b"bytes", None).unwrap());
}

#[test]
fn a_lease_that_is_released_is_renewed_no_more() {
    let server = Server::start();
    let life = Duration::from_millis(60);
    let store = server.builder().lease(life).open().unwrap();
    drop(store.acquire("key", AT_ONCE).unwrap());
    thread::sleep(3 * life);
    let stats: String = server.ask("INFO commandstats");
    assert!(!stats.contains("cmdstat_pexpire"), "{stats}");
    assert!(!server.ask::<bool>("EXISTS l:{=key}"));
}

#[test]
fn a_panic_during_the_build_releases_the_lease() {
    let server = Server::start();
    let store = server.store();
    let build = std::panic::AssertUnwindSafe(|| {
        let _lease = store.acquire("key", AT_ONCE).unwrap().unwrap();
        panic!("the build");
    });
    assert!(std::panic::catch_unwind(build).is_err());
    assert!(store.acquire("key", AT_ONCE).unwrap().is_some());
}
