use crate::server::{Server, eventually};
use mementos::Memoizer;
use mementos::store::bytes::{ByteStore, Change, Encoded};
use mementos::store::redis::{RedisBuilder, RedisStore};
use mementos::store::{Leases, Tiered};
use std::process::Command;
use std::time::{Duration, Instant};

/// Three nodes, a third of the slots each.
pub(crate) struct Cluster(pub(crate) Vec<Server>);

impl Cluster {
    pub(crate) fn start() -> Self {
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let nodes: Vec<_> = (0..3).map(|_| Server::start_with(&arguments)).collect();
        let addresses = nodes.iter().map(|n| format!("127.0.0.1:{}", n.port()));
        let created = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-yes"])
            .output()
            .unwrap();
        assert!(created.status.success(), "{created:?}");
        for node in &nodes {
            eventually(Duration::from_secs(30), || {
                let info: String = node.ask("CLUSTER INFO");
                let known = info.contains("cluster_known_nodes:3");
                (known && info.contains("cluster_state:ok")).then_some(())
            });
        }
        Cluster(nodes)
    }

    pub(crate) fn builder(&self) -> RedisBuilder {
        RedisStore::cluster([self.0[0].url(), self.0[1].url()]).unwrap()
    }

    fn store(&self) -> RedisStore {
        self.builder().open().unwrap()
    }

    /// The node that has a key's slot, and another.
    pub(crate) fn of(&self, key: &str) -> (&Server, &Server) {
        let name = format!("v:{{={key}}}");
        let has = |node: &&Server| {
            let got: redis::RedisResult<Option<String>> =
                redis::cmd("GET").arg(&name).query(&mut node.raw());
            got.is_ok()
        };
        let node = self.0.iter().find(has).unwrap();
        let other = self.0.iter().find(|n| n.port() != node.port()).unwrap();
        (node, other)
    }

    pub(crate) fn slot(&self, key: &str) -> u64 {
        let name = format!("v:{{={key}}}");
        let mut ask = redis::cmd("CLUSTER");
        ask.arg("KEYSLOT").arg(name);
        ask.query(&mut self.0[0].raw()).unwrap()
    }
}

pub(crate) fn id(node: &Server) -> String {
    node.ask("CLUSTER MYID")
}

pub(crate) fn keys() -> Vec<String> {
    let odd = ["", "}", "{", "{}", "a{b}c", "a}b"].map(str::to_owned);
    (0..100).map(|n| format!("key {n}")).chain(odd).collect()
}

#[test]
fn all_operations_find_the_node_of_a_key() {
    let cluster = Cluster::start();
    let store = cluster.builder().prefix("app:").open().unwrap();
    for key in &keys() {
        store.put(key, key.as_bytes(), None).unwrap();
        assert_eq!(store.get(key).unwrap().unwrap(), key.as_bytes());
        assert_eq!(store.put_if_absent(key, b"x", None).unwrap(), Some(false));
        assert!(store.replace(key, key.as_bytes(), b"new", None).unwrap());
        assert_eq!(store.native_ttl(key).unwrap(), None);
        assert!(store.delete(key).unwrap());
        let lease = store.acquire(key, Duration::ZERO).unwrap().unwrap();
        assert!(store.acquire(key, Duration::ZERO).unwrap().is_none());
        assert!(lease.publish(b"built", None).unwrap());
        assert_eq!(store.get(key).unwrap().unwrap(), b"built");
    }
}

#[test]
fn who_waits_for_a_lease_gets_it_when_it_is_free() {
    let cluster = Cluster::start();
    let (store, keys) = (&cluster.store(), keys());
    std::thread::scope(|scope| {
        for key in &keys[..20] {
            let held = store.acquire(key, Duration::ZERO).unwrap().unwrap();
            scope.spawn(move || {
                let limit = Duration::from_secs(20);
                assert!(store.acquire(key, limit).unwrap().is_some());
            });
            assert!(held.publish(b"bytes", None).unwrap());
        }
    });
}

#[test]
fn many_keys_are_got_from_all_nodes_in_their_order() {
    let cluster = Cluster::start();
    let store = cluster.store();
    let keys = keys();
    for key in keys.iter().step_by(2) {
        store.put(key, key.as_bytes(), None).unwrap();
    }
    let asked: Vec<_> = keys.iter().map(String::as_str).collect();
    let found = store.get_many(&asked).unwrap();
    for (n, (key, bytes)) in keys.iter().zip(found).enumerate() {
        let expected = (n % 2 == 0).then(|| key.as_bytes().to_vec());
        assert_eq!(bytes, expected, "{key}");
    }
}

#[test]
fn keys_are_listed_and_deleted_on_all_nodes() {
    let cluster = Cluster::start();
    let store = cluster.builder().prefix("app:").open().unwrap();
    let other = cluster.store();
    other.put("kept", b"", None).unwrap();
    keys()
        .iter()
        .for_each(|key| store.put(key, b"", None).unwrap());
    assert_eq!(store.keys("").unwrap().unwrap().len(), keys().len());
    let lease = store.acquire("key 7", Duration::ZERO).unwrap().unwrap();
    store.delete_prefix("key ").unwrap();
    assert!(!lease.publish(b"old", None).unwrap());
    assert_eq!(store.keys("").unwrap().unwrap().len(), 6);
    store.clear().unwrap();
    assert!(store.keys("").unwrap().unwrap().is_empty());
    assert!(other.get("kept").unwrap().is_some());
}

