//! Stale values: what is served while a value is refreshed, or when that fails.

use crate::support::*;
use mementos::background::{Background, Full, Pool, Work};
use mementos::{
    Answered, BuildError, Built, Entry, Function, Group, Kept, Memoized, Memoizer, OnLockTimeout,
    Options, memoize,
};
use parking_lot::Mutex;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Fresh for a minute, and stale for an hour after that.
fn hourly() -> Options {
    Options::new().max_age(secs(60)).stale_for(secs(3600))
}

/// The same, for callers that wait for the build.
fn waiting() -> Options {
    hourly().no_soft_timeout()
}

type Never<V> = Result<V, BuildError<Infallible>>;

fn detailed(memo: &Memoizer, options: &Options, value: u32) -> (u32, Answered) {
    let got = memo.get_detailed("key", options, || value).unwrap();
    (got.value, got.how)
}

/// Asks with a function that fails.
fn failing(memo: &Memoizer, options: &Options) -> Result<(u32, Answered), String> {
    let got = memo.get_detailed::<u32, _>("key", options, || Err("out of order".to_owned()));
    let got = got.map_err(|error| error.to_string())?;
    Ok((got.value, got.how))
}

#[test]
fn without_a_stale_period_nothing_stale_is_served() {
    let (memo, clock) = in_memory();
    let minute = Options::new().max_age(secs(60));
    assert_eq!(detailed(&memo, &minute, 1), (1, Answered::Built));
    clock.advance(secs(60));
    assert!(failing(&memo, &minute).is_err());
    assert!(failing(&memo, &hourly()).is_err(), "nor by who would");
}

#[test]
fn a_caller_may_be_stricter_and_may_insist_on_fresh() {
    let (memo, clock) = in_memory();
    detailed(&memo, &waiting(), 1);
    clock.advance(secs(90));
    let strict = waiting().stale_for(secs(30));
    assert!(failing(&memo, &strict).is_err());
    assert!(failing(&memo, &waiting().only_fresh(true)).is_err());
    assert!(failing(&memo, &waiting().no_stale_for()).is_err());
    assert_eq!(failing(&memo, &waiting()), Ok((1, Answered::Fallback)));
    let fresh = detailed(&memo, &waiting().only_fresh(true), 2);
    assert_eq!(fresh, (2, Answered::Built));
    clock.advance(secs(90));
    let kept = failing(&memo, &waiting());
    assert_eq!(
        kept,
        Ok((2, Answered::Fallback)),
        "what it built is kept as ever"
    );
}

#[test]
fn when_a_build_fails_a_stale_value_is_served_until_its_period_ends() {
    const EACH: u64 = 5;
    const END: u64 = 60 + 3600;
    let (memo, clock) = in_memory();
    let builds = Runs::new();
    detailed(&memo, &waiting(), 1);
    clock.advance(secs(60));
    for _ in (60..END).step_by(EACH as usize) {
        for _ in 0..4 {
            let got = memo.get_detailed::<u32, _>("key", waiting(), || {
                builds.count();
                Err("out of order")
            });
            let got = got.unwrap();
            assert_eq!((got.value, got.how), (1, Answered::Fallback));
        }
        clock.advance(secs(EACH));
    }
    let most = (END - 60) / 30 + 1;
    let so_far = builds.so_far();
    assert!(u64::from(so_far) <= most, "{so_far} builds, of {most}");
    assert!(failing(&memo, &waiting()).is_err(), "the period is over");
    assert_eq!(memo.stats().fallbacks, 4 * (END - 60) / EACH);
}

#[test]
fn a_function_falls_back_as_well_and_each_caller_of_many_threads_does() {
    static BUILDS: Runs = Runs::new();

    // An error that cannot be cloned is its caller's own.
    #[derive(Debug)]
    struct Own;

    #[memoize(
        max_age = "60s",
        stale_for = "1h",
        soft_timeout = "none",
        retry_after = "10s"
    )]
    fn fails_later(x: u32) -> Result<u32, Own> {
        match BUILDS.count() {
            1 => Ok(x),
            _ => Err(Own),
        }
    }

    let (memo, clock) = in_memory();
    memo.scope(|| fails_later(1)).unwrap();
    clock.advance(secs(60));
    for _ in 0..60 {
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    memo.scope(|| {
                        let got = fails_later::detailed(Options::new(), 1).unwrap();
                        assert_eq!((got.value.unwrap(), got.how), (1, Answered::Fallback));
                        assert_eq!(fails_later(1).unwrap(), 1);
                    });
                });
            }
        });
        clock.advance(secs(1));
    }
    let builds = BUILDS.so_far() - 1;
    assert!(builds <= 60 / 10 + 1, "{builds}");
    clock.advance(secs(3600));
    assert!(memo.scope(|| fails_later(1)).is_err());
}

