//! Functions whose results each thread keeps for itself.

use crate::support::*;
use mementos::{Group, Options, memoize};
use std::cell::Cell;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::thread;

thread_local! {
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

/// Counts a run on this thread, which is a test's own.
fn count() -> u32 {
    RUNS.set(RUNS.get() + 1);
    RUNS.get()
}

#[test]
fn each_thread_has_results_of_its_own() {
    #[memoize(local)]
    fn run(x: u32) -> Rc<u32> {
        _ = x;
        Rc::new(count())
    }

    assert_eq!((*run(1), *run(1), *run(2)), (1, 1, 2));
    thread::spawn(|| {
        assert!(!run::exists(1));
        assert_eq!(*run(2), 1);
    })
    .join()
    .unwrap();
    assert!(run::exists(1));
}

#[test]
fn ages_go_by_the_clock_of_the_scope() {
    #[memoize(local, max_age = "10s")]
    fn run(x: u32) -> u32 {
        _ = x;
        count()
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        assert_eq!((run(1), run(1)), (1, 1));
        assert_eq!(run::ttl(1), Some(secs(10)));
        clock.advance(secs(10));
        assert!(!run::exists(1));
        assert_eq!((run(1), run(1)), (2, 2));
        assert!(run::expire(secs(3), 1).unwrap());
        assert_eq!(run::ttl(1), Some(secs(3)));
        clock.advance(secs(3));
        assert_eq!(run(1), 3);
    });
}

#[test]
fn what_is_deleted_or_cleared_is_built_anew() {
    #[memoize(local)]
    fn run(x: u32) -> u32 {
        _ = x;
        count()
    }

    assert_eq!(run(1), 1);
    assert!(run::delete(1).unwrap());
    assert!(!run::delete(1).unwrap());
    assert_eq!(run(1), 2);
    run::clear().unwrap();
    assert_eq!(run(1), 3);
    assert_eq!(run::refresh(1).unwrap(), 4);
    assert_eq!(run(1), 4);
}

#[test]
fn an_etag_is_compared() {
    #[memoize(local, key(name), etag = |_, version| version)]
    fn page(name: &str, version: u32) -> u32 {
        _ = (name, version);
        count()
    }

    assert_eq!((page("a", 1), page("a", 1), page("a", 2)), (1, 1, 2));
    assert_eq!(page::last_etag("a", 2).unwrap().as_str(), "2");
}

#[test]
fn errors_and_nothing_are_kept_only_as_the_options_say() {
    #[memoize(local)]
    fn plain(x: u32) -> Result<Option<u32>, u32> {
        _ = count();
        x.checked_sub(1).map(|_| None).ok_or(0)
    }

    #[memoize(local, none_age = "5s", error_age = "5s")]
    fn brief(x: u32) -> Result<Option<u32>, u32> {
        _ = count();
        x.checked_sub(1).map(|_| None).ok_or(0)
    }

    in_memory().0.scope(|| {
        for x in [0, 1] {
            assert_eq!(plain(x), plain(x));
            assert!(!plain::exists(x));
            assert_eq!(brief(x), brief(x));
            assert!(brief::exists(x));
        }
        assert_eq!(RUNS.get(), 6);
    });
}

#[test]
fn a_panic_leaves_nothing_behind() {
    #[memoize(local)]
    fn second_time(x: u32) -> u32 {
        assert_ne!(count(), 1, "the first time");
        x
    }

    catch_unwind(|| second_time(1)).unwrap_err();
    assert!(!second_time::exists(1));
    assert_eq!((second_time(1), second_time(1)), (1, 1));
}

#[test]
fn asking_for_what_is_being_built_is_the_recursion() {
    #[memoize(local)]
    fn same(x: u32) -> u32 {
        same(x)
    }

    #[memoize(local)]
    fn told(x: u32) -> bool {
        told::get(Options::new(), x).is_err()
    }

    assert!(told(1));
    let payload = catch_unwind(|| same(1)).unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("asks for itself"), "{message}");
}