#[test]
fn a_slot_that_has_moved_is_followed() {
    let cluster = Cluster::start();
    let store = cluster.store();
    assert_eq!(store.get("key").unwrap(), None);
    let (_, to) = cluster.of("key");
    let (slot, to_id) = (cluster.slot("key"), id(to));
    for node in &cluster.0 {
        let () = node.ask(&format!("CLUSTER SETSLOT {slot} NODE {to_id}"));
    }
    store.put("key", b"bytes", None).unwrap();
    assert_eq!(store.get("key").unwrap().unwrap(), b"bytes");
    let found: String = to.ask("GET v:{=key}");
    assert_eq!(found, "bytes");
}

#[test]
fn a_slot_that_moves_is_asked_for_in_both_places() {
    let cluster = Cluster::start();
    let store = cluster.store();
    assert_eq!(store.get("key").unwrap(), None);
    let (from, to) = cluster.of("key");
    let slot = cluster.slot("key");
    let () = to.ask(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", id(from)));
    let () = from.ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", id(to)));
    store.put("key", b"bytes", None).unwrap();
    assert_eq!(store.get("key").unwrap().unwrap(), b"bytes");
    let found = store.get_many(&["key", "other"]).unwrap();
    assert_eq!(found, [Some(b"bytes".to_vec()), None]);
    assert!(store.delete("key").unwrap());
}

#[test]
fn a_node_that_is_down_does_not_hold_up_the_others() {
    let mut cluster = Cluster::start();
    for node in &cluster.0 {
        let () = node.ask("CONFIG SET cluster-require-full-coverage no");
    }
    let store = cluster.store();
    keys()
        .iter()
        .for_each(|key| store.put(key, b"", None).unwrap());
    cluster.0[0].kill();
    let (mut found, mut failed) = (0, 0);
    let begin = Instant::now();
    for key in &keys() {
        match store.get(key) {
            Ok(_) => found += 1,
            Err(_) => failed += 1,
        }
    }
    assert!(found > 20 && failed > 20, "{found} {failed}");
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
}

fn near(builder: RedisBuilder) -> Memoizer {
    let far = Encoded::new(builder.open().unwrap());
    Memoizer::new(Tiered::new(far).no_older_than(Duration::from_secs(3600)))
}

fn put(memo: &Memoizer, key: &str, value: u64) -> bool {
    memo.refresh::<u64, _>(key, || value).is_ok() && memo.entry::<u64>(key).unwrap().is_some()
}

fn until_it_gets(memo: &Memoizer, key: &str, value: u64) {
    eventually(Duration::from_secs(5), || {
        let got: u64 = memo.get(key, || 0).ok()?;
        (got == value).then_some(())
    });
}

#[test]
fn what_changes_on_any_node_is_told() {
    let cluster = Cluster::start();
    let near = near(cluster.builder());
    let other = Memoizer::new(Encoded::new(cluster.store()));
    for node in &cluster.0 {
        node.until_it_is_listened_to();
    }
    for value in [1, 2] {
        keys()
            .iter()
            .for_each(|key| assert!(put(&other, key, value)));
        keys()
            .iter()
            .for_each(|key| until_it_gets(&near, key, value));
    }
    other.clear().unwrap();
    keys().iter().for_each(|key| until_it_gets(&near, key, 0));
}

#[test]
fn a_node_that_is_new_is_listened_to() {
    let cluster = Cluster::start();
    let near = near(cluster.builder());
    for node in &cluster.0 {
        node.until_it_is_listened_to();
    }
    let new = Server::start_with(&["--cluster-enabled", "yes"]);
    let first = &cluster.0[0];
    let () = new.ask(&format!("CLUSTER MEET 127.0.0.1 {}", first.port()));
    let everybody = || cluster.0.iter().chain([&new]);
    for node in everybody() {
        eventually(Duration::from_secs(30), || {
            let info: String = node.ask("CLUSTER INFO");
            let known = info.contains("cluster_known_nodes:4");
            (known && info.contains("cluster_state:ok")).then_some(())
        });
    }
    let (slot, to) = (cluster.slot("key"), id(&new));
    for node in everybody() {
        let () = node.ask(&format!("CLUSTER SETSLOT {slot} NODE {to}"));
    }
    new.until_it_is_listened_to();
    let other = Memoizer::new(Encoded::new(cluster.store()));
    for value in 1..10 {
        eventually(Duration::from_secs(5), || {
            put(&other, "key", value).then_some(())
        });
        until_it_gets(&near, "key", value);
    }
}

#[test]
fn a_cluster_that_is_down_tells_that_all_may_have_changed() {
    let (one, other) = (crate::server::black_hole(), crate::server::black_hole());
    let urls = [format!("redis://{one}"), format!("redis://{other}")];
    let store = RedisStore::cluster(urls).unwrap().open().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let tell = move |change: Change<'_>| tell.send(change == Change::All).unwrap();
    let watch = store.watch(Box::new(tell)).unwrap().unwrap();
    for _ in 0..4 {
        let limit = Duration::from_millis(1500);
        assert_eq!(told.recv_timeout(limit), Ok(true));
    }
    drop(watch);
}

#[test]
fn a_cluster_that_is_down_is_an_error_within_the_time_limit() {
    let (one, other) = (crate::server::black_hole(), crate::server::black_hole());
    let urls = [format!("redis://{one}"), format!("redis://{other}")];
    let store = RedisStore::cluster(urls).unwrap().open().unwrap();
    for _ in 0..3 {
        let begin = Instant::now();
        assert!(store.get("key").is_err());
        assert!(
            begin.elapsed() < Duration::from_millis(300),
            "{:?}",
            begin.elapsed()
        );
    }
}

#[test]
fn a_server_that_is_in_no_cluster_says_so() {
    let server = Server::start();
    let store = RedisStore::cluster([server.url()]).unwrap().open().unwrap();
    let said = store.get("key").unwrap_err().to_string();
    assert!(said.contains("cluster"), "{said}");
}
