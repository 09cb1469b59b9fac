//! Groups of results in functions' own tables, and what no store's suite tells.

use crate::support::*;
use mementos::store::SharedStore;
use mementos::{Group, MemoError, Memoized, Memoizer, Options, memoize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};

fn hard(memo: &Memoizer, group: Group) {
    memo.invalidate(group).unwrap();
}

fn soft(memo: &Memoizer, group: Group) {
    memo.make_stale(group).unwrap();
}

#[test]
fn a_tag_of_a_function_is_invalidated() {
    static RUNS: Runs = Runs::new();

    #[memoize(tags = ["t", "u"])]
    fn tagged(_x: u32) -> u32 {
        RUNS.count()
    }

    #[memoize]
    fn plain(_x: u32) -> u32 {
        RUNS.count()
    }

    let (memo, _) = in_memory();
    memo.scope(|| {
        assert_eq!((tagged(1), plain(1)), (1, 2));
        assert_eq!((tagged(1), plain(1)), (1, 2));
        hard(&memo, Group::tag("other"));
        assert_eq!(tagged(1), 1);
        hard(&memo, Group::tag("t"));
        assert!(!tagged::exists(1));
        assert!(tagged::entry(1).is_none());
        assert_eq!((tagged(1), plain(1)), (3, 2));
        soft(&memo, Group::tag("u"));
        assert!(!tagged::exists(1));
        assert_eq!(tagged::entry(1).map(|entry| *entry.value()), Some(3));
        assert_eq!((tagged(1), tagged(1)), (4, 4));
    });
}

#[test]
fn tags_are_computed_from_the_arguments() {
    static RUNS: Runs = Runs::new();

    #[memoize(tags = |user, _| [user, "users"])]
    fn page(user: &str, n: u32) -> u32 {
        _ = (user, n);
        RUNS.count()
    }

    let (memo, _) = in_memory();
    memo.scope(|| {
        assert_eq!((page("ann", 1), page("bob", 1)), (1, 2));
        hard(&memo, Group::tag("ann"));
        assert_eq!((page("ann", 1), page("bob", 1)), (3, 2));
        hard(&memo, Group::tag("users"));
        assert_eq!((page("ann", 1), page("bob", 1)), (4, 5));
        page::tags_by(|(_, n)| [format!("page {n}")]);
        page::clear().unwrap();
        assert_eq!((page("ann", 1), page("ann", 2)), (6, 7));
        hard(&memo, Group::tag("page 1"));
        assert_eq!((page("ann", 1), page("ann", 2)), (8, 7));
    });
}

#[test]
fn a_call_says_what_tags_its_result_has() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(_x: u32) -> u32 {
        RUNS.count()
    }

    let (memo, _) = in_memory();
    memo.scope(|| {
        // A plain look answers the calls of this function, so far.
        assert_eq!((run(1), run(1)), (1, 1));
        let tagged = Options::new().tags(["t"]);
        assert_eq!(run::get(&tagged, 2).unwrap(), 2);
        assert_eq!((run(1), run(2)), (1, 2));
        hard(&memo, Group::tag("t"));
        assert_eq!((run(1), run(2)), (1, 3), "the plain look does not answer");
    });
}

