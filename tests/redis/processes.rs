//! Holders of leases in processes of their own: this very binary, told by its
//! environment what to do.

use crate::server::{Server, eventually, signal};
#[cfg(feature = "testing")]
use crate::versions;
use mementos::store::Leases;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::store::redis::RedisStore;
use mementos::{Memoizer, Options};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const ROLE: &str = "MEMENTOS_REDIS_ROLE";
const URL: &str = "MEMENTOS_REDIS_URL";
const LIFE: Duration = Duration::from_secs(2);
const AT_ONCE: Duration = Duration::ZERO;

/// Does the work of a role. Without one, it is a test that passes.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let url = std::env::var(URL).unwrap();
    // Eight processes on two processors may have to wait for one.
    let builder = RedisStore::at(url).unwrap().timeout(5 * LIFE);
    let store = builder.lease(LIFE).open().unwrap();
    match &*role {
        "holder" => hold_and_publish(&store),
        "threads" => count_threads(store),
        "watchers" => count_watchers(&store),
        "builder" => build_each_key(&store),
        "callers" => call_for_each_key(store),
        "caller" => call_once(store),
        #[cfg(feature = "testing")]
        "caller of this version" => versions::call(store),
        #[cfg(feature = "testing")]
        "caller of a later version" => versions::call_as_later(&store),
        _ => unreachable!("{role}"),
    }
}

fn hold_and_publish(store: &RedisStore) {
    let lease = store.acquire("key", AT_ONCE).unwrap().unwrap();
    say("held");
    told_to_go_on();
    say(match lease.publish(b"of the first", None) {
        Ok(true) => "published",
        Ok(false) => "refused",
        Err(_) => "failed",
    });
}

/// As a memoizer does: looks, acquires, looks again, builds, publishes.
fn build_each_key(store: &RedisStore) {
    let client = redis::Client::open(std::env::var(URL).unwrap()).unwrap();
    let mut counter = client.get_connection().unwrap();
    let mut count = redis::cmd("INCR");
    count.arg("builds");
    for round in 0..rounds() {
        let key = &round.to_string();
        if store.get(key).unwrap().is_some() {
            continue;
        }
        let lease = store
            .acquire(key, Duration::from_secs(60))
            .unwrap()
            .unwrap();
        if store.get(key).unwrap().is_none() {
            count.exec(&mut counter).unwrap();
            assert!(lease.publish(b"built", None).unwrap());
        }
    }
    say("built");
}

/// Fifty threads that all ask for the same keys, one after another.
fn call_for_each_key(store: RedisStore) {
    let client = redis::Client::open(std::env::var(URL).unwrap()).unwrap();
    let counter = std::sync::Mutex::new(client.get_connection().unwrap());
    let memo = Memoizer::new(Encoded::new(store));
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                for round in 0..COLD_KEYS {
                    let build = || {
                        let mut counter = counter.lock().unwrap();
                        redis::cmd("INCR").arg("builds").exec(&mut counter).unwrap();
                        round
                    };
                    let minute = Options::new().timeout(Duration::from_secs(60));
                    let got: u64 = memo.get_with(&round.to_string(), minute, build).unwrap();
                    assert_eq!(got, round);
                }
            });
        }
    });
    assert_eq!(memo.stats().store_faults, 0);
    say("called");
}

const COLD_KEYS: u64 = 100;

/// One call, whose build waits to be told to go on.
fn call_once(store: RedisStore) {
    let memo = Memoizer::new(Encoded::new(store));
    let got = memo.get("key", || {
        say("building");
        told_to_go_on();
        "of the first".to_owned()
    });
    say(&got.unwrap().replace(' ', "-"));
}

fn rounds() -> u64 {
    match std::env::var_os("MEMENTOS_SOAK") {
        Some(_) => 2000,
        None => 100,
    }
}

fn count_threads(store: RedisStore) {
    assert_eq!(renewers(), 0, "no lease yet");
    let leases: Vec<_> = (0..20)
        .map(|n| store.acquire(&n.to_string(), AT_ONCE).unwrap().unwrap())
        .collect();
    // A thread takes its name once it runs.
    eventually(LIFE, || (renewers() == 1).then_some(()));
    drop(leases);
    drop(store);
    eventually(LIFE, || (renewers() == 0).then_some(()));
    say("counted");
}

fn count_watchers(store: &RedisStore) {
    assert_eq!(threads("mementos-watch"), 0, "nobody watches yet");
    let watch = || store.watch(Box::new(|_| {})).unwrap().unwrap();
    let watches: Vec<_> = (0..3).map(|_| watch()).collect();
    eventually(LIFE, || (threads("mementos-watch") == 3).then_some(()));
    drop(watches);
    // They are joined; the system may list them for a moment longer.
    eventually(LIFE / 20, || (threads("mementos-watch") == 0).then_some(()));
    say("counted");
}

fn renewers() -> usize {
    threads("mementos-leases")
}

fn threads(named: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
        .filter(|name| name.trim() == named)
        .count()
}

/// Waits for the parent to say so.
pub(crate) fn told_to_go_on() {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
}

/// A line that the parent finds among those of the test harness.
pub(crate) fn say(word: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\nsaid {word}").unwrap();
    out.flush().unwrap();
}

