use crate::cluster::{Cluster, id, keys};
use crate::face::{Face, all, begin, block_on};
use crate::failures::{LIMIT, OPEN, OPERATIONS, assert_open, assert_within, failing, until_open};
use crate::server::{Server, black_hole, eventually, free_port};
use mementos::store::StoreError;
use mementos::store::bytes::ByteStore;
use mementos::store::redis::RedisStore;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

fn at(url: &str) -> Face {
    Face::of(RedisStore::at(url).unwrap())
}

/// How many connections a server has ever taken, this question's own among them.
fn connections(server: &Server) -> u64 {
    counted(server, "stats", "total_connections_received:")
}

fn counted(server: &Server, section: &str, what: &str) -> u64 {
    read(&mut server.raw(), section, what)
}

fn read(node: &mut redis::Connection, section: &str, what: &str) -> u64 {
    let info: String = redis::cmd("INFO").arg(section).query(node).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix(what));
    let digits = line.map(|l| l.split(|c: char| !c.is_ascii_digit()).next());
    digits.flatten().map_or(0, |digits| digits.parse().unwrap())
}

#[test]
fn two_hundred_callers_share_one_connection() {
    let server = Server::start();
    let store = server.store();
    for n in 0..200 {
        let key = format!("key {n}");
        store.put(&key, key.as_bytes(), None).unwrap();
    }
    let face = Face(server.store());
    let keys: Vec<_> = (0..200).map(|n| format!("key {n}")).collect();
    let before = connections(&server);
    for _ in 0..3 {
        let gets = keys.iter().map(|key| face.awaits().get(key)).collect();
        for (key, got) in keys.iter().zip(block_on(all(gets))) {
            assert_eq!(got.unwrap().unwrap(), key.as_bytes());
        }
    }
    assert_eq!(connections(&server), before + 2);
}

#[test]
fn a_runtime_that_is_dropped_in_the_middle_leaves_the_store_to_others() {
    let server = Server::start();
    let face = Arc::new(Face(server.store()));
    face.put("a", b"1", None).unwrap();
    face.put("b", b"2", None).unwrap();
    let before = connections(&server);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    server.signal("-STOP");
    let (tell, begun) = channel();
    for _ in 0..10 {
        let (face, tell) = (face.clone(), tell.clone());
        runtime.spawn(async move {
            let mut get = face.awaits().get("a");
            begin(&mut get);
            tell.send(()).unwrap();
            get.await
        });
    }
    (0..10).for_each(|_| begun.recv().unwrap());
    drop(runtime);
    server.signal("-CONT");
    let get = || face.awaits().get("b");
    assert_eq!(smol::block_on(get()).unwrap().unwrap(), b"2");
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().unwrap();
    assert_eq!(runtime.block_on(get()).unwrap().unwrap(), b"2");
    assert_eq!(block_on(get()).unwrap().unwrap(), b"2");
    assert_eq!(
        connections(&server),
        before + 1,
        "there was no need for another"
    );
}

#[test]
fn what_is_dropped_or_late_is_not_taken_for_another_answer() {
    let server = Server::start();
    let face = Face(server.store());
    face.put("a", b"1", None).unwrap();
    face.put("b", b"2", None).unwrap();
    server.signal("-STOP");
    begin(&mut face.awaits().get("a"));
    server.signal("-CONT");
    assert_eq!(face.get("b").unwrap().unwrap(), b"2");
    server.signal("-STOP");
    assert!(face.get("a").is_err());
    server.signal("-CONT");
    assert_eq!(face.get("b").unwrap().unwrap(), b"2");
}

#[test]
fn nothing_is_sent_before_it_is_polled() {
    let server = Server::start();
    let face = Face(server.store());
    let put = face.awaits().put("key", b"bytes", None);
    drop(put);
    assert_eq!(face.get("key").unwrap(), None);
    assert_eq!(counted(&server, "commandstats", "cmdstat_set:calls="), 0);
}