/// A plain look goes on to answer the calls of such functions.
#[test]
fn the_tables_of_functions_are_invalidated_by_region_namespace_and_all() {
    static RUNS: Runs = Runs::new();

    #[memoize(region = "r")]
    fn of_region(_x: u32) -> u32 {
        RUNS.count()
    }

    #[memoize(namespace = "n")]
    fn of_namespace(_x: u32) -> u32 {
        RUNS.count()
    }

    #[memoize]
    fn plain(_x: u32) -> u32 {
        RUNS.count()
    }

    for (end, is_shown) in [(hard as fn(&Memoizer, Group), false), (soft, true)] {
        let (memo, _) = in_memory();
        let memo = memo.region("r", Options::new()).region("s", Options::new());
        let in_n = memo.with(Options::new().namespace("n"));
        memo.scope(|| {
            let all = || [of_region(1), of_namespace(1), plain(1)];
            let rebuilt = |memo: &Memoizer, group: Group| {
                let before = all();
                end(memo, group);
                let is_there = plain::exists(1) || plain::entry(1).is_some();
                assert!(!is_there || plain::exists(1) || is_shown);
                let pairs = before.into_iter().zip(all());
                pairs.map(|(old, new)| old != new).collect::<Vec<_>>()
            };
            assert_eq!(rebuilt(&memo, Group::region("s")), [false, false, false]);
            assert_eq!(rebuilt(&memo, Group::region("r")), [true, false, false]);
            assert_eq!(rebuilt(&in_n, Group::Namespace), [false, true, false]);
            assert_eq!(rebuilt(&memo, Group::Namespace), [true, false, true]);
            assert_eq!(rebuilt(&in_n, Group::All), [true, true, true]);
            // A call may bring the options of another region.
            plain::get(Options::new().region("s"), 2).unwrap();
            assert_eq!(rebuilt(&memo, Group::region("s")), [false, false, true]);
            end(&memo, Group::All);
            assert_eq!(plain::entry(1).is_some(), is_shown);
        });
    }
}

#[test]
fn tags_of_functions_are_those_of_their_namespace() {
    static RUNS: Runs = Runs::new();

    #[memoize(namespace = "n", tags = ["t"])]
    fn run(_x: u32) -> u32 {
        RUNS.count()
    }

    let (memo, _) = in_memory();
    memo.scope(|| {
        assert_eq!(run(1), 1);
        hard(&memo, Group::tag("t"));
        assert_eq!(run(1), 1);
        hard(&memo.with(Options::new().namespace("n")), Group::tag("t"));
        assert_eq!(run(1), 2);
    });
}

/// Where the function is kept by a store, it is grouped as calls by hand are.
#[test]
fn functions_in_a_store_are_grouped_if_they_say_so() {
    static RUNS: Runs = Runs::new();

    #[memoize(tags = ["t"], grouped, region = "r")]
    fn run(_x: u32) -> u32 {
        RUNS.count()
    }

    let (memo, rows, _) = over_rows();
    let memo = memo.region("r", Options::new().grouped(true));
    memo.scope(|| {
        assert_eq!((run(1), run(1)), (1, 1));
        let held = |key: &&str| keys(&rows).iter().any(|known| known == key);
        let groups = ["@all", "@namespace", "@region:r", "@tag:t"];
        assert!(groups.iter().all(held), "{:?}", keys(&rows));
        hard(&memo, Group::tag("t"));
        assert!(!run::exists(1) && run::entry(1).is_none());
        assert_eq!(run::ttl(1), None);
        assert_eq!((run(1), run(1)), (2, 2));
        soft(&memo, Group::region("r"));
        assert!(!run::exists(1) && run::entry(1).is_some());
        assert_eq!((run(1), run(1)), (3, 3));
        rows.lock().remove("@tag:t");
        assert_eq!((run(1), run(1)), (4, 4));
    });
}

#[test]
fn results_by_hand_in_memory_are_invalidated() {
    let (memo, _) = in_memory();
    let memo = memo
        .defaults(Options::new().grouped(true))
        .region("r", Options::new());
    let tenant = memo.with(Options::new().namespace("n"));
    let put = || {
        let tagged = Options::new().tags(["t"]);
        memo.get_with("tag", &tagged, || 1_u32).unwrap();
        tenant.get_with("tag", &tagged, || 1_u32).unwrap();
        let region = Options::new().region("r");
        memo.get_with("region", &region, || 1_u32).unwrap();
        let many = memo.get_many(&["many"], &tagged, |_| vec![1_u32]);
        assert_eq!(many.unwrap(), [1]);
    };
    // Those by this handle with the tag, by two ways, that in the region, and that in the
    // namespace.
    let all = || {
        [
            (&memo, "tag"),
            (&memo, "many"),
            (&memo, "region"),
            (&tenant, "tag"),
        ]
    };
    for (end, is_shown) in [(hard as fn(&Memoizer, Group), false), (soft, true)] {
        let ends = |memo: &Memoizer, group: Group| {
            put();
            assert!(all().iter().all(|(memo, key)| memo.exists(key).unwrap()));
            end(memo, group);
            all().map(|(memo, key)| {
                let exists = memo.exists(key).unwrap();
                let is_there = memo.entry::<u32>(key).unwrap().is_some();
                assert_eq!(is_there, exists || is_shown);
                !exists
            })
        };
        assert_eq!(ends(&memo, Group::tag("t")), [true, true, false, false]);
        assert_eq!(ends(&tenant, Group::tag("t")), [false, false, false, true]);
        assert_eq!(ends(&memo, Group::region("r")), [false, false, true, false]);
        assert_eq!(ends(&memo, Group::Namespace), [true, true, true, false]);
        assert_eq!(ends(&tenant, Group::Namespace), [false, false, false, true]);
        assert_eq!(ends(&memo, Group::All), [true; 4]);
        assert_eq!(ends(&memo, Group::tag("other")), [false; 4]);
    }
}

