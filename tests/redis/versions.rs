//! A process of this version and one of a later version share a server.

use crate::later_version::{read, written};
use crate::processes::{Holder, say, told_to_go_on};
use crate::server::Server;
use mementos::Memoizer;
use mementos::store::Leases;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::store::redis::RedisStore;
use std::collections::HashMap;
use std::time::Duration;

const OPERATIONS: u32 = 10_000;
const KEYS: u32 = 50;
/// What each of them keeps for a key is the key's number and one of these.
const OF_THIS_VERSION: u32 = 1_000;
const FOR_ALL: u32 = 2_000;
const FOR_LATER_VERSIONS: u32 = 3_000;

/// All keys again and again, each time beginning with another.
fn keys(step: u32) -> impl Iterator<Item = u32> {
    (0..OPERATIONS).map(move |n| (n * step + n / KEYS) % KEYS)
}

/// What the process of this version does: it calls, until the other has ended.
pub(crate) fn call(store: RedisStore) {
    let memo = Memoizer::new(Encoded::new(store));
    let (mut own, mut later) = (0, 0);
    let other = std::thread::spawn(told_to_go_on);
    let rounds = std::iter::repeat_with(|| keys(7)).take_while(|_| !other.is_finished());
    for n in keys(7).chain(rounds.flatten()) {
        let got: u32 = memo.get(&n.to_string(), || n + OF_THIS_VERSION).unwrap();
        match got - n {
            OF_THIS_VERSION => own += 1,
            FOR_ALL => later += 1,
            _ => panic!("{got} for {n}"),
        }
    }
    assert!(
        own > 0 && later > 0,
        "{own} of its own, {later} of the other's"
    );
    let stats = memo.stats();
    assert!(stats.builds > 0, "{stats:?}");
    assert_eq!(stats.store_faults, 0);
    say("called");
}

/// What the process of the later version does: it reads what is there, and replaces or
/// deletes it now and then, by the same rules. What it wrote itself must be there.
pub(crate) fn call_as_later(store: &RedisStore) {
    let mut written_here: HashMap<u32, Vec<u8>> = HashMap::new();
    let mut of_the_other = 0;
    for (round, n) in keys(11).enumerate() {
        let key = &n.to_string();
        let lease = store
            .acquire(key, Duration::from_secs(60))
            .unwrap()
            .unwrap();
        let found = store.get(key).unwrap();
        match (&found, written_here.get(&n)) {
            (found, Some(written)) => assert_eq!(found.as_ref(), Some(written), "for {n}"),
            (Some(bytes), None) => {
                assert_eq!(read(key, bytes), n + OF_THIS_VERSION);
                of_the_other += 1;
            }
            (None, None) => {}
        }
        match round % 4 {
            0 => {
                store.delete(key).unwrap();
                written_here.remove(&n);
            }
            1 | 2 => {
                let (value, needs) = match round % 4 {
                    1 => (n + FOR_ALL, 1),
                    _ => (n + FOR_LATER_VERSIONS, 2),
                };
                let bytes = written(key, value, needs);
                assert_eq!(read(key, &bytes), value);
                assert!(lease.publish(&bytes, None).unwrap());
                written_here.insert(n, bytes);
            }
            _ => {}
        }
    }
    assert!(of_the_other > 0, "nothing of the other's was found");
    say("called");
}

#[test]
fn a_process_of_this_version_and_one_of_a_later_share_a_server() {
    let server = Server::start();
    let mut both = ["caller of this version", "caller of a later version"]
        .map(|role| Holder::start(role, &server));
    let [this, later] = &mut both;
    assert_eq!(later.hears(), "called");
    this.go_on();
    assert_eq!(this.hears(), "called");
}
