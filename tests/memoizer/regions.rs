//! Regions, while a memoizer is in use; and names that are no regions.

use crate::support::*;
use mementos::clock::FakeClock;
use mementos::{BuildError, MemoError, Memoizer, Options, RegionError, Regions, memoize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

fn age(seconds: u64) -> Options {
    Options::new().max_age(secs(seconds))
}

#[test]
fn a_region_that_is_replaced_holds_at_once_by_hand() {
    let (memo, _, clock) = over_rows();
    let memo = memo.region("short", age(60));
    let short = Options::new().region("short");
    memo.get_with("key", &short, || 1).unwrap();
    clock.advance(secs(10));
    assert_eq!(memo.get_with("key", &short, || 2).unwrap(), 1);
    memo.set_region("short", age(10)).unwrap();
    assert_eq!(memo.get_with("key", &short, || 3).unwrap(), 3);
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(10)));
}

#[test]
fn a_region_that_is_replaced_holds_at_once_for_a_function_in_use() {
    static RUNS: Runs = Runs::new();

    #[memoize(region = "short")]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    let (memo, clock) = in_memory();
    let memo = memo.region("short", Options::new().parent("base"));
    let memo = memo.region("base", age(60));
    memo.scope(|| {
        assert_eq!((run(1), run(1)), (1, 1));
        clock.advance(secs(10));
        assert_eq!(run(1), 1);
        memo.set_region("base", age(10)).unwrap();
        assert_eq!((run(1), run(1)), (2, 2));
        memo.set_region("short", age(5)).unwrap();
        clock.advance(secs(5));
        assert_eq!((run(1), run(1)), (3, 3));
        let regions = Regions::new().with("short", Options::new());
        memo.set_regions(regions).unwrap();
        run(2);
        assert_eq!(run::ttl(2), None);
    });
}

/// Without a scope, the function finds its table in a static.
#[test]
fn a_region_that_is_replaced_holds_at_once_on_the_plain_way() {
    static CLOCK: LazyLock<FakeClock> = LazyLock::new(FakeClock::new);
    static MEMO: LazyLock<Memoizer> = LazyLock::new(|| {
        let memo = Memoizer::in_memory().clock(CLOCK.clone());
        memo.region("short", Options::new())
    });
    static RUNS: Runs = Runs::new();

    #[memoize(memo = MEMO, region = "short")]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    assert_eq!((run(1), run(1), run(1)), (1, 1, 1));
    CLOCK.advance(secs(10));
    assert_eq!(run(1), 1);
    MEMO.set_region("short", age(10)).unwrap();
    assert_eq!((run(1), run(1)), (2, 2), "the new age");
    MEMO.set_region("short", Options::new().etag("a")).unwrap();
    assert_eq!((run(1), run(1)), (3, 3), "the new etag");
    MEMO.set_region("short", Options::new().namespace("a"))
        .unwrap();
    assert_eq!((run(1), run(1)), (4, 4), "the new namespace");
    MEMO.set_defaults(|_| age(10));
    MEMO.set_region("short", Options::new()).unwrap();
    assert_eq!((run(1), run(1)), (3, 3), "the first table again");
    CLOCK.advance(secs(10));
    assert_eq!((run(1), run(1)), (5, 5), "the age by default");
}

#[test]
fn a_store_that_a_region_gets_holds_at_once() {
    #[memoize(region = "short", prefix = "one")]
    fn one(x: u32) -> u32 {
        x
    }

    let memo = in_memory().0.region("short", Options::new());
    let rows = Rows::default();
    memo.scope(|| {
        one(1);
        one(1);
        let store = Options::new().store(std::sync::Arc::clone(&rows));
        memo.set_region("short", store).unwrap();
        one(1);
        assert_eq!(keys(&rows), ["one(1)"]);
        memo.set_region("short", Options::new()).unwrap();
        one(2);
        assert_eq!(keys(&rows), ["one(1)"]);
    });
}

#[test]
fn regions_change_while_threads_use_them() {
    #[memoize(region = "short")]
    fn one(x: u32) -> u32 {
        x
    }

    let memo = in_memory().0.region("short", age(1));
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                memo.scope(|| (0..2000).for_each(|x| assert_eq!(one(x % 50), x % 50)));
            });
        }
        for seconds in 0..500 {
            memo.set_region("short", age(seconds)).unwrap();
        }
    });
    memo.set_region("short", age(777)).unwrap();
    memo.scope(|| {
        one(99);
        assert_eq!(one::ttl(99), Some(secs(777)));
    });
}

const SAYS: &str = r#"there is no region "shrot"; the regions are ["long", "short"]"#;

fn with_two() -> Memoizer {
    let memo = over_rows().0;
    memo.region("short", age(1)).region("long", age(2))
}

