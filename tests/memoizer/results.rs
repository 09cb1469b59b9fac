//! What is kept of a result, by its type and by how the build ended.

use crate::support::*;
use mementos::{Options, memoize};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[derive(Debug, PartialEq)]
struct NoClone;

#[test]
fn an_error_is_not_kept_by_hand() {
    let (memo, rows, _) = over_rows();
    let runs = Runs::new();
    let fail = || {
        runs.count();
        Err::<u32, _>(NoClone)
    };
    for _ in 0..2 {
        let error = memo.get::<u32, _>("key", fail).unwrap_err();
        assert_eq!(error.into_failure().unwrap(), NoClone);
    }
    assert_eq!(runs.so_far(), 2);
    assert!(keys(&rows).is_empty());
}

#[test]
fn an_error_is_kept_by_hand_for_as_long_as_is_said() {
    let (memo, _, clock) = over_rows();
    let brief = Options::new().error_age(secs(5));
    let runs = Runs::new();
    let fail = || {
        runs.count();
        Err::<u32, _>(NoClone)
    };
    for _ in 0..2 {
        let error = memo.get_with::<u32, _>("key", &brief, fail).unwrap_err();
        assert_eq!(error.failure(), Some(&NoClone));
    }
    assert_eq!(runs.so_far(), 1);
    clock.advance(secs(5));
    memo.get_with::<u32, _>("key", &brief, fail).unwrap_err();
    assert_eq!(runs.so_far(), 2);
}

#[test]
fn a_kept_error_gives_way_to_a_value() {
    let (memo, _, clock) = over_rows();
    let brief = Options::new().error_age(secs(5));
    memo.get_with::<u32, _>("key", &brief, || Err(NoClone))
        .unwrap_err();
    clock.advance(secs(5));
    let value = memo.get_with::<u32, _>("key", &brief, || Ok::<_, NoClone>(1));
    assert_eq!(value.unwrap(), 1);
    assert_eq!(
        memo.ttl("key").unwrap(),
        None,
        "a value is kept as values are"
    );
}

#[test]
fn get_some_keeps_a_value_and_no_none() {
    let (memo, rows, _) = over_rows();
    let plain = Options::new();
    assert_eq!(memo.get_some("key", &plain, || None::<u32>).unwrap(), None);
    assert!(keys(&rows).is_empty());
    assert_eq!(memo.get_some("key", &plain, || Some(1)).unwrap(), Some(1));
    assert_eq!(memo.get_some("key", &plain, || Some(2)).unwrap(), Some(1));
}

#[test]
fn get_some_keeps_a_none_for_as_long_as_is_said() {
    let (memo, _, clock) = over_rows();
    let brief = Options::new().none_age(secs(5));
    assert_eq!(memo.get_some("key", &brief, || None::<u32>).unwrap(), None);
    assert_eq!(memo.get_some("key", &brief, || Some(1_u32)).unwrap(), None);
    clock.advance(secs(5));
    assert_eq!(
        memo.get_some("key", &brief, || Some(2_u32)).unwrap(),
        Some(2)
    );
}

#[test]
fn get_some_may_fail() {
    let (memo, rows, _) = over_rows();
    let plain = Options::new();
    let failed = memo.get_some::<u32, _>("key", &plain, || Err(NoClone));
    assert_eq!(failed.unwrap_err().into_failure().unwrap(), NoClone);
    let nothing = memo.get_some::<u32, _>("key", &plain, || Ok::<_, NoClone>(None));
    assert_eq!(nothing.unwrap(), None);
    assert!(keys(&rows).is_empty());
    let value = memo.get_some::<u32, _>("key", &plain, || Ok::<_, NoClone>(Some(1)));
    assert_eq!(value.unwrap(), Some(1));
}

#[test]
fn a_none_is_a_value_to_get() {
    let (memo, _, _) = over_rows();
    let first: Option<u32> = memo.get("key", || None).unwrap();
    let second: Option<u32> = memo.get("key", || Some(1)).unwrap();
    assert_eq!((first, second), (None, None));
}

#[test]
fn a_functions_error_is_kept_only_as_its_options_say() {
    static RUNS: [Runs; 2] = [const { Runs::new() }; 2];

    #[memoize]
    fn plain(x: u32) -> Result<u32, String> {
        RUNS[0].count();
        x.checked_sub(1).ok_or_else(|| "zero".to_owned())
    }

    #[memoize(error_age = "5s")]
    fn brief(x: u32) -> Result<u32, String> {
        RUNS[1].count();
        x.checked_sub(1).ok_or_else(|| "zero".to_owned())
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        assert_eq!((plain(0), plain(0)), (brief(0), brief(0)));
        assert_eq!((RUNS[0].so_far(), RUNS[1].so_far()), (2, 1));
        assert_eq!((plain::exists(0), brief::exists(0)), (false, true));
        assert_eq!(brief::ttl(0), Some(secs(5)));
        clock.advance(secs(5));
        assert_eq!(brief(0), Err("zero".to_owned()));
        assert_eq!(RUNS[1].so_far(), 2);
        assert_eq!((brief(1), brief::ttl(1)), (Ok(0), None));
    });
}

