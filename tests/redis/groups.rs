//! Groups of results on a server.

use crate::server::Server;
use mementos::store::bytes::Encoded;
use mementos::{Group, Memoizer, Options};

/// How often the server was asked with a command.
fn calls(server: &Server, command: &str) -> u32 {
    let stats: String = server.ask("INFO commandstats");
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[test]
fn a_hit_in_groups_is_one_question_to_the_server() {
    let server = Server::start();
    let memo = Memoizer::new(Encoded::new(server.store()));
    let grouped = Options::new().tags(["t", "u"]).grouped(true);
    let get = |value: u32| -> u32 { memo.get_with("a", &grouped, || value).unwrap() };
    assert_eq!(get(1), 1);
    let before = ["mget", "get"].map(|command| calls(&server, command));
    assert_eq!(get(2), 1);
    let after = ["mget", "get"].map(|command| calls(&server, command));
    assert_eq!(after, [before[0] + 1, before[1]]);
}

#[test]
fn what_one_place_invalidates_is_built_anew_in_another() {
    let server = Server::start();
    let place = || Memoizer::new(Encoded::new(server.store()));
    let (one, two) = (place(), place());
    let tagged = Options::new().tags(["t"]);
    let get = |memo: &Memoizer, value: u32| memo.get_with("a", &tagged, || value).unwrap();
    assert_eq!((get(&one, 1), get(&two, 2)), (1, 1));
    one.invalidate(Group::tag("t")).unwrap();
    assert!(!two.exists("a").unwrap() && two.entry::<u32>("a").unwrap().is_none());
    assert_eq!((get(&two, 3), get(&one, 4)), (3, 3));
    two.make_stale(Group::tag("t")).unwrap();
    assert!(!one.exists("a").unwrap() && one.entry::<u32>("a").unwrap().is_some());
    assert_eq!((get(&one, 5), get(&two, 6)), (5, 5));
}

#[test]
fn a_server_that_evicts_a_generation_revives_nothing() {
    let server = Server::start();
    let memo = Memoizer::new(Encoded::new(server.store()));
    let tagged = Options::new().tags(["t"]);
    let get = |key: &str, value: u32| memo.get_with(key, &tagged, || value).unwrap();
    assert_eq!((get("a", 1), get("b", 1)), (1, 1));
    let keys: Vec<String> = server.ask("KEYS *@tag:t*");
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(server.ask::<bool>(&format!("DEL {}", keys[0])));
    assert!(!memo.exists("a").unwrap());
    assert_eq!(get("a", 2), 2);
    assert!(memo.entry::<u32>("b").unwrap().is_none());
    assert_eq!(get("b", 3), 3);
}

#[test]
fn a_server_that_is_gone_is_no_silent_invalidation() {
    let mut server = Server::start();
    let memo = Memoizer::new(Encoded::new(server.store()));
    server.kill();
    assert!(memo.invalidate(Group::tag("t")).is_err());
    assert!(memo.make_stale(Group::tag("t")).is_err());
    let tagged = Options::new().tags(["t"]);
    let get = |value: u32| -> u32 { memo.get_with("a", &tagged, || value).unwrap() };
    assert_eq!((get(1), get(2)), (1, 2));
}