#[test]
fn what_is_dropped_before_it_is_sent_is_not_sent() {
    let server = Server::start();
    let () = server.ask("CONFIG SET requirepass secret");
    let url = format!("redis://:secret@127.0.0.1:{}", server.port());
    let face = at(&url);
    for round in 0..10 {
        let key = format!("key {round}");
        // Nothing is sent before the password was found to be right.
        server.signal("-STOP");
        begin(&mut face.awaits().put(&key, b"", None));
        server.signal("-CONT");
        assert_eq!(face.get(&key).unwrap(), None, "round {round}");
        assert_eq!(face.0.get(&key).unwrap(), None, "round {round}");
        let mut raw = redis::Client::open(&*url)
            .unwrap()
            .get_connection()
            .unwrap();
        let _: u64 = redis::cmd("CLIENT")
            .arg("KILL")
            .arg("TYPE")
            .arg("normal")
            .query(&mut raw)
            .unwrap();
    }
}

#[test]
fn what_is_dropped_does_not_come_after_what_is_asked_later() {
    let server = Server::start();
    let face = Face(server.store());
    for round in 0..100 {
        if round % 2 == 0 {
            // It is found out when it is used, and another connection is made.
            let _: u64 = server.ask("CLIENT KILL TYPE normal SKIPME yes");
        }
        begin(&mut face.awaits().put("key", b"bytes", None));
        face.delete("key").unwrap();
        // Another connection would tell, too.
        assert_eq!(face.0.get("key").unwrap(), None, "round {round}");
        assert_eq!(face.get("key").unwrap(), None, "round {round}");
    }
}

/// Who blocks has other connections. On one of them it would be ahead of what is under way.
#[test]
fn what_is_dropped_does_not_come_after_what_is_asked_by_who_blocks() {
    let server = Server::start();
    for change in CHANGES {
        let face = Face(server.store());
        face.get("key").unwrap();
        let before = connections(&server);
        begin(&mut face.awaits().put("key", b"bytes", None));
        change(&face.0);
        assert_eq!(connections(&server), before + 1, "it shares theirs");
        change(&face.0);
        assert_eq!(connections(&server), before + 3, "nothing is left");
    }
    let face = Face(server.store());
    for round in 0..1000 {
        begin(&mut face.awaits().put("key", &[7; 10_000], None));
        face.0.delete("key").unwrap();
        // What is still under way is over after that.
        face.get("other").unwrap();
        assert_eq!(face.0.get("key").unwrap(), None, "round {round}");
    }
}

const CHANGES: [fn(&RedisStore); 5] = [
    |store| store.put("key", b"", None).unwrap(),
    |store| assert!(store.put_if_absent("key", b"", None).unwrap().is_some()),
    |store| _ = store.replace("key", b"", b"", None).unwrap(),
    |store| _ = store.delete("key").unwrap(),
    |store| store.delete_prefix("k").unwrap(),
];