pub(crate) struct Holder {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Holder {
    pub(crate) fn start(role: &str, server: &Server) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::role", "--nocapture"])
            .env(ROLE, role)
            .env(URL, server.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        Holder { child, to, from }
    }

    /// The next word that it says.
    pub(crate) fn hears(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "it ended");
            if let Some(word) = line.strip_prefix("said ") {
                return word.trim().to_owned();
            }
        }
    }

    pub(crate) fn go_on(&mut self) {
        writeln!(self.to, "go on").unwrap();
    }

    fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_lease_of_a_killed_holder_is_free_when_it_has_expired() {
    let server = Server::start();
    let store = server.store();
    let mut holder = Holder::start("holder", &server);
    assert_eq!(holder.hears(), "held");
    holder.signal("-KILL");
    let killed = Instant::now();
    assert!(store.acquire("key", AT_ONCE).unwrap().is_none());
    assert!(store.acquire("key", 5 * LIFE).unwrap().is_some());
    let waited = killed.elapsed();
    assert!(waited < Duration::from_secs(3), "{waited:?}");
}

#[test]
fn what_a_stopped_holder_brings_late_is_refused() {
    let server = Server::start();
    let store = server.store();
    let mut holder = Holder::start("holder", &server);
    assert_eq!(holder.hears(), "held");
    holder.signal("-STOP");
    let stopped = Instant::now();
    let lease = store.acquire("key", 5 * LIFE).unwrap().unwrap();
    let waited = stopped.elapsed();
    assert!(waited < Duration::from_secs(3), "{waited:?}");
    let token: String = server.ask("GET l:{=key}");

    holder.signal("-CONT");
    holder.go_on();
    assert_eq!(holder.hears(), "refused");
    holder.child.wait().unwrap();
    assert_eq!(server.ask::<String>("GET l:{=key}"), token);
    assert_eq!(store.get("key").unwrap(), None);
    assert!(lease.publish(b"of the second", None).unwrap());
    assert_eq!(store.get("key").unwrap().unwrap(), b"of the second");
}

#[test]
fn a_holder_that_is_not_disturbed_publishes_past_its_first_life() {
    let server = Server::start();
    let mut holder = Holder::start("holder", &server);
    assert_eq!(holder.hears(), "held");
    std::thread::sleep(LIFE + LIFE / 2);
    holder.go_on();
    assert_eq!(holder.hears(), "published");
}

#[cfg(target_os = "linux")]
#[test]
fn one_thread_renews_for_a_store_and_ends_with_it() {
    let server = Server::start();
    assert_eq!(Holder::start("threads", &server).hears(), "counted");
}

#[cfg(target_os = "linux")]
#[test]
fn a_watch_has_one_thread_which_ends_with_it() {
    let server = Server::start();
    assert_eq!(Holder::start("watchers", &server).hears(), "counted");
}

#[test]
fn processes_that_want_the_same_keys_build_each_once() {
    let server = Server::start();
    let mut builders: Vec<_> = (0..8).map(|_| Holder::start("builder", &server)).collect();
    for builder in &mut builders {
        assert_eq!(builder.hears(), "built");
    }
    assert_eq!(server.ask::<u64>("GET builds"), rounds());
}

#[test]
fn four_hundred_callers_in_eight_processes_build_each_cold_key_once() {
    let server = Server::start();
    let mut callers: Vec<_> = (0..8).map(|_| Holder::start("callers", &server)).collect();
    for caller in &mut callers {
        assert_eq!(caller.hears(), "called");
    }
    assert_eq!(server.ask::<u64>("GET builds"), COLD_KEYS);
}

#[test]
fn a_process_that_was_stopped_while_it_built_returns_its_value_and_keeps_nothing() {
    let server = Server::start();
    let memo = Memoizer::new(Encoded::new(server.builder().lease(LIFE).open().unwrap()));
    let mut caller = Holder::start("caller", &server);
    assert_eq!(caller.hears(), "building");
    caller.signal("-STOP");
    let stopped = Instant::now();
    let minute = Options::new().timeout(Duration::from_secs(60));
    let built = memo.get_with("key", minute, || "of the second".to_owned());
    assert_eq!(built.unwrap(), "of the second");
    let waited = stopped.elapsed();
    assert!(waited < Duration::from_secs(3), "{waited:?}");

    caller.signal("-CONT");
    caller.go_on();
    assert_eq!(caller.hears(), "of-the-first");
    let kept: String = memo.get("key", || "of nobody".to_owned()).unwrap();
    assert_eq!(kept, "of the second");
}

#[test]
fn what_one_process_deletes_while_another_builds_it_does_not_come_back() {
    const ROUNDS: u64 = 10_000;
    let server = Server::start();
    let memo = || Memoizer::new(Encoded::new(server.store()));
    let (builds, deletes) = (memo(), memo());
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (deleted, is_deleted) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for round in 0..ROUNDS {
                let got = builds.get("key", || {
                    begun.send(()).unwrap();
                    is_deleted.recv().unwrap();
                    round
                });
                assert_eq!(got.unwrap(), round, "what is built after a delete");
            }
        });
        for _ in 0..ROUNDS {
            has_begun.recv().unwrap();
            deletes.delete("key").unwrap();
            deleted.send(()).unwrap();
        }
    });
    assert!(!deletes.exists("key").unwrap());
}
