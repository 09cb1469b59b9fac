//! Background work that is awaited: where it is done, and what becomes of it.

use crate::{Gated, HOUR, MINUTE, Runs, answer, hourly, on, plain, tokio};
use mementos::background::{Pool, Tasks};
use mementos::{Answered, BuildError, Memoizer, Options, memoize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, mpsc};

#[test]
fn callers_that_block_and_that_await_share_a_job() {
    let runtime = tokio();
    let (memo, clock) = on(&runtime);
    let gated = Gated::new();
    runtime.block_on(gated.get(&memo, &hourly()));
    clock.advance(MINUTE);
    let blocking = || {
        let gated = gated.clone();
        let got = memo.get_refreshing("key", hourly(), move || gated.runs.one() as u32);
        got.unwrap()
    };
    runtime.block_on(async {
        let stale = gated.get(&memo, &hourly()).await;
        assert_eq!(stale, answer(1, Answered::Stale));
    });
    assert_eq!(blocking(), 1);
    gated.let_go();
    memo.drain();
    assert_eq!((blocking(), gated.runs.count()), (2, 2));

    // And the other way about: the job is a thread's.
    clock.advance(MINUTE);
    let (leave, left) = mpsc::channel::<()>();
    let left = Mutex::new(left);
    let stale = memo.get_refreshing("key", hourly(), {
        let gated = gated.clone();
        move || {
            left.lock().unwrap().recv().unwrap();
            gated.runs.one() as u32
        }
    });
    assert_eq!(stale.unwrap(), 2);
    let stale = runtime.block_on(gated.get(&memo, &hourly()));
    assert_eq!(stale, answer(2, Answered::Stale));
    leave.send(()).unwrap();
    runtime.block_on(memo.drain_async());
    assert_eq!((blocking(), gated.runs.count()), (3, 3));
}

#[test]
fn a_panic_is_a_failure_like_any_other() {
    static RUNS: LazyLock<Runs> = LazyLock::new(Runs::default);

    #[memoize(max_age = "60s", stale_for = "1h", retry_after = "10s")]
    async fn panics(x: u32) -> u32 {
        tokio::task::yield_now().await;
        match RUNS.one() {
            2 => panic!("the second time"),
            run => x + run as u32,
        }
    }

    let runtime = tokio();
    let (memo, clock) = on(&runtime);
    let ask = || {
        let asked = memo.scope(|| runtime.block_on(panics::detailed(Options::new(), 10)));
        memo.drain();
        asked.unwrap()
    };
    assert_eq!(ask(), answer(11, Answered::Built));
    clock.advance(MINUTE);
    assert_eq!(ask(), answer(11, Answered::Stale));
    assert_eq!(
        ask(),
        answer(11, Answered::Fallback),
        "too soon for another"
    );
    clock.advance(MINUTE / 6);
    assert_eq!(ask(), answer(11, Answered::Stale));
    assert_eq!(ask(), answer(13, Answered::Hit));
}

#[test]
fn a_circle_in_the_background_is_an_error() {
    let (memo, clock) = plain();
    let memo = memo.spawner(|task| smol::spawn(task).detach());
    let is_circle = Arc::new(AtomicBool::new(false));
    let build = {
        let (memo, is_circle) = (memo.clone(), Arc::clone(&is_circle));
        let runs = Runs::default();
        move || {
            let (memo, is_circle) = (memo.clone(), Arc::clone(&is_circle));
            let run = runs.one();
            async move {
                if run > 1 {
                    let options = hourly().no_soft_timeout();
                    let own = memo.get_with_async("key", options, async { 0_usize });
                    let own: Result<usize, _> = own.await;
                    is_circle.store(own.unwrap_err().circle().is_some(), Ordering::SeqCst);
                }
                run
            }
        }
    };
    smol::block_on(async {
        for expected in [1, 1] {
            let got = memo.get_refreshing_async("key", hourly(), build.clone());
            let got: Result<usize, _> = got.await;
            assert_eq!(got.unwrap(), expected);
            clock.advance(MINUTE);
        }
        memo.drain_async().await;
    });
    assert!(is_circle.load(Ordering::SeqCst));
}

#[test]
fn a_runtime_that_is_dropped_leaves_no_key_stuck() {
    let runtime = tokio();
    let handle = runtime.handle().clone();
    let (memo, clock) = plain();
    // One at a time: the other key's job has not begun.
    let memo = memo.tasks(Tasks::bounded(1, 8, move |task| drop(handle.spawn(task))));
    let options = hourly().soft_timeout(HOUR);
    let (gated, other) = (Gated::new(), Gated::new());
    let get_other = |options: Options| {
        let (memo, other) = (memo.clone(), other.clone());
        async move {
            let build = move || other.build();
            let got: Result<u32, _> = memo.get_refreshing_async("other", options, build).await;
            got.unwrap()
        }
    };
    smol::block_on(async {
        gated.get(&memo, &options).await;
        get_other(options.clone()).await;
        clock.advance(MINUTE);
        let waits = smol::spawn({
            let (gated, memo, options) = (gated.clone(), memo.clone(), options.clone());
            async move { gated.get(&memo, &options).await }
        });
        gated.until_begun(2).await;
        // A job that waits for its turn.
        assert_eq!(get_other(hourly()).await, 1);
        let waits_too = smol::spawn(get_other(options.clone()));
        runtime.shutdown_background();
        gated.let_go();
        other.let_go();
        assert_eq!(
            waits.await,
            answer(3, Answered::Built),
            "by the caller itself"
        );
        assert_eq!(waits_too.await, 2);
        memo.drain_async().await;
    });
    assert_eq!(other.runs.count(), 2);
}