#[test]
fn a_functions_error_without_a_clone_is_not_kept_whatever_is_said() {
    static RUNS: Runs = Runs::new();

    #[memoize(error_age = "5s")]
    fn fails(x: u32) -> Result<u32, NoClone> {
        _ = x;
        RUNS.count();
        Err(NoClone)
    }

    in_memory().0.scope(|| {
        assert_eq!((fails(1), fails(1)), (Err(NoClone), Err(NoClone)));
        assert_eq!(RUNS.so_far(), 2);
        assert!(!fails::exists(1));
    });
}

#[test]
fn a_functions_none_is_kept_only_as_its_options_say() {
    static RUNS: [Runs; 2] = [const { Runs::new() }; 2];

    #[memoize]
    fn plain(x: u32) -> Option<u32> {
        RUNS[0].count();
        x.checked_sub(1)
    }

    #[memoize(none_age = "5s")]
    fn brief(x: u32) -> Option<u32> {
        RUNS[1].count();
        x.checked_sub(1)
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        assert_eq!((plain(0), plain(0)), (brief(0), brief(0)));
        assert_eq!((RUNS[0].so_far(), RUNS[1].so_far()), (2, 1));
        assert_eq!((plain::exists(0), brief::exists(0)), (false, true));
        clock.advance(secs(5));
        brief(0);
        assert_eq!(RUNS[1].so_far(), 2);
    });
}

#[test]
fn a_result_of_an_option_has_both_kinds_of_nothing() {
    static RUNS: Runs = Runs::new();

    #[memoize(none_age = "5s", error_age = "2s")]
    fn found(x: u32) -> Result<Option<u32>, String> {
        RUNS.count();
        match x {
            0 => Err("zero".to_owned()),
            1 => Ok(None),
            x => Ok(Some(x)),
        }
    }

    in_memory().0.scope(|| {
        for x in [0, 1, 2] {
            assert_eq!(found(x), found(x));
        }
        assert_eq!(RUNS.so_far(), 3);
        assert_eq!(found::ttl(0), Some(secs(2)));
        assert_eq!(found::ttl(1), Some(secs(5)));
        assert_eq!(found::ttl(2), None);
    });
}

#[test]
fn negative_results_are_kept_in_shared_stores_as_well() {
    #[memoize(none_age = "5s", error_age = "2s", prefix = "found")]
    fn found(x: u32) -> Result<Option<u32>, String> {
        match x {
            0 => Err("zero".to_owned()),
            1 => Ok(None),
            x => Ok(Some(x)),
        }
    }

    let (memo, rows, _) = over_rows();
    memo.scope(|| {
        (0..3).for_each(|x| drop(found(x)));
        assert_eq!(keys(&rows), ["found(0)", "found(1)", "found(2)"]);
        assert_eq!(found::ttl(0), Some(secs(2)));
        assert_eq!(found(1), Ok(None));
    });
}

#[test]
fn a_panic_leaves_nothing_behind() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn second_time(x: u32) -> u32 {
        assert_ne!(RUNS.count(), 1, "the first time");
        x
    }

    for memo in [in_memory().0, over_rows().0] {
        memo.scope(|| {
            let first = catch_unwind(|| second_time(1));
            if let Err(payload) = first {
                let message = payload.downcast_ref::<String>().unwrap();
                assert!(message.contains("the first time"), "{message}");
                assert!(!second_time::exists(1));
            }
            assert_eq!((second_time(1), second_time(1)), (1, 1));
        });
    }
    assert_eq!(RUNS.so_far(), 3);
}

#[test]
fn a_panic_by_hand_leaves_nothing_behind() {
    let (memo, rows, _) = over_rows();
    let panics = || memo.get("key", || -> u32 { panic!("no") });
    catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    assert!(keys(&rows).is_empty());
    assert_eq!(memo.get("key", || 1).unwrap(), 1);
}

#[test]
fn refresh_replaces_what_is_kept() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    in_memory().0.scope(|| {
        assert_eq!((run(1), run(1)), (1, 1));
        assert_eq!(run::refresh(1).unwrap(), 2);
        assert_eq!(run(1), 2);
    });

    let (memo, _, _) = over_rows();
    memo.get("key", || 1).unwrap();
    assert_eq!(memo.refresh("key", || 2).unwrap(), 2);
    assert_eq!(memo.get("key", || 3).unwrap(), 2);
}

#[test]
fn a_refresh_that_fails_leaves_what_is_kept() {
    let (memo, _, _) = over_rows();
    memo.get("key", || 1_u32).unwrap();
    memo.refresh::<u32, _>("key", || Err(NoClone)).unwrap_err();
    assert_eq!(memo.get("key", || 2_u32).unwrap(), 1);
}

#[test]
fn uncached_keeps_nothing() {
    #[memoize]
    fn double(x: u32) -> u32 {
        2 * x
    }

    in_memory().0.scope(|| {
        assert_eq!(double::uncached(1), 2);
        assert!(!double::exists(1));
    });
}