#[test]
fn to_invalidate_what_results_are_not_in_is_an_error() {
    let (memo, _, _) = over_rows();
    let memo = memo.region("r", Options::new());
    for group in [Group::region("r"), Group::Namespace, Group::All] {
        let error = memo.invalidate(group.clone()).unwrap_err();
        assert!(matches!(&error, MemoError::Ungrouped(of) if *of == group));
        assert!(error.to_string().contains(".grouped(true)"), "{error}");
    }
    hard(&memo, Group::tag("t"));
    let unknown = memo.invalidate(Group::region("lost")).unwrap_err();
    assert!(matches!(unknown, MemoError::Region(_)));
    // In memory, where nothing was kept by hand, functions' tables are meant.
    let memo = Memoizer::in_memory();
    hard(&memo, Group::All);
    memo.get("a", || 1).unwrap();
    assert!(memo.invalidate(Group::All).is_err());
}

#[test]
fn a_store_that_fails_to_invalidate_is_an_error() {
    let store = Hooked::new(|doing| match doing {
        Doing::Put("@tag:t", _) => Err(mementos::store::StoreError::new("putting", "no")),
        _ => Ok(()),
    });
    let rows = Arc::clone(&store.rows);
    let memo = Memoizer::new(store);
    let tagged = Options::new().tags(["t"]);
    let get = |value: u32| memo.get_with("a", &tagged, || value).unwrap();
    assert_eq!((get(1), get(2)), (1, 2), "what is in no group is not kept");
    assert!(keys(&rows).is_empty());
    let other = Memoizer::new(Arc::clone(&rows));
    other.get_with("a", &tagged, || 3_u32).unwrap();
    assert_eq!(get(4), 3);
    assert!(matches!(
        memo.invalidate(Group::tag("t")),
        Err(MemoError::Store(_))
    ));
    assert!(memo.make_stale(Group::tag("t")).is_err());
}

/// ```text
///   the first       three that come later
///   builds
///                   join it
///   ends
///                   one builds, and the others join that: it began after they did
/// ```
///
/// Nobody may wait for ever, nor be given what may be old, nor build one after another.
#[test]
fn while_generations_cannot_be_read_a_second_flight_answers_all() {
    let nested = Nested::alone();
    let store = Hooked::new(|doing| match doing {
        Doing::Get(key) if key.starts_with('@') => {
            Err(mementos::store::StoreError::new("reading", "no"))
        }
        _ => Ok(()),
    });
    let notes = Arc::new(Notes::default());
    let memo = Memoizer::new(SharedStore::new(store)).observer(Arc::clone(&notes));
    let runs = Runs::new();
    let get = || -> u32 {
        let build = || {
            let run = runs.count();
            nested.until_waiting(4 - run as usize);
            run
        };
        let tagged = Options::new().tags(["t"]);
        memo.get_with("a", tagged, build).unwrap()
    };
    thread::scope(|scope| {
        let first = scope.spawn(get);
        until(|| runs.so_far() == 1);
        let others: Vec<_> = (0..3)
            .map(|n| {
                // From inside a build, since those who wait there are counted.
                let outer = Memoizer::in_memory();
                scope.spawn(move || -> u32 { outer.get(&n.to_string(), get).unwrap() })
            })
            .collect();
        assert_eq!(first.join().unwrap(), 1);
        let others = others.into_iter().map(|other| other.join().unwrap());
        assert_eq!(others.collect::<Vec<_>>(), [2, 2, 2]);
    });
    assert!(!memo.exists("a").unwrap());
    assert_eq!(notes.count("store_fault"), 2, "one for each build");
}