#[test]
fn a_panic_is_a_failure_like_any_other() {
    let (memo, clock) = in_memory();
    detailed(&memo, &waiting(), 1);
    clock.advance(secs(60));
    let panics = || -> u32 { panic!("on purpose") };
    let got = memo.get_detailed("key", waiting(), panics).unwrap();
    assert_eq!((got.value, got.how), (1, Answered::Fallback));
    let fresh = waiting().only_fresh(true);
    let panicked = catch_unwind(AssertUnwindSafe(|| memo.get_with("key", fresh, panics)));
    assert!(panicked.is_err(), "who insists on fresh gets it");
}

#[test]
fn a_failure_never_extends_the_stale_period_nor_takes_the_values_place() {
    let (memo, clock) = in_memory();
    // Though errors are kept.
    let options = waiting().error_age(secs(600));
    detailed(&memo, &options, 1);
    let until = |memo: &Memoizer| {
        let entry: Entry<u32> = memo.entry("key").unwrap().unwrap();
        entry.stale_until()
    };
    let before = until(&memo);
    clock.advance(secs(60));
    assert_eq!(failing(&memo, &options), Ok((1, Answered::Fallback)));
    assert_eq!(until(&memo), before);
    clock.advance(secs(3600));
    assert!(failing(&memo, &options).is_err());
}

#[test]
fn the_next_try_waits_and_a_success_ends_the_waiting() {
    let (memo, clock) = in_memory();
    let options = waiting().retry_after(secs(10));
    detailed(&memo, &options, 1);
    clock.advance(secs(60));
    assert_eq!(failing(&memo, &options), Ok((1, Answered::Fallback)));
    clock.advance(secs(9));
    assert_eq!(detailed(&memo, &options, 2), (1, Answered::Fallback));
    clock.advance(secs(1));
    assert_eq!(detailed(&memo, &options, 2), (2, Answered::Built));
    clock.advance(secs(60));
    assert_eq!(detailed(&memo, &options, 3), (3, Answered::Built));
}

#[test]
fn who_joins_a_build_that_fails_falls_back_too() {
    let memo = Memoizer::in_memory().clock(mementos::clock::FakeClock::new());
    let nested = Nested::alone();
    let door = Door::new();
    let options = waiting();
    memo.get_with("key", &options, || 1_u32).unwrap();
    memo.expire("key", Duration::ZERO).unwrap();
    thread::scope(|threads| {
        let leads = threads.spawn(|| {
            let got = memo.get_detailed::<u32, _>("key", &options, || {
                door.pass();
                Err("no")
            });
            got.unwrap()
        });
        door.until_came(1);
        let joins = threads.spawn(|| {
            let inner = || memo.get_detailed("key", &options, || 3_u32).unwrap();
            let own: Never<Arc<Mutex<Vec<_>>>> = memo.get("own", || {
                let got = inner();
                Arc::new(Mutex::new(vec![(got.value, got.how)]))
            });
            own.unwrap().lock()[0]
        });
        nested.until_waiting(1);
        door.open();
        let leads = leads.join().unwrap();
        assert_eq!((leads.value, leads.how), (1, Answered::Fallback));
        assert_eq!(joins.join().unwrap(), (1, Answered::Fallback));
    });
}