#[test]
fn a_call_inside_the_build_gives_the_recursion_to_who_leads_it() {
    #[memoize(local)]
    fn same(x: u32) -> u32 {
        same(x)
    }

    let error = same::get(Options::new(), 1).unwrap_err();
    assert!(error.circle().is_some());
}

#[test]
fn recursion_with_other_arguments_is_none() {
    #[memoize(local)]
    fn fib(n: u64) -> u64 {
        count();
        if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
    }

    assert_eq!(fib(90), 2_880_067_194_370_816_120);
    assert_eq!(RUNS.get(), 91);
}

#[test]
fn a_build_that_deletes_what_it_builds_is_not_kept() {
    #[memoize(local)]
    fn shy(x: u32) -> u32 {
        assert!(!shy::delete(x).unwrap());
        x
    }

    assert_eq!(shy(1), 1);
    assert!(!shy::exists(1), "the delete came before the result");
}

#[test]
fn a_namespace_has_results_of_its_own() {
    #[memoize(local)]
    fn run(x: u32) -> u32 {
        _ = x;
        count()
    }

    let tenant = Options::new().namespace("tenant");
    assert_eq!((run(1), run::get(&tenant, 1).unwrap()), (1, 2));
    assert_eq!((run(1), run::get(&tenant, 1).unwrap()), (1, 2));
}

#[test]
fn scopes_do_not_meet() {
    #[memoize(local)]
    fn run(x: u32) -> u32 {
        _ = x;
        count()
    }

    assert_eq!(run(1), 1);
    let memo = in_memory().0;
    memo.scope(|| assert_eq!((run(1), run(1)), (2, 2)));
    assert_eq!(run(1), 1);
}

#[test]
fn expired_results_leave_a_local_table() {
    #[memoize(local, max_age = "1s")]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        (0..10_000).for_each(|x| _ = one(x));
        clock.advance(secs(2));
        (10_000..12_000).for_each(|x| _ = one(x));
        let left = one::function().len();
        assert!(left <= 2_100, "{left}");
    });
}

#[test]
fn what_happens_is_counted() {
    #[memoize(local)]
    fn one(x: u32) -> u32 {
        x
    }

    one(1);
    one(1);
    one(2);
    one::delete(1).unwrap();
    let stats = one::stats();
    assert_eq!((stats.builds, stats.removals), (2, 1));
}

#[test]
fn a_tag_is_invalidated_on_every_thread() {
    #[memoize(local, tags = |user, _| [user])]
    fn page(user: &str, n: u32) -> u32 {
        _ = (user, n);
        count()
    }

    let (memo, _) = in_memory();
    memo.scope(|| {
        assert_eq!((page("ann", 1), page("bob", 1), page("ann", 1)), (1, 2, 1));
        thread::scope(|scope| {
            scope.spawn(|| memo.invalidate(Group::tag("ann")).unwrap());
        });
        assert!(!page::exists("ann", 1) && page::entry("ann", 1).is_none());
        assert_eq!((page("ann", 1), page("bob", 1), page("ann", 1)), (3, 2, 3));
        memo.make_stale(Group::tag("bob")).unwrap();
        assert!(!page::exists("bob", 1) && page::entry("bob", 1).is_some());
        assert_eq!(page("bob", 1), 4);
    });
}

#[test]
fn a_call_of_a_local_function_may_say_what_tags_its_result_has() {
    #[memoize(local)]
    fn run(_x: u32) -> u32 {
        count()
    }

    let (memo, _) = in_memory();
    memo.scope(|| {
        assert_eq!((run(1), run(1)), (1, 1));
        run::get(Options::new().tags(["t"]), 2).unwrap();
        assert_eq!(run(2), 2);
        memo.invalidate(Group::tag("t")).unwrap();
        assert_eq!((run(1), run(2)), (1, 3));
    });
}