#[test]
fn what_has_been_invalidated_is_told_as_a_miss_and_what_is_stale_as_expired() {
    let (memo, _, _) = over_rows();
    let notes = Arc::new(Notes::default());
    let memo = memo.observer(Arc::clone(&notes));
    let tagged = Options::new().tags(["t"]);
    let get = || memo.get_with("a", &tagged, || 1_u32).unwrap();
    get();
    assert_eq!(notes.taken(), ["miss", "built"]);
    hard(&memo, Group::tag("t"));
    get();
    assert_eq!(notes.taken(), ["miss", "built"]);
    soft(&memo, Group::tag("t"));
    get();
    assert_eq!(notes.taken(), ["expired", "built"]);
    get();
    assert_eq!(notes.taken(), ["hit"]);
}

/// What a builder does, step by step: it is told when to begin and when to end.
struct Builder {
    begins: Sender<u64>,
    ends: Sender<()>,
    has_begun: Receiver<()>,
    done: Receiver<u64>,
}

/// ```text
///   builder               this thread
///   begins round n
///                         invalidates
///                         asks: it joins the build, or finds none
///   ends
/// ```
///
/// Whoever asks after that gets no value of round n.
fn rounds<'s>(
    scope: &'s thread::Scope<'s, '_>,
    rounds: u64,
    ask: impl Fn(&dyn Fn() -> u64) -> u64 + Send + Sync + Clone + 'static,
    end: impl Fn(),
) {
    let (begins, begin) = mpsc::channel::<u64>();
    let (ends, end_now) = mpsc::channel();
    let (begun, has_begun) = mpsc::channel();
    let (finished, done) = mpsc::channel();
    let asks = ask.clone();
    scope.spawn(move || {
        for n in begin {
            let value = asks(&|| {
                begun.send(()).unwrap();
                end_now.recv().unwrap();
                n
            });
            finished.send(value).unwrap();
        }
    });
    let builder = Builder {
        begins,
        ends,
        has_begun,
        done,
    };
    const NEW: u64 = u64::MAX;
    for n in 0..rounds {
        builder.begins.send(n).unwrap();
        builder.has_begun.recv().unwrap();
        end();
        // It ends while the other call looks, joins, or waits: whatever comes first.
        builder.ends.send(()).unwrap();
        assert_eq!(
            ask(&|| NEW),
            NEW,
            "round {n}: built before it was invalidated"
        );
        assert_eq!(builder.done.recv().unwrap(), n);
        assert_eq!(ask(&|| 0), NEW, "round {n}: and the new one is kept");
        end();
    }
}

const ROUNDS: u64 = if cfg!(miri) { 10 } else { 10_000 };

#[test]
fn by_hand_an_invalidation_beats_the_build_that_is_under_way() {
    let memos = || {
        let in_store = Memoizer::new(mementos::store::MemoryStore::new());
        [in_store, Memoizer::in_memory()]
    };
    let each = |memo| [hard, soft].map(|end| (Memoizer::clone(&memo), end));
    for (memo, end) in memos().into_iter().flat_map(each) {
        let asks = memo.with(Options::new().tags(["t"]));
        thread::scope(|scope| {
            let ask = move |build: &dyn Fn() -> u64| asks.get("a", build).unwrap();
            rounds(scope, ROUNDS, ask, || end(&memo, Group::tag("t")));
        });
    }
}

/// A function whose body is the test's own, for each call.
struct Steered;

impl Memoized for Steered {
    type Args<'a> = &'a dyn Fn() -> u64;
    type Key = ();
    type Output = u64;
    const NAME: &'static str = "steered";

    fn lookup<'r, 'a: 'r>(_: &'r Self::Args<'a>) -> impl mementos::key::Lookup<()> {}

    fn run(build: &dyn Fn() -> u64) -> u64 {
        build()
    }

    fn copy(output: &u64) -> Option<u64> {
        Some(*output)
    }
}