#[test]
fn a_stale_value_is_served_at_once_and_refreshed_once_in_the_background() {
    let (memo, clock) = in_memory();
    let (runs, door) = (Arc::new(Runs::new()), Arc::new(Door::new()));
    let get = || {
        let (runs, door) = (Arc::clone(&runs), Arc::clone(&door));
        let build = move |_: Option<Kept<u32>>| {
            let run = runs.count();
            if run > 1 {
                door.pass();
            }
            Ok::<_, Infallible>(Built::new(run))
        };
        let got = memo.get_conditional("key", hourly(), build).unwrap();
        (got.value, got.how)
    };
    assert_eq!(get(), (1, Answered::Built));
    clock.advance(secs(60));
    for _ in 0..10 {
        assert_eq!(get(), (1, Answered::Stale));
    }
    door.until_came(1);
    assert_eq!(get(), (1, Answered::Stale));
    door.open();
    memo.drain();
    assert_eq!(get(), (2, Answered::Hit));
    assert_eq!(runs.so_far(), 2);
    assert_eq!(memo.stats().stale, 11);
}

#[test]
fn a_function_is_refreshed_from_its_key() {
    static RUNS: Runs = Runs::new();
    static DOOR: Door = Door::new();

    #[memoize(max_age = "60s", stale_for = "1h")]
    fn length(text: &str, add: &[u8], more: (u32, Option<&str>), scale: f64) -> (u32, usize) {
        let run = RUNS.count();
        if run > 1 {
            DOOR.pass();
        }
        let more = more.0 as usize + more.1.map_or(0, str::len);
        (run, (text.len() + add.len() + more) * scale as usize)
    }

    let (memo, clock) = in_memory();
    let ask = || memo.scope(|| length("four", &[1, 2], (3, Some("a")), 2.0));
    assert_eq!(ask(), (1, 20));
    clock.advance(secs(60));
    for _ in 0..10 {
        assert_eq!(ask(), (1, 20));
    }
    DOOR.open();
    memo.drain();
    assert_eq!(ask(), (2, 20));
    assert_eq!(RUNS.so_far(), 2);
}

#[test]
fn so_is_one_in_a_shared_store() {
    static RUNS: Runs = Runs::new();

    #[memoize(max_age = "60s", stale_for = "1h")]
    fn count(text: &str) -> (u32, usize) {
        (RUNS.count(), text.len())
    }

    let (memo, _, clock) = over_rows();
    let ask = || memo.scope(|| count("four"));
    assert_eq!(ask(), (1, 4));
    clock.advance(secs(60));
    assert_eq!(ask(), (1, 4));
    memo.drain();
    assert_eq!(ask(), (2, 4));
}

#[test]
fn where_arguments_are_no_part_of_the_key_the_first_caller_refreshes() {
    static RUNS: Runs = Runs::new();
    static DOOR: Door = Door::new();

    #[memoize(key(x), max_age = "60s", stale_for = "1h")]
    fn run(x: u32, _left_out: &str) -> u32 {
        _ = x;
        let run = RUNS.count();
        if run > 1 {
            DOOR.pass();
        }
        run
    }

    let (memo, clock) = in_memory();
    assert_eq!(memo.scope(|| run(1, "")), 1);
    clock.advance(secs(60));
    thread::scope(|threads| {
        let first = threads.spawn(|| memo.scope(|| run(1, "")));
        DOOR.until_came(1);
        let got = memo.scope(|| run::detailed(Options::new(), 1, "")).unwrap();
        assert_eq!((got.value, got.how), (1, Answered::Stale));
        DOOR.open();
        assert_eq!(first.join().unwrap(), 2);
    });
    assert_eq!(RUNS.so_far(), 2);
}

/// Takes no work.
struct NoRoom;

impl Background for NoRoom {
    fn run(&self, _: Work) -> Result<(), Full> {
        Err(Full)
    }
}

#[test]
fn where_there_is_no_room_the_stale_value_is_served_all_the_same() {
    let (memo, clock) = in_memory();
    let memo = memo.background(NoRoom);
    let get = |value: u32| memo.get_refreshing("key", hourly(), move || value).unwrap();
    assert_eq!(get(1), 1);
    clock.advance(secs(60));
    assert_eq!((get(2), get(3)), (1, 1));
    memo.drain();
    clock.advance(secs(3600));
    assert_eq!(get(4), 4, "and built by who asks when it is over");
}

