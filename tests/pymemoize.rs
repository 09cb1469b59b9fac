//! What PyMemoize's users know, one behaviour to a test, in the words of its
//! README: a memoizer over a store that one can look into.

#![cfg(feature = "macros")]

use mementos::clock::{Clock, FakeClock};
use mementos::store::{Lock, StoreError};
use mementos::{AnyValue, BuildError, Entry, Memoizer, Options, RegionError, memoize};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

/// A store that the tests look into.
type Rows = Arc<Mutex<BTreeMap<String, Entry<AnyValue>>>>;

fn keys(rows: &Rows) -> Vec<String> {
    rows.lock().unwrap().keys().cloned().collect()
}

/// A memoizer over an empty store, whose time is moved by hand.
fn memoizer() -> (Memoizer, Rows, FakeClock) {
    let (rows, clock) = (Rows::default(), FakeClock::new());
    let memo = Memoizer::new(Arc::clone(&rows)).clock(clock.clone());
    (memo, rows, clock)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How often something ran.
struct Runs(AtomicU32);

impl Runs {
    const fn new() -> Self {
        Runs(AtomicU32::new(0))
    }

    /// Counts a run, and answers with its number.
    fn count(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn so_far(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn manual_get() {
    let rows = Rows::default();
    let memo = Memoizer::new(Arc::clone(&rows)).namespace("master");

    assert_eq!(memo.get("basic", || 123).unwrap(), 123);
    assert_eq!(memo.get("basic", || 456).unwrap(), 123);

    assert_eq!(keys(&rows), ["master:basic"]);
    let kept = rows.lock().unwrap()["master:basic"].clone();
    assert_eq!(kept.value().downcast_ref(), Some(&123));
}

#[test]
fn manual_get_without_a_function() {
    let (memo, _, _) = memoizer();
    assert!(memo.entry::<u32>("key").unwrap().is_none());
    memo.get("key", || 1_u32).unwrap();
    assert_eq!(memo.entry::<u32>("key").unwrap().unwrap().into_value(), 1);
}

#[test]
fn exists() {
    let (memo, _, _) = memoizer();
    assert!(!memo.exists("key").unwrap());
    memo.get("key", || 1).unwrap();
    assert!(memo.exists("key").unwrap());
}

#[test]
fn delete() {
    let (memo, rows, _) = memoizer();
    memo.get("key", || 1).unwrap();
    assert!(memo.delete("key").unwrap());
    assert!(!memo.exists("key").unwrap());
    assert!(keys(&rows).is_empty());
    assert!(
        !memo.delete("key").unwrap(),
        "it is no error to do it again"
    );
    assert_eq!(memo.get("key", || 2).unwrap(), 2);
}

#[test]
fn arguments() {
    let (memo, _, _) = memoizer();
    fn join(parts: &[&str], by: &str) -> String {
        parts.join(by)
    }

    let joined = memo.get("joined", || join(&["a", "b"], "-")).unwrap();
    assert_eq!(joined, "a-b");
}

#[test]
fn max_age() {
    let (memo, _, clock) = memoizer();
    let minute = Options::new().max_age(secs(60));

    assert_eq!(memo.get_with("key", &minute, || 1).unwrap(), 1);
    clock.advance(secs(59));
    assert_eq!(memo.get_with("key", &minute, || 2).unwrap(), 1);
    clock.advance(secs(1));
    assert_eq!(memo.get_with("key", &minute, || 3).unwrap(), 3);
}

#[test]
fn max_age_of_a_later_call() {
    let (memo, _, clock) = memoizer();
    let ten = Options::new().max_age(secs(10));

    memo.get("key", || 1).unwrap();
    clock.advance(secs(10));
    assert_eq!(memo.get("key", || 2).unwrap(), 1, "kept without an end");
    assert_eq!(
        memo.get_with("key", ten, || 3).unwrap(),
        3,
        "too old for me"
    );
}

#[test]
fn expiry() {
    let (memo, rows, clock) = memoizer();
    let expiry = clock.now() + secs(10);
    let until = Options::new().expiry(expiry);

    assert_eq!(memo.get_with("key", until, || 1).unwrap(), 1);
    assert_eq!(rows.lock().unwrap()["key"].expires(), Some(expiry));
    clock.advance(secs(9));
    assert_eq!(memo.get("key", || 2).unwrap(), 1);
    clock.advance(secs(1));
    assert_eq!(memo.get("key", || 3).unwrap(), 3);
}

#[test]
fn expiry_and_max_age_end_at_the_earlier() {
    let (memo, _, clock) = memoizer();
    let both = Options::new().max_age(secs(60));
    let both = both.expiry(clock.now() + secs(10));
    memo.get_with("key", both, || 1).unwrap();
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(10)));
}

#[test]
fn ttl() {
    let (memo, _, clock) = memoizer();
    assert_eq!(memo.ttl("key").unwrap(), None);

    memo.get("endless", || 1).unwrap();
    assert_eq!(memo.ttl("endless").unwrap(), None);

    memo.get_with("key", Options::new().max_age(secs(10)), || 1)
        .unwrap();
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(10)));
    clock.advance(secs(4));
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(6)));
    clock.advance(secs(6));
    assert_eq!(memo.ttl("key").unwrap(), None);
}

