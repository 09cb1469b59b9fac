//! Results over Redis, and with memory in front of it. Needs `redis-server`.

use mementos::store::bytes::{ByteStore, Encoded};
use mementos::store::redis::RedisStore;
use mementos::store::{MemoryStore, StoreError, Tiered};
use mementos::{Memoizer, Options as Terms};
use mementos_benches::{Options, Subject, Target, report, take_turns};
use std::future::poll_fn;
use std::hint::black_box;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::task::Poll;
use std::time::{Duration, Instant};

/// How many keys there are.
const KEYS: usize = 100;

/// How often a turn asks for each.
const PASSES: usize = 20;

/// Twenty texts of fifty letters: what is decoded takes some time too.
type Value = Vec<String>;

fn main() {
    let options = Options::from_args();
    let server = Server::start();
    let keys: Vec<String> = (0..KEYS).map(|n| format!("key-{n:08}")).collect();
    let over_redis = Memoizer::new(Encoded::new(server.store()));
    let tiered = Tiered::new(Encoded::new(server.store()));
    let tiered = Memoizer::new(tiered.no_older_than(Duration::from_secs(600)));
    let memory = Memoizer::new(MemoryStore::new());
    for memo in [&over_redis, &tiered, &memory] {
        keys.iter().for_each(|key| drop(get(memo, key)));
    }
    let store = server.store();
    for key in &keys {
        let bytes = rmp_serde::to_vec_named(&value()).expect("texts can be encoded");
        store.put(key, &bytes, None).expect("the server answers");
    }
    let rounds = options.pick(3, 51);
    let groups = [
        take_turns(
            "a hit over Redis",
            vec![
                Subject::new("bare GET, and decoding", server.bare(&keys)),
                asks("mementos", &over_redis, &keys).target(Target::AtMost(1.15)),
            ],
            rounds,
            KEYS * PASSES,
            &options,
        ),
        take_turns(
            "a hit in memory, by text",
            vec![
                asks("MemoryStore", &memory, &keys),
                asks("Tiered, near", &tiered, &keys).target(Target::AtMost(1.5)),
            ],
            rounds,
            KEYS * PASSES,
            &options,
        ),
        take_turns(
            "100 keys over Redis",
            vec![
                asks("100 times get", &over_redis, &keys),
                Subject::new("get_many", many(&over_redis, &keys)).target(Target::AtMost(0.1)),
            ],
            rounds,
            KEYS * PASSES,
            &options,
        ),
        take_turns(
            "the bytes of a key over Redis",
            vec![
                Subject::new("get", blocking(&store, &keys)),
                Subject::new("awaited", one_by_one(&store, &keys)),
                Subject::new("awaited, 100 at once", at_once(&store, &keys)),
            ],
            rounds,
            KEYS * PASSES,
            &options,
        ),
    ];
    report("bytes", &options, &groups);
}

fn value() -> Value {
    (0..20).map(|n| format!("{n:050}")).collect()
}

fn get(memo: &Memoizer, key: &str) -> Value {
    memo.get(key, value).expect("no build fails")
}

fn asks<'a>(name: &'static str, memo: &'a Memoizer, keys: &'a [String]) -> Subject<'a> {
    Subject::new(name, move || {
        passes(|| keys.iter().for_each(|key| drop(black_box(get(memo, key)))))
    })
}

fn many<'a>(memo: &'a Memoizer, keys: &'a [String]) -> impl FnMut() -> Duration + 'a {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    move || {
        passes(|| {
            let all = memo.get_many(&keys, Terms::new(), |_| -> Vec<Value> {
                unreachable!("all are kept")
            });
            drop(black_box(all.expect("no build fails")));
        })
    }
}

fn blocking<'a>(store: &'a RedisStore, keys: &'a [String]) -> impl FnMut() -> Duration + 'a {
    move || passes(|| keys.iter().for_each(|key| is_there(store.get(key))))
}

fn one_by_one<'a>(store: &'a RedisStore, keys: &'a [String]) -> impl FnMut() -> Duration + 'a {
    let store = store.awaited().expect("it can be awaited");
    let get = |key: &String| is_there(pollster::block_on(store.get(key)));
    move || passes(|| keys.iter().for_each(get))
}

fn at_once<'a>(store: &'a RedisStore, keys: &'a [String]) -> impl FnMut() -> Duration + 'a {
    let store = store.awaited().expect("it can be awaited");
    move || {
        passes(|| {
            let mut gets: Vec<_> = keys.iter().map(|key| store.get(key)).collect();
            pollster::block_on(poll_fn(|context| {
                gets.retain_mut(|get| match get.as_mut().poll(context) {
                    Poll::Ready(got) => {
                        is_there(got);
                        false
                    }
                    Poll::Pending => true,
                });
                match gets.is_empty() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            }));
        })
    }
}

fn is_there(got: Result<Option<Vec<u8>>, StoreError>) {
    let bytes = got.expect("the server answers");
    drop(black_box(bytes.expect("it was put")));
}

fn passes(mut pass: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..PASSES).for_each(|_| pass());
    start.elapsed()
}

/// A server on a free port, stopped when it is dropped.
struct Server {
    port: u16,
    child: Child,
}

impl Server {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server starts; install it: apt-get install redis-server");
        let server = Server { port, child };
        while server.connection().is_err() {
            std::thread::yield_now();
        }
        server
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn connection(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    fn store(&self) -> RedisStore {
        let store = RedisStore::at(self.url()).and_then(|builder| builder.open());
        store.expect("the address is one")
    }

    /// What one would write by hand: the same client, and the same codec.
    fn bare<'a>(&self, keys: &'a [String]) -> impl FnMut() -> Duration + 'a {
        let mut connection = self.connection().expect("the server answers");
        for key in keys {
            let bytes = rmp_serde::to_vec_named(&value()).expect("texts can be encoded");
            let mut set = redis::cmd("SET");
            let set = set.arg(format!("bare:{key}")).arg(bytes);
            set.exec(&mut connection).expect("the server answers");
        }
        move || {
            passes(|| {
                for key in keys {
                    let mut get = redis::cmd("GET");
                    let bytes: Vec<u8> = get
                        .arg(format!("bare:{key}"))
                        .query(&mut connection)
                        .expect("the server answers");
                    let value: Value = rmp_serde::from_slice(&bytes).expect("it was encoded");
                    drop(black_box(value));
                }
            })
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