#[test]
fn a_refresh_of_what_was_deleted_is_not_kept() {
    let (memo, clock) = in_memory();
    let door = Arc::new(Door::new());
    let get = |value: u32| {
        let door = Arc::clone(&door);
        memo.get_refreshing("key", hourly(), move || {
            if value == 2 {
                door.pass();
            }
            value
        })
        .unwrap()
    };
    get(1);
    clock.advance(secs(60));
    assert_eq!(get(2), 1);
    door.until_came(1);
    assert!(memo.delete("key").unwrap());
    door.open();
    memo.drain();
    assert!(!memo.exists("key").unwrap());
}

#[test]
fn a_refresh_that_fails_in_the_background_waits_like_any_other() {
    let (memo, clock) = in_memory();
    let runs = Arc::new(Runs::new());
    let get = || {
        let runs = Arc::clone(&runs);
        let build = move |_: Option<Kept<u32>>| match runs.count() {
            1 => Ok(Built::new(1)),
            2 => panic!("on purpose"),
            _ => Err("no"),
        };
        let got = memo.get_conditional("key", hourly(), build).unwrap();
        (got.value, got.how)
    };
    get();
    clock.advance(secs(60));
    assert_eq!(get(), (1, Answered::Stale));
    memo.drain();
    for _ in 0..29 {
        assert_eq!(get(), (1, Answered::Fallback));
        clock.advance(secs(1));
    }
    clock.advance(secs(1));
    assert_eq!(get(), (1, Answered::Stale));
    memo.drain();
    assert_eq!(get(), (1, Answered::Fallback));
    assert_eq!(runs.so_far(), 3);
}

#[test]
fn what_was_made_stale_together_is_served_while_it_is_refreshed() {
    static RUNS: Runs = Runs::new();

    #[memoize(stale_for = "1h", tags = ["numbers"], key(x))]
    fn tagged(x: u32, fails: bool) -> Result<u32, ()> {
        RUNS.count();
        if fails { Err(()) } else { Ok(x) }
    }

    let (memo, _) = in_memory();
    let waits = waiting().no_max_age();
    memo.get_with("key", waits.clone().tags(["numbers"]), || 1_u32)
        .unwrap();
    let fetch = |fails| memo.scope(|| tagged::detailed(waits.clone(), 7, fails).unwrap());
    assert_eq!(fetch(false).value, Ok(7));
    memo.make_stale(Group::tag("numbers")).unwrap();
    let got = fetch(true);
    assert_eq!((got.value, got.how), (Ok(7), Answered::Fallback));
    assert_eq!(failing(&memo, &waits), Ok((1, Answered::Fallback)));
    memo.invalidate(Group::tag("numbers")).unwrap();
    assert!(fetch(true).value.is_err());
    assert!(failing(&memo, &waits).is_err());
}

#[test]
fn a_whole_table_that_was_made_stale_is_served_as_well() {
    #[memoize(max_age = "60s", stale_for = "1h", key(x))]
    fn number(x: u32, fails: bool) -> Result<u32, ()> {
        if fails { Err(()) } else { Ok(x) }
    }

    let (memo, clock) = in_memory();
    let waits = Options::new().no_soft_timeout();
    let ask = |fails| memo.scope(|| number::get(&waits, 1, fails).unwrap());
    assert_eq!(ask(false), Ok(1));
    clock.advance(secs(30));
    memo.make_stale(Group::All).unwrap();
    assert_eq!(ask(true), Ok(1));
    clock.advance(secs(3599));
    memo.make_stale(Group::All).unwrap();
    assert_eq!(ask(true), Ok(1));
    clock.advance(secs(1));
    assert_eq!(ask(true), Err(()), "a second time lengthens nothing");
}

#[test]
fn an_expiry_that_is_moved_takes_the_stale_period_along() {
    let (memo, rows, clock) = over_rows();
    detailed(&memo, &waiting(), 1);
    assert!(memo.expire("key", secs(10)).unwrap());
    clock.advance(secs(10));
    assert_eq!(failing(&memo, &waiting()), Ok((1, Answered::Fallback)));
    clock.advance(secs(3599));
    assert_eq!(failing(&memo, &waiting()), Ok((1, Answered::Fallback)));
    clock.advance(secs(1));
    assert!(failing(&memo, &waiting()).is_err());
    assert_eq!(keys(&rows), ["key"]);
}