#[test]
fn in_a_table_an_invalidation_beats_the_build_that_is_under_way() {
    for group in [Group::tag("t"), Group::All] {
        for end in [hard, soft] {
            let memo = Memoizer::in_memory();
            let function = mementos::Function::<Steered>::of(&memo);
            function.set_options(Options::new().tags(["t"]));
            thread::scope(|scope| {
                let ask = move |build: &dyn Fn() -> u64| function.call(build);
                rounds(scope, ROUNDS, ask, || end(&memo, group.clone()));
            });
        }
    }
}

#[cfg(feature = "bounded")]
#[test]
fn a_table_with_a_bound_is_invalidated_too() {
    static RUNS: Runs = Runs::new();

    #[memoize(capacity = 10, tags = |x| [x.to_string()])]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    let (memo, _) = in_memory();
    memo.scope(|| {
        assert_eq!((run(1), run(2)), (1, 2));
        hard(&memo, Group::tag("1"));
        assert_eq!((run(1), run(2)), (3, 2));
        soft(&memo, Group::All);
        assert!(!run::exists(1) && run::entry(1).is_some());
        assert_eq!((run(1), run(2)), (4, 5));
        hard(&memo, Group::All);
        assert!(run::entry(1).is_none() && run::entry(2).is_none());
        assert_eq!(run::stats().removals, 2);
    });
}

#[test]
fn what_has_been_made_stale_is_not_revived_by_another_expiry() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn free(_x: u32) -> u32 {
        RUNS.count()
    }

    let (memo, _) = in_memory();
    memo.scope(|| {
        assert_eq!(free(1), 1);
        soft(&memo, Group::All);
        assert!(free::expire(std::time::Duration::from_secs(3600), 1).unwrap());
        assert_eq!((free(1), free(1)), (2, 2));
    });
}

#[test]
fn what_is_invalidated_while_another_makes_it_stale_is_gone() {
    let nested = Nested::alone();
    let door = Arc::new(Door::new());
    let makes_stale: Arc<OnceLock<ThreadId>> = Arc::default();
    let store = Hooked::new({
        let (door, makes_stale) = (Arc::clone(&door), Arc::clone(&makes_stale));
        move |doing| {
            let is_put = matches!(doing, Doing::Put(..));
            if is_put && makes_stale.get() == Some(&thread::current().id()) {
                // It has read the generation.
                door.pass();
            }
            Ok(())
        }
    });
    let memo = Memoizer::new(store).defaults(Options::new().tags(["t"]));
    memo.get("key", || 1).unwrap();
    let is_invalid = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            makes_stale.set(thread::current().id()).unwrap();
            soft(&memo, Group::tag("t"));
        });
        door.until_came(1);
        threads.spawn(|| {
            let outside = in_memory().0;
            // Inside of a build, so that it is seen to wait.
            outside
                .get("outer", || hard(&memo, Group::tag("t")))
                .unwrap();
            is_invalid.store(true, Ordering::SeqCst);
        });
        until(|| mementos::private::edges() > 0 || is_invalid.load(Ordering::SeqCst));
        door.open();
    });
    drop(nested);
    assert!(
        memo.entry::<i32>("key").unwrap().is_none(),
        "it is not stale"
    );
}

#[test]
fn a_store_that_invalidates_what_it_is_invalidating_gets_an_error() {
    let memo: Arc<OnceLock<Memoizer>> = Arc::default();
    let noted = Arc::new(Notes::default());
    let store = Hooked::new({
        let (memo, noted) = (Arc::clone(&memo), Arc::clone(&noted));
        move |doing| {
            let again = memo.get().filter(|_| matches!(doing, Doing::Put(..)));
            if let Some(memo) = again {
                let error = memo.invalidate(Group::tag("t")).unwrap_err();
                assert!(matches!(error, MemoError::Circle(_)), "{error}");
                noted.note("circle");
            }
            Ok(())
        }
    });
    let own = Memoizer::new(store).defaults(Options::new().tags(["t"]));
    own.get("key", || 1).unwrap();
    memo.set(own.clone()).unwrap();
    hard(&own, Group::tag("t"));
    assert_eq!(noted.count("circle"), 1);
    assert!(own.entry::<i32>("key").unwrap().is_none());
}