#[test]
fn an_unknown_region_by_hand_is_an_error_that_lists_what_is_known() {
    let memo = with_two();
    let lost = Options::new().region("shrot");
    let error = memo.get_with("key", &lost, || 1).unwrap_err();
    assert!(matches!(error, BuildError::Region(_)));
    assert_eq!(error.to_string(), SAYS);

    let lost = memo.with(lost);
    assert_eq!(lost.exists("key").unwrap_err().to_string(), SAYS);
    assert_eq!(lost.ttl("key").unwrap_err().to_string(), SAYS);
    assert_eq!(lost.etag("key").unwrap_err().to_string(), SAYS);
    assert_eq!(lost.entry::<u32>("key").unwrap_err().to_string(), SAYS);
    assert_eq!(lost.delete("key").unwrap_err().to_string(), SAYS);
    assert_eq!(lost.expire("key", secs(1)).unwrap_err().to_string(), SAYS);
}

#[test]
fn an_unknown_region_of_a_function_is_an_error_that_lists_what_is_known() {
    #[memoize(region = "shrot", prefix = "one")]
    fn one(x: u32) -> u32 {
        x
    }

    let panics = |call: &dyn Fn()| {
        let payload = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
        let message = payload.downcast_ref::<String>().unwrap();
        assert!(message.contains(SAYS), "{message}");
    };
    with_two().scope(|| {
        panics(&|| _ = one(1));
        panics(&|| _ = one::exists(1));
        panics(&|| _ = one::ttl(1));
        panics(&|| _ = one::entry(1));
        panics(&|| _ = one::last_etag(1));
        for error in [
            one::delete(1).unwrap_err(),
            one::expire(secs(1), 1).unwrap_err(),
            one::clear().unwrap_err(),
        ] {
            assert!(matches!(error, MemoError::Region(_)));
            assert_eq!(error.to_string(), SAYS);
        }
        let error = one::get(Options::new(), 1).unwrap_err();
        assert_eq!(error.to_string(), SAYS);
        let known = one::get(Options::new().region("long"), 1);
        assert_eq!(known.unwrap(), 1, "the call says another");
    });
}

#[test]
fn a_region_that_goes_is_unknown_to_a_function_in_use() {
    #[memoize(region = "short")]
    fn one(x: u32) -> u32 {
        x
    }

    let memo = in_memory().0.region("short", Options::new());
    memo.scope(|| {
        one(1);
        one(1);
        memo.set_regions(Regions::new()).unwrap();
        let error = one::get(Options::new(), 1).unwrap_err();
        assert!(error.to_string().contains("no region is known"), "{error}");
        let payload = catch_unwind(|| one(1)).unwrap_err();
        let message = payload.downcast_ref::<String>().unwrap();
        assert!(message.contains("short"), "{message}");
    });
}

#[test]
fn a_region_whose_parent_is_unknown_is_not_set() {
    let memo = with_two();
    let error = memo
        .set_region("short", Options::new().parent("lnog"))
        .unwrap_err();
    assert!(matches!(error, RegionError::UnknownParent { .. }));
    assert_eq!(
        error.to_string(),
        r#"the region "short" has the parent "lnog", which is no region; the regions are ["long", "short"]"#
    );
    let short = Options::new().region("short");
    memo.get_with("key", short, || 1).unwrap();
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(1)), "as it was");
}

#[test]
fn regions_that_are_each_others_parents_are_not_set() {
    let memo = with_two();
    memo.set_region("long", age(2).parent("short")).unwrap();
    let error = memo.set_region("short", Options::new().parent("long"));
    assert!(matches!(error, Err(RegionError::Circle { .. })));
    let all = Regions::new().with("a", Options::new().parent("a"));
    assert!(matches!(
        memo.set_regions(all),
        Err(RegionError::Circle { .. })
    ));
    assert_eq!(
        memo.regions().names().collect::<Vec<_>>(),
        ["long", "short"]
    );
}

#[test]
fn a_circle_that_is_declared_is_an_error_of_each_call() {
    let memo = over_rows().0.region("a", Options::new().parent("b"));
    let memo = memo.region("b", Options::new().parent("a"));
    let error = memo
        .get_with("key", Options::new().region("a"), || 1)
        .unwrap_err();
    let says = r#"each other's parents: "a" -> "b" -> "a""#;
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn observers_are_told_the_region() {
    use mementos::{Event, Observer, Origin};
    use std::sync::Arc;

    struct Told(Arc<Notes>);

    impl Observer for Told {
        fn observe(&self, origin: &Origin<'_>, event: &Event<'_>) {
            let region = origin.region.unwrap_or("none");
            self.0
                .note(format!("{} {region} {}", origin.function, event.name()));
        }
    }

    #[memoize(region = "short", prefix = "one")]
    fn one(x: u32) -> u32 {
        x
    }

    let notes = Arc::new(Notes::default());
    let memo = with_two().observer(Told(Arc::clone(&notes)));
    memo.scope(|| one(1));
    memo.get("key", || 1).unwrap();
    assert_eq!(
        notes.taken(),
        [
            "one short miss",
            "one short built",
            "get none miss",
            "get none built"
        ]
    );
}