#[test]
fn stores_are_told_of_the_end_of_the_stale_period() {
    let hints = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&hints);
    let clock = mementos::clock::FakeClock::at(std::time::SystemTime::UNIX_EPOCH + secs(1000));
    let store = Hooked::new(move |doing| {
        if let Doing::Put(_, hint) = doing {
            told.lock().push(hint);
        }
        Ok(())
    });
    let memo = Memoizer::new(store).clock(clock);
    detailed(&memo, &waiting(), 1);
    memo.expire("key", secs(10)).unwrap();
    let at = |seconds| Some(std::time::SystemTime::UNIX_EPOCH + secs(seconds));
    assert_eq!(*hints.lock(), [at(1000 + 3660), at(1010 + 3600)]);
}

#[test]
fn a_table_gives_nothing_up_before_its_stale_period_ends() {
    #[memoize(max_age = "60s", stale_for = "60s")]
    fn number(x: u32) -> u32 {
        x
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        let put = |from: u32| (from..from + 1000).for_each(|n| _ = number(n));
        let len = || Function::<number>::new().len();
        put(0);
        clock.advance(secs(119));
        put(1000);
        assert_eq!(len(), 2000, "they could still be served");
        clock.advance(secs(1));
        put(2000);
        assert!(len() <= 2100, "{}", len());
    });
}

#[cfg(feature = "bounded")]
#[test]
fn nor_does_one_with_a_bound() {
    #[memoize(max_age = "60s", stale_for = "60s", capacity = 100, key(x))]
    fn number(x: u32, fails: bool) -> Result<u32, ()> {
        if fails { Err(()) } else { Ok(x) }
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        (0..50).for_each(|n| _ = number(n, false));
        clock.advance(secs(119));
        (50..100).for_each(|n| _ = number(n, false));
        assert_eq!(Function::<number>::new().len(), 100);
        let waits = Options::new().no_soft_timeout();
        assert_eq!(number::get(&waits, 7, true).unwrap(), Ok(7));
    });
}

/// Serves after a tenth of a second.
fn soft() -> Options {
    hourly().soft_timeout(Duration::from_millis(100))
}

#[test]
fn a_slow_build_keeps_nobody_waiting_longer_than_the_soft_timeout() {
    const CALLERS: u32 = 200;
    let clock = mementos::clock::FakeClock::new();
    let memo = Memoizer::in_memory().clock(clock.clone());
    let runs = Arc::new(Runs::new());
    let get = || {
        let runs = Arc::clone(&runs);
        let build = move |_: Option<Kept<u32>>| {
            let run = runs.count();
            if run > 1 {
                // The build's own time, which nobody waits for.
                thread::sleep(secs(2));
            }
            Ok::<_, Infallible>(Built::new(run))
        };
        let began = Instant::now();
        let got = memo.get_conditional("key", soft(), build).unwrap();
        (got.value, got.how, began.elapsed())
    };
    assert_eq!(get().0, 1);
    clock.advance(secs(60));
    let mut took: Vec<Duration> = thread::scope(|threads| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                threads.spawn(|| {
                    let (value, how, took) = get();
                    assert_eq!((value, how), (1, Answered::Stale));
                    took
                })
            })
            .collect();
        callers.into_iter().map(|it| it.join().unwrap()).collect()
    });
    took.sort();
    let p99 = took[took.len() * 99 / 100 - 1];
    assert!(p99 < Duration::from_millis(150), "{p99:?}");
    memo.drain();
    let (value, how, _) = get();
    assert_eq!((value, how), (2, Answered::Hit));
    assert_eq!(runs.so_far(), 2, "one build, and the first");
}

#[test]
fn a_build_that_ends_in_time_is_the_answer() {
    let (memo, clock) = in_memory();
    let options = hourly().soft_timeout(secs(600));
    let get = |value: u32| {
        let build = move |_: Option<Kept<u32>>| Ok::<_, Infallible>(Built::new(value));
        let got = memo.get_conditional("key", &options, build).unwrap();
        (got.value, got.how)
    };
    get(1);
    clock.advance(secs(60));
    assert_eq!(get(2), (2, Answered::Built));
    assert_eq!(get(3), (2, Answered::Hit));
}