#[test]
fn a_server_that_refuses_is_an_error_that_names_it_and_no_password() {
    let port = free_port();
    for (did, operation) in OPERATIONS {
        let face = at(&format!("redis://me:secret@127.0.0.1:{port}/0"));
        let begin = Instant::now();
        let error = operation(&face).unwrap_err();
        assert!(begin.elapsed() < LIMIT, "{did}");
        let said = format!("{error} {error:?}");
        assert!(said.contains(did), "{said}");
        assert!(said.contains(&format!("127.0.0.1:{port}")), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn a_silent_server_costs_its_time_limit_and_no_more() {
    let address = black_hole();
    for (did, operation) in OPERATIONS {
        assert_within(LIMIT, did, || {
            let face = at(&format!("redis://:secret@{address}/3"));
            let (took, said) = failing(|| operation(&face));
            assert!(said.contains("did not answer within 175ms"), "{said}");
            took
        });
    }
}

#[test]
fn many_callers_of_a_silent_server_wait_no_longer_each() {
    let address = black_hole();
    assert_within(LIMIT, "getting", || {
        let face = at(&format!("redis://{address}"));
        let begin = Instant::now();
        let gets = (0..200).map(|_| face.awaits().get("key")).collect();
        let got = block_on(all(gets));
        let took = begin.elapsed();
        assert!(got.iter().all(Result::is_err));
        assert_open(&face);
        took
    });
}

#[test]
fn a_breaker_that_is_open_is_so_for_all_callers() {
    let url = format!("redis://{}", black_hole());
    let (one, other) = (at(&url), at(&url));
    until_open(&one);
    assert_open(&one.0);
    until_open(&other.0);
    assert_open(&other);
    let call = || failing(|| one.get("key"));
    let calls = (0..1000).map(|_| call());
    // One of them in 500 ms tries.
    let open = calls.filter(|(_, said)| said.contains(OPEN));
    let mut took: Vec<_> = open.map(|(took, _)| took).collect();
    took.sort();
    assert!(took.len() > 900, "{}", took.len());
    // A busy machine may take some time from a few of them.
    assert!(took[900] < Duration::from_millis(1), "{:?}", took[900]);
    assert!(one.delete("key").is_err(), "a deletion is never silent");
}

fn used_again_within_a_second(face: &Face, back: impl FnOnce()) {
    until_open(face);
    back();
    let back = Instant::now();
    eventually(Duration::from_secs(20), || face.get("key").ok());
    let took = back.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    (0..20).for_each(|_| assert!(face.get("key").is_ok()));
}

#[test]
fn a_server_that_is_back_is_used_within_a_second() {
    let mut server = Server::start();
    let face = Face(server.store());
    face.put("key", b"bytes", None).unwrap();
    server.kill();
    used_again_within_a_second(&face, || server.start_again());
    server.signal("-STOP");
    used_again_within_a_second(&face, || server.signal("-CONT"));
}

#[test]
fn a_connection_that_broke_while_it_was_idle_is_made_anew_unnoticed() {
    let mut server = Server::start();
    let face = Face(server.store());
    face.put("key", b"bytes", None).unwrap();
    for (did, operation) in OPERATIONS {
        // These would be told that it failed, though it may have been done.
        if !matches!(did, "putting what is absent" | "replacing") {
            server.restart();
            operation(&face).unwrap_or_else(|error| panic!("{did}: {error}"));
        }
    }
}

#[test]
fn what_may_have_been_done_is_not_done_again() {
    let mut server = Server::start();
    let face = Face(server.store());
    face.put("key", b"bytes", None).unwrap();
    server.restart();
    assert!(face.put_if_absent("key", b"bytes", None).is_err());
    assert_eq!(
        face.put_if_absent("key", b"bytes", None).unwrap(),
        Some(true)
    );
}

fn said(result: Result<impl Sized, StoreError>) -> String {
    result.err().expect("it fails").to_string()
}

#[test]
fn both_kinds_of_callers_are_told_the_same() {
    let server = Server::start();
    let () = server.ask("LPUSH v:{=list} x");
    let () = server.ask("ACL SETUSER poor on >secret ~other:* +@all");
    let (port, nobody) = (server.port(), free_port());
    let urls = [
        server.url(),
        format!("redis://127.0.0.1:{nobody}"),
        format!("redis://poor:secret@127.0.0.1:{port}"),
        format!("redis://poor:wrong@127.0.0.1:{port}"),
        format!("redis://127.0.0.1:{port}/12345"),
        format!("redis://{}", black_hole()),
    ];
    for url in urls {
        let (face, other) = (at(&url), at(&url).0);
        assert_eq!(said(face.get("list")), said(other.get("list")), "{url}");
    }
}

#[test]
fn the_database_and_the_password_are_those_of_the_address() {
    let server = Server::start();
    let () = server.ask("CONFIG SET requirepass secret");
    let url = format!("redis://:secret@127.0.0.1:{}/3", server.port());
    let face = at(&url);
    face.put("key", b"bytes", None).unwrap();
    let mut raw = redis::Client::open(url).unwrap().get_connection().unwrap();
    let found: String = redis::cmd("GET").arg("v:{=key}").query(&mut raw).unwrap();
    assert_eq!(found, "bytes");
}

#[test]
fn many_are_got_in_one_round_trip() {
    let server = Server::start();
    let face = Face(server.store());
    let keys: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    keys.iter()
        .for_each(|key| face.put(key, key.as_bytes(), None).unwrap());
    let found = face.get_many(&keys).unwrap();
    for (key, bytes) in keys.iter().zip(found) {
        assert_eq!(bytes.unwrap(), key.as_bytes());
    }
    assert_eq!(counted(&server, "commandstats", "cmdstat_mget:calls="), 1);
    assert_eq!(counted(&server, "commandstats", "cmdstat_get:calls="), 0);
}

#[test]
fn many_are_got_from_all_nodes_of_a_cluster_and_none_is_asked_twice() {
    let cluster = Cluster::start();
    let face = Face::of(cluster.builder());
    let keys = keys();
    keys.iter()
        .for_each(|key| face.put(key, key.as_bytes(), None).unwrap());
    let asked: Vec<_> = keys.iter().map(String::as_str).collect();
    let mut nodes: Vec<_> = cluster.0.iter().map(Server::raw).collect();
    let mut reads = || -> Vec<u64> {
        let reads = |node| read(node, "stats", "total_reads_processed:");
        nodes.iter_mut().map(reads).collect()
    };
    let before = reads();
    let found = face.get_many(&asked).unwrap();
    let read: Vec<_> = reads().iter().zip(before).map(|(a, b)| a - b).collect();
    for (key, bytes) in keys.iter().zip(found) {
        assert_eq!(bytes.unwrap(), key.as_bytes());
    }
    assert_eq!(read, [2, 2, 2], "one of them is to ask for this");
}

#[test]
fn a_node_that_is_down_does_not_hold_up_the_others() {
    let mut cluster = Cluster::start();
    for node in &cluster.0 {
        let () = node.ask("CONFIG SET cluster-require-full-coverage no");
    }
    let face = Face::of(cluster.builder());
    let keys = keys();
    keys.iter()
        .for_each(|key| face.put(key, b"", None).unwrap());
    cluster.0[0].kill();
    let begin = Instant::now();
    let got = block_on(all(keys.iter().map(|key| face.awaits().get(key)).collect()));
    let took = begin.elapsed();
    let found = got.iter().filter(|got| got.is_ok()).count();
    assert!((20..keys.len() - 20).contains(&found), "{found}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_slot_that_moves_is_asked_for_in_both_places_and_then_followed() {
    let cluster = Cluster::start();
    let face = Face::of(cluster.builder());
    assert_eq!(face.get("key").unwrap(), None);
    let (from, to) = cluster.of("key");
    let (slot, from_id, to_id) = (cluster.slot("key"), id(from), id(to));
    let () = to.ask(&format!("CLUSTER SETSLOT {slot} IMPORTING {from_id}"));
    let () = from.ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {to_id}"));
    face.put("key", b"bytes", None).unwrap();
    assert_eq!(face.get("key").unwrap().unwrap(), b"bytes");
    let found = face.get_many(&["key", "other"]).unwrap();
    assert_eq!(found, [Some(b"bytes".to_vec()), None]);
    for node in &cluster.0 {
        let () = node.ask(&format!("CLUSTER SETSLOT {slot} NODE {to_id}"));
    }
    assert_eq!(face.get("key").unwrap().unwrap(), b"bytes");
    assert!(face.delete("key").unwrap());
}

#[test]
fn callers_of_a_cluster_that_is_not_known_yet_all_find_it() {
    let cluster = Cluster::start();
    let face = Face::of(cluster.builder());
    let keys = keys();
    let puts = |key| face.awaits().put(key, b"", None);
    let put = block_on(all(keys.iter().map(|key| puts(key)).collect()));
    assert!(put.iter().all(Result::is_ok), "{put:?}");
}

#[test]
fn a_cluster_that_is_down_is_an_error_within_the_time_limit() {
    let urls = [black_hole(), black_hole()].map(|hole| format!("redis://{hole}"));
    assert_within(LIMIT, "getting", || {
        let face = Face::of(RedisStore::cluster(&urls).unwrap());
        let begin = Instant::now();
        let gets = (0..50).map(|_| face.awaits().get("key")).collect();
        assert!(block_on(all(gets)).iter().all(Result::is_err));
        begin.elapsed()
    });
}