#[test]
fn expire() {
    let (memo, _, clock) = memoizer();
    assert!(!memo.expire("key", secs(10)).unwrap(), "nothing is kept");

    memo.get("key", || 1).unwrap();
    assert!(memo.expire("key", secs(10)).unwrap());
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(10)));
    clock.advance(secs(10));
    assert!(!memo.exists("key").unwrap());
    assert_eq!(memo.get("key", || 2).unwrap(), 2);
}

#[test]
fn expire_at() {
    let (memo, rows, clock) = memoizer();
    let soon = clock.now() + secs(10);
    assert!(!memo.expire_at("key", soon).unwrap(), "nothing is kept");

    memo.get("key", || 1).unwrap();
    assert!(memo.expire_at("key", soon).unwrap());
    assert_eq!(rows.lock().unwrap()["key"].expires(), Some(soon));
    assert!(memo.exists("key").unwrap());
    assert!(memo.expire_at("key", clock.now()).unwrap());
    assert!(!memo.exists("key").unwrap());
}

#[test]
fn etag() {
    let (memo, _, _) = memoizer();
    let made_from = |etag: &str| Options::new().etag(etag.to_owned());

    assert_eq!(memo.get_with("key", made_from("a"), || 1).unwrap(), 1);
    assert_eq!(memo.etag("key").unwrap().unwrap().as_str(), "a");
    assert_eq!(memo.get_with("key", made_from("a"), || 2).unwrap(), 1);
    assert_eq!(memo.get_with("key", made_from("b"), || 3).unwrap(), 3);
    assert_eq!(memo.get("key", || 4).unwrap(), 3, "none given: no check");
    assert_eq!(memo.etag("key").unwrap().unwrap().as_str(), "b");
}

#[test]
fn etag_function() {
    static RUNS: Runs = Runs::new();

    #[memoize(key(name), etag = |_, version| version)]
    fn page(name: &str, version: u32) -> String {
        RUNS.count();
        format!("{name} {version}")
    }

    assert_eq!(page("a", 1), "a 1");
    assert_eq!(page("a", 1), "a 1");
    assert_eq!(page("a", 2), "a 2");
    assert_eq!(page::last_etag("a", 2).unwrap().as_str(), "2");
    assert_eq!(RUNS.so_far(), 2);
}

#[test]
fn etag_function_that_is_added_later() {
    static RUNS: Runs = Runs::new();

    #[memoize(key(name))]
    fn page(name: &str, version: u32) -> String {
        RUNS.count();
        format!("{name} {version}")
    }

    page::etag_by(|(_, version)| *version);
    assert_eq!((page("a", 1), page("a", 1)), ("a 1".into(), "a 1".into()));
    assert_eq!(page("a", 2), "a 2");
    assert_eq!(RUNS.so_far(), 2);
}

#[test]
fn decorator() {
    static ROWS: LazyLock<Rows> = LazyLock::new(Rows::default);
    static MEMO: LazyLock<Memoizer> = LazyLock::new(|| Memoizer::new(Arc::clone(&*ROWS)));
    static RUNS: Runs = Runs::new();

    #[memoize(memo = MEMO, max_age = "60s")]
    fn adder(a: i32, b: i32) -> i32 {
        RUNS.count();
        a + b
    }

    assert_eq!((adder(1, 2), adder(1, 2)), (3, 3));
    assert_eq!(RUNS.so_far(), 1);
    assert_eq!(keys(&ROWS), [concat!(module_path!(), "::adder(1, 2)")]);
}

#[test]
fn decorator_without_options() {
    #[memoize]
    fn adder(a: i32, b: i32) -> i32 {
        a + b
    }

    assert_eq!(adder(1, 2), 3);
    assert!(adder::exists(1, 2));
}