#[test]
fn a_hard_timeout_serves_what_is_stale_and_counts_as_a_failure() {
    let (memo, clock) = in_memory();
    let door = Arc::new(Door::new());
    let options = waiting().hard_timeout(Duration::from_millis(5));
    let get = |value: u32| {
        let door = Arc::clone(&door);
        let build = move |_: Option<Kept<u32>>| {
            if value == 2 {
                door.pass();
            }
            Ok::<_, Infallible>(Built::new(value))
        };
        let got = memo.get_conditional("key", &options, build).unwrap();
        (got.value, got.how)
    };
    detailed(&memo, &waiting(), 1);
    clock.advance(secs(60));
    assert_eq!(get(2), (1, Answered::Fallback));
    assert_eq!(get(3), (1, Answered::Fallback), "without a wait");
    door.open();
    memo.drain();
    assert_eq!(get(4), (2, Answered::Hit), "the build has gone on");
}

#[test]
fn without_a_stale_value_a_hard_timeout_is_an_error() {
    let memo = over_rows().0;
    let door = Arc::new(Door::new());
    let options = Options::new().hard_timeout(Duration::from_millis(5));
    let get = || {
        let door = Arc::clone(&door);
        memo.get_refreshing("key", &options, move || {
            door.pass();
            1
        })
    };
    for _ in 0..2 {
        let late = get();
        let Err(BuildError::TimedOut(late)) = late else {
            panic!("{late:?}");
        };
        assert_eq!(late.waited(), Duration::from_millis(5));
    }
    door.open();
    memo.drain();
    assert_eq!(get().unwrap(), 1);
}

#[test]
fn a_function_has_a_hard_timeout_too() {
    static DOOR: Door = Door::new();

    #[memoize(hard_timeout = "5ms")]
    fn slow(x: u32) -> u32 {
        DOOR.pass();
        x
    }

    let memo = in_memory().0;
    memo.scope(|| {
        let late = slow::get(Options::new(), 1);
        assert!(matches!(late, Err(BuildError::TimedOut(_))), "{late:?}");
        DOOR.open();
        memo.drain();
        assert_eq!(slow(1), 1);
    });
}

#[test]
fn background_work_never_waits_for_background_work() {
    let (memo, clock) = in_memory();
    let memo = memo.background(Pool::new(1, 8));
    let inner = hourly().soft_timeout(secs(600));
    let get = |run: u32| {
        let (memo_, inner) = (memo.clone(), inner.clone());
        memo.get_refreshing("outer", hourly(), move || {
            let inner = memo_.get_refreshing("inner", &inner, move || run);
            inner.unwrap()
        })
        .unwrap()
    };
    assert_eq!(get(1), 1);
    clock.advance(secs(60));
    assert_eq!(get(2), 1);
    memo.drain();
    assert_eq!(get(3), 2, "it was built by the one thread there is");
}

#[test]
fn a_stale_value_comes_before_building_alone() {
    let memo = in_memory().0;
    let door = Door::new();
    let options = waiting()
        .timeout(Duration::from_millis(5))
        .on_lock_timeout(OnLockTimeout::Build);
    memo.get_with("key", &options, || 1_u32).unwrap();
    memo.expire("key", Duration::ZERO).unwrap();
    thread::scope(|threads| {
        threads.spawn(|| {
            let slow = || {
                door.pass();
                2_u32
            };
            memo.get_with("key", waiting(), slow).unwrap()
        });
        door.until_came(1);
        assert_eq!(detailed(&memo, &options, 3), (1, Answered::Fallback));
        door.open();
    });
}

#[test]
fn by_hand_a_function_says_whether_it_can_run_from_its_key() {
    #[memoize]
    fn whole(x: u32, text: &str) -> usize {
        x as usize + text.len()
    }

    #[memoize(key(x))]
    fn partly(x: u32, text: &str) -> usize {
        x as usize + text.len()
    }

    const { assert!(whole::FROM_KEY && !partly::FROM_KEY) };
    assert_eq!(
        whole::from_key(&(1, "four".to_owned()), whole::run),
        Some(5)
    );
    assert_eq!(partly::from_key(&1, partly::run), None);
}