#[test]
fn what_there_is_no_room_for_is_served_stale_all_the_same() {
    let runtime = tokio();
    let handle = runtime.handle().clone();
    let (memo, clock) = plain();
    let memo = memo.tasks(Tasks::bounded(1, 1, move |task| drop(handle.spawn(task))));
    let gated = Gated::new();
    let get = |key: &'static str| {
        let own = gated.clone();
        let got = memo.get_refreshing_async(key, hourly(), move || own.build());
        runtime.block_on(got).unwrap()
    };
    gated.leave.add_permits(2);
    assert_eq!(["a", "b", "c"].map(get), [1, 2, 3]);
    clock.advance(MINUTE);
    assert_eq!(["a", "b", "c"].map(get), [1, 2, 3]);
    gated.leave.add_permits(2);
    memo.drain();
    assert_eq!(gated.runs.count(), 5, "one at once, and one that waited");
    assert_eq!(get("c"), 3);
    gated.let_go();
    memo.drain();
    assert_eq!(["a", "b", "c"].map(get), [4, 5, 6]);
}

#[test]
fn a_pool_drives_what_is_awaited() {
    let (memo, clock) = plain();
    let memo = memo.tasks(Pool::new(1, 8));
    let gated = Gated::new();
    smol::block_on(async {
        gated.get(&memo, &hourly()).await;
        clock.advance(MINUTE);
        let stale = gated.get(&memo, &hourly()).await;
        assert_eq!(stale, answer(1, Answered::Stale));
        gated.let_go();
        memo.drain_async().await;
        assert_eq!(gated.get(&memo, &hourly()).await, answer(2, Answered::Hit));
    });
}

#[test]
fn a_spawner_that_panics_reaches_the_caller_and_leaves_nothing_behind() {
    let (memo, clock) = plain();
    let fails = Arc::new(AtomicBool::new(true));
    let memo = memo.spawner({
        let fails = Arc::clone(&fails);
        move |task| {
            assert!(!fails.load(Ordering::SeqCst), "there is no runtime");
            smol::spawn(task).detach();
        }
    });
    let gated = Gated::new();
    let get = || smol::block_on(gated.get(&memo, &hourly()));
    get();
    clock.advance(MINUTE);
    assert!(catch_unwind(AssertUnwindSafe(get)).is_err());
    memo.drain();
    fails.store(false, Ordering::SeqCst);
    gated.let_go();
    assert_eq!(get(), answer(1, Answered::Stale));
    memo.drain();
    assert_eq!(get(), answer(2, Answered::Hit));
}

#[test]
fn background_work_does_not_wait_for_background_work() {
    let runtime = tokio();
    let handle = runtime.handle().clone();
    let (memo, clock) = plain();
    let memo = memo.tasks(Tasks::bounded(1, 8, move |task| drop(handle.spawn(task))));
    let options = hourly().soft_timeout(HOUR);
    async fn outer(memo: Memoizer, options: Options, runs: Runs) -> u32 {
        let run = runs.one() as u32;
        let inner = memo
            .get_refreshing_async("inner", &options, async || 10)
            .await;
        memo.drain_async().await;
        inner.unwrap_or_else(|error: BuildError<_>| panic!("{error}")) + run
    }
    let runs = Runs::default();
    let get = || {
        let (own, runs, inner) = (memo.clone(), runs.clone(), options.clone());
        let build = move || outer(own.clone(), inner.clone(), runs.clone());
        runtime.block_on(memo.get_refreshing_async("outer", &options, build))
    };
    assert_eq!(get().unwrap(), 11);
    clock.advance(MINUTE);
    assert_eq!(get().unwrap(), 12, "both were refreshed");
}

#[test]
fn a_memoizer_has_one_spawner() {
    let memo = Memoizer::in_memory().spawner(|task| smol::spawn(task).detach());
    let again = catch_unwind(AssertUnwindSafe(|| {
        memo.spawner(|task| smol::spawn(task).detach())
    }));
    assert!(again.is_err());
}

#[test]
fn a_build_does_not_wait_for_background_work_that_waits_for_it() {
    let (memo, _) = plain();
    let memo = memo.spawner(|task| smol::spawn(task).detach());
    smol::block_on(async {
        let outer = memo.get_async::<u32, _>("outer", async {
            let asks = memo.clone();
            let work = move || {
                let asks = asks.clone();
                async move {
                    asks.get_async::<u32, _>("outer", async { 0_u32 })
                        .await
                        .unwrap()
                }
            };
            let at_once = Options::new().hard_timeout(std::time::Duration::ZERO);
            let late = memo.get_refreshing_async("other", at_once, work);
            let late: Result<u32, BuildError<std::convert::Infallible>> = late.await;
            assert!(matches!(late, Err(BuildError::TimedOut(_))), "{late:?}");
            while mementos::private::edges() == 0 {
                smol::future::yield_now().await;
            }
            memo.drain_async().await;
            1_u32
        });
        assert_eq!(outer.await.unwrap(), 1);
        memo.drain_async().await;
        let other = memo.get_async::<u32, _>("other", async { 2_u32 });
        assert_eq!(other.await.unwrap(), 1);
    });
}