#[test]
fn custom_key() {
    static ROWS: LazyLock<Rows> = LazyLock::new(Rows::default);

    #[memoize(store = ROWS.clone(), prefix = "sum")]
    fn adder(a: i32, b: i32) -> i32 {
        a + b
    }

    #[memoize(store = ROWS.clone(), prefix = "host", key = |name, _| name.to_lowercase())]
    fn host(name: &str, port: u16) -> String {
        format!("{name}:{port}")
    }

    adder(1, 2);
    assert_eq!(host("Example", 80), host("EXAMPLE", 443));
    assert_eq!(keys(&ROWS), [r#"host("example")"#, "sum(1, 2)"]);
    assert_eq!(adder::key(1, 2), "sum(1, 2)");
}

#[test]
fn per_function_methods() {
    static RUNS: Runs = Runs::new();

    #[memoize(prefix = "adder")]
    fn adder(a: i32, b: i32) -> i32 {
        RUNS.count();
        a + b
    }

    let clock = FakeClock::new();
    Memoizer::in_memory().clock(clock.clone()).scope(|| {
        assert_eq!(adder::key(1, 2), "adder(1, 2)");
        assert!(!adder::exists(1, 2));
        assert_eq!(adder::get(Options::new().etag("a"), 1, 2).unwrap(), 3);
        assert!(adder::exists(1, 2));
        assert_eq!(adder::last_etag(1, 2).unwrap().as_str(), "a");

        assert!(adder::expire(secs(10), 1, 2).unwrap());
        assert_eq!(adder::ttl(1, 2), Some(secs(10)));
        assert!(adder::expire_at(clock.now() + secs(20), 1, 2).unwrap());
        assert_eq!(adder::ttl(1, 2), Some(secs(20)));
        clock.advance(secs(20));
        assert!(!adder::exists(1, 2));

        adder(1, 2);
        assert!(adder::delete(1, 2).unwrap());
        assert!(!adder::exists(1, 2));
        assert_eq!(RUNS.so_far(), 2);
    });
}

#[test]
fn argument_normalisation() {
    static ROWS: LazyLock<Rows> = LazyLock::new(Rows::default);

    #[memoize(store = ROWS.clone(), prefix = "greet")]
    fn greet(name: &str, how: Option<&str>) -> String {
        format!("{} {name}", how.unwrap_or("hello"))
    }

    greet("you", Some("hi"));
    greet(&String::from("you"), Some("hi"));
    greet(&Arc::<str>::from("you"), Some("hi"));
    assert_eq!(keys(&ROWS), [r#"greet("you", Some("hi"))"#]);
}

#[test]
fn bound_methods() {
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Multiplier(u32);

    static RUNS: Runs = Runs::new();

    #[memoize]
    impl Multiplier {
        #[memoize]
        fn times(&self, x: u32) -> u32 {
            RUNS.count();
            self.0 * x
        }
    }

    let (two, three) = (Multiplier(2), Multiplier(3));
    assert_eq!((two.times(5), two.times(5)), (10, 10));
    assert_eq!(three.times(5), 15);
    assert_eq!(RUNS.so_far(), 2);

    let times = Multiplier::times_memo();
    assert!(times.exists((&two, 5)));
    assert!(times.delete((&two, 5)).unwrap());
    assert!(!times.exists((&two, 5)));
    assert!(times.exists((&three, 5)));
}

#[test]
fn namespace_of_the_memoizer() {
    let rows = Rows::default();
    let memo = Memoizer::new(Arc::clone(&rows)).namespace("master");
    memo.get("basic", || 123).unwrap();
    assert_eq!(keys(&rows), ["master:basic"]);
    assert!(memo.exists("basic").unwrap());
    assert!(memo.delete("basic").unwrap());
    assert!(keys(&rows).is_empty());
}

#[test]
fn namespace_of_a_region_or_a_function() {
    static ROWS: LazyLock<Rows> = LazyLock::new(Rows::default);
    static MEMO: LazyLock<Memoizer> = LazyLock::new(|| {
        Memoizer::new(Arc::clone(&*ROWS))
            .namespace("master")
            .region("other", Options::new().namespace("region"))
    });

    #[memoize(memo = MEMO, namespace = "function", prefix = "one")]
    fn one(x: u32) -> u32 {
        x
    }

    one(1);
    MEMO.get_with("key", Options::new().region("other"), || 1)
        .unwrap();
    MEMO.get("key", || 2).unwrap();
    assert_eq!(keys(&ROWS), ["function:one(1)", "master:key", "region:key"]);
}

#[test]
fn namespace_of_a_call() {
    let (memo, rows, _) = memoizer();
    let memo = memo.namespace("master");
    let call = Options::new().namespace("call");
    assert_eq!(memo.get_with("key", call, || 1).unwrap(), 1);
    assert_eq!(memo.get("key", || 2).unwrap(), 2);
    assert_eq!(keys(&rows), ["call:key", "master:key"]);
}

#[test]
fn regions() {
    let (memo, _, _) = memoizer();
    let memo = memo
        .region("short", Options::new().max_age(secs(60)))
        .region("long", Options::new().max_age(secs(3600)));

    memo.get_with("a", Options::new().region("short"), || 1)
        .unwrap();
    memo.get_with("b", Options::new().region("long"), || 1)
        .unwrap();
    memo.get("c", || 1).unwrap();
    assert_eq!(memo.ttl("a").unwrap(), Some(secs(60)));
    assert_eq!(memo.ttl("b").unwrap(), Some(secs(3600)));
    assert_eq!(memo.ttl("c").unwrap(), None);
}

#[test]
fn region_parents() {
    let (memo, rows, _) = memoizer();
    let memo = memo
        .namespace("master")
        .region("a", Options::new().max_age(secs(60)).namespace("a"))
        .region("b", Options::new().namespace("b").parent("a"))
        .region("c", Options::new().max_age(secs(10)).parent("b"));

    let c = Options::new().region("c");
    memo.get_with("key", &c, || 1).unwrap();
    assert_eq!(keys(&rows), ["b:key"]);
    assert_eq!(memo.with(c).ttl("key").unwrap(), Some(secs(10)));

    let b = Options::new().region("b");
    memo.get_with("other", &b, || 1).unwrap();
    assert_eq!(memo.with(b).ttl("other").unwrap(), Some(secs(60)));
}

#[test]
fn unknown_region() {
    let (memo, rows, _) = memoizer();
    let memo = memo.region("short", Options::new());
    let asked = memo.get_with("key", Options::new().region("shrot"), || 1);
    let Err(BuildError::Region(RegionError::Unknown { region, known })) = asked else {
        panic!("{asked:?}");
    };
    assert_eq!((&*region, &*known[0]), ("shrot", "short"));
    assert!(keys(&rows).is_empty());
}

#[test]
fn explicit_none() {
    let (memo, rows, _) = memoizer();
    let memo = memo
        .defaults(Options::new().max_age(secs(60)).namespace("master"))
        .region("bare", Options::new().no_namespace());

    let endless = Options::new().region("bare").no_max_age();
    memo.get_with("key", &endless, || 1).unwrap();
    assert_eq!(keys(&rows), ["key"]);
    assert_eq!(memo.with(endless).ttl("key").unwrap(), None);
}

#[test]
fn stores_at_three_levels() {
    let [master, region, call] = [(); 3].map(|()| Rows::default());
    let memo = Memoizer::new(Arc::clone(&master))
        .region("region", Options::new().store(Arc::clone(&region)));

    let from_region = Options::new().region("region");
    let from_call = from_region.clone().store(Arc::clone(&call));
    memo.get("a", || 1).unwrap();
    memo.get_with("b", from_region, || 2).unwrap();
    memo.get_with("c", from_call, || 3).unwrap();
    assert_eq!(
        (keys(&master), keys(&region)),
        (vec!["a".into()], vec!["b".into()])
    );
    assert_eq!(keys(&call), ["c"]);
}

#[test]
fn store_of_a_function() {
    static OWN: LazyLock<Rows> = LazyLock::new(Rows::default);

    #[memoize(store = OWN.clone(), prefix = "one")]
    fn one(x: u32) -> u32 {
        x
    }

    one(1);
    assert_eq!(keys(&OWN), ["one(1)"]);
    assert!(one::delete(1).unwrap());
    assert!(keys(&OWN).is_empty());
}

/// A lock that notes what is done with it.
#[derive(Default)]
struct Noted(Mutex<Vec<String>>);

impl Noted {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Lock for Noted {
    fn acquire(&self, key: &str, timeout: Duration) -> Result<bool, StoreError> {
        self.note(format!("lock {key} {timeout:?}"));
        Ok(true)
    }

    fn release(&self, key: &str) {
        self.note(format!("unlock {key}"));
    }
}

#[test]
fn locks_and_their_order() {
    let (memo, _, _) = memoizer();
    let noted = Arc::new(Noted::default());
    let memo = memo.namespace("master");
    let memo = memo.defaults(Options::new().lock(Arc::clone(&noted)));

    memo.get("key", || noted.note("call")).unwrap();
    assert_eq!(
        noted.taken(),
        ["lock master:key 10s", "call", "unlock master:key"]
    );
    memo.get("key", || noted.note("call")).unwrap();
    assert!(noted.taken().is_empty(), "a hit takes no lock");

    let hurried = Options::new().timeout(secs(3));
    memo.get_with("other", hurried, || noted.note("call"))
        .unwrap();
    assert_eq!(noted.taken()[0], "lock master:other 3s");
}

#[test]
fn a_lock_is_released_though_the_function_fails() {
    let (memo, _, _) = memoizer();
    let noted = Arc::new(Noted::default());
    let memo = memo.defaults(Options::new().lock(Arc::clone(&noted)));

    memo.get::<u32, _>("key", || Err("no")).unwrap_err();
    assert_eq!(noted.taken(), ["lock key 10s", "unlock key"]);
}

#[test]
fn exceptions() {
    #[derive(Debug, PartialEq)]
    struct Mine(u32);

    let (memo, rows, _) = memoizer();
    let failed = memo.get::<u32, _>("key", || Err(Mine(7)));
    assert_eq!(failed.unwrap_err().into_failure().unwrap(), Mine(7));
    assert!(keys(&rows).is_empty());
    assert!(!memo.exists("key").unwrap());
    assert_eq!(memo.get::<u32, _>("key", || Ok::<_, Mine>(1)).unwrap(), 1);
}

#[test]
fn exceptions_of_a_function() {
    static ROWS: LazyLock<Rows> = LazyLock::new(Rows::default);

    #[memoize(store = ROWS.clone())]
    fn parsed(text: &str) -> Result<u32, std::num::ParseIntError> {
        text.parse()
    }

    assert_eq!(parsed("x"), "x".parse::<u32>());
    assert!(keys(&ROWS).is_empty());
    assert_eq!(parsed("1"), Ok(1));
}

#[test]
fn panics() {
    let (memo, rows, _) = memoizer();
    let get = || memo.get::<u32, _>("key", || -> u32 { std::panic::panic_any(7_u8) });
    let payload = catch_unwind(AssertUnwindSafe(get)).unwrap_err();
    assert_eq!(
        payload.downcast_ref(),
        Some(&7_u8),
        "it comes through unchanged"
    );
    assert!(keys(&rows).is_empty());
    assert_eq!(memo.get("key", || 1).unwrap(), 1);
}

#[test]
fn dynamic_max_age_by_the_arguments() {
    #[memoize(max_age = |seconds| secs(seconds))]
    fn one(seconds: u64) -> u64 {
        seconds
    }

    Memoizer::in_memory().clock(FakeClock::new()).scope(|| {
        one(10);
        one(20);
        assert_eq!(one::ttl(10), Some(secs(10)));
        assert_eq!(one::ttl(20), Some(secs(20)));
    });
}

#[test]
fn dynamic_max_age_by_the_value() {
    #[memoize(max_age_of = |seconds| secs(*seconds))]
    fn double(seconds: u64) -> u64 {
        2 * seconds
    }

    Memoizer::in_memory().clock(FakeClock::new()).scope(|| {
        double(10);
        assert_eq!(double::ttl(10), Some(secs(20)));
    });

    let (memo, _, _) = memoizer();
    let by_value = Options::new().max_age_of(|value: &u64| secs(*value));
    memo.get_with("key", by_value, || 30_u64).unwrap();
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(30)));
}

#[test]
fn dynamic_expiry() {
    static CLOCK: LazyLock<FakeClock> = LazyLock::new(FakeClock::new);

    #[memoize(expiry = |seconds| CLOCK.now() + secs(seconds))]
    fn one(seconds: u64) -> u64 {
        seconds
    }

    Memoizer::in_memory().clock(CLOCK.clone()).scope(|| {
        one(10);
        assert_eq!(one::ttl(10), Some(secs(10)));
    });
}

#[test]
fn time_travel() {
    static RUNS: Runs = Runs::new();

    #[memoize(max_age = "1h")]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    let clock = FakeClock::new();
    Memoizer::in_memory().clock(clock.clone()).scope(|| {
        assert_eq!((run(1), run(1)), (1, 1));
        clock.advance(secs(3599));
        assert_eq!(run(1), 1);
        clock.advance(secs(1));
        assert_eq!((run(1), run(1)), (2, 2));
        clock.advance(secs(24 * 3600));
        assert_eq!((run(1), run(1)), (3, 3));
    });
}