#[test]
fn a_stale_period_may_be_computed_and_an_outer_level_may_set_it() {
    #[memoize(max_age = "60s", stale_for = |x: u32, _| secs(x.into()), key(x))]
    fn by_arguments(x: u32, fails: bool) -> Result<u32, ()> {
        if fails { Err(()) } else { Ok(x) }
    }

    #[memoize(max_age = "60s", stale_for_of = |x: &Result<u32, ()>| secs(x.unwrap_or(0).into()), key(x))]
    fn by_value(x: u32, fails: bool) -> Result<u32, ()> {
        if fails { Err(()) } else { Ok(x) }
    }

    #[memoize(region = "kept", key(x))]
    fn by_region(x: u32, fails: bool) -> Result<u32, ()> {
        if fails { Err(()) } else { Ok(x) }
    }

    let (memo, clock) = in_memory();
    let memo = memo.region("kept", Options::new().max_age(secs(60)).stale_for(secs(9)));
    let waits = Options::new().no_soft_timeout();
    memo.scope(|| {
        let all = |x, fails| {
            [
                by_arguments::get(&waits, x, fails).unwrap(),
                by_value::get(&waits, x, fails).unwrap(),
                by_region::get(&waits, x, fails).unwrap(),
            ]
        };
        assert_eq!(all(9, false), [Ok(9); 3]);
        clock.advance(secs(60 + 8));
        assert_eq!(all(9, true), [Ok(9); 3]);
        clock.advance(secs(1));
        assert_eq!(all(9, true), [Err(()); 3]);
        let strict = waits.clone().stale_for(secs(5));
        assert_eq!(all(9, false), [Ok(9); 3]);
        clock.advance(secs(60 + 5));
        assert_eq!(
            by_arguments::get(&strict, 9, true).unwrap(),
            Err(()),
            "the call is"
        );
        assert_eq!(by_arguments::get(&waits, 9, true).unwrap(), Ok(9));
    });
}

#[test]
fn by_hand_a_value_says_how_long_it_is_stale() {
    let (memo, clock) = in_memory();
    let options = waiting().stale_for_of(|n: &u32| secs((*n).into()));
    detailed(&memo, &options, 7);
    clock.advance(secs(60 + 6));
    assert_eq!(failing(&memo, &options), Ok((7, Answered::Fallback)));
    clock.advance(secs(1));
    assert!(failing(&memo, &options).is_err());
}

#[test]
fn several_keys_at_once_are_never_served_stale() {
    let (memo, clock) = in_memory();
    let get = |value: u32| -> Never<Vec<u32>> {
        memo.get_many(&["a", "b"], waiting(), |keys| vec![value; keys.len()])
    };
    assert_eq!(get(1).unwrap(), [1, 1]);
    clock.advance(secs(60));
    assert_eq!(get(2).unwrap(), [2, 2]);
}

#[test]
fn what_is_made_stale_rests_as_what_has_expired_does() {
    static IS_BROKEN: AtomicBool = AtomicBool::new(false);

    #[memoize(max_age = "60s", stale_for = "1h", retry_after = "10s", tags = ["t"])]
    fn flaky(x: u32) -> Result<u32, String> {
        match IS_BROKEN.load(Ordering::SeqCst) {
            true => Err("out of order".to_owned()),
            false => Ok(x),
        }
    }

    for group in [Group::tag("t"), Group::All] {
        let (memo, clock) = in_memory();
        let ask = || {
            let got = memo.scope(|| flaky::detailed(Options::new(), 1)).unwrap();
            memo.drain();
            got.how
        };
        IS_BROKEN.store(false, Ordering::SeqCst);
        assert_eq!(ask(), Answered::Built);
        clock.advance(secs(60));
        IS_BROKEN.store(true, Ordering::SeqCst);
        assert_eq!([ask(), ask()], [Answered::Stale, Answered::Fallback]);
        memo.make_stale(group).unwrap();
        assert_eq!(ask(), Answered::Fallback);
        clock.advance(secs(10));
        assert_eq!([ask(), ask()], [Answered::Stale, Answered::Fallback]);
    }
}
