//! Leaders that are dropped, or panic.

use crate::Runs;
use mementos::memoize;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

#[test]
fn a_leader_that_is_cancelled_hands_over() {
    static RUNS: LazyLock<Runs> = LazyLock::new(Runs::default);
    static GATE: Semaphore = Semaphore::const_new(0);

    #[memoize]
    async fn gated(key: u32) -> u32 {
        RUNS.one();
        GATE.acquire().await.unwrap().forget();
        key
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let leader = tokio::spawn(gated(3));
        while RUNS.count() == 0 {
            tokio::task::yield_now().await;
        }
        let joined: Vec<_> = (0..99).map(|_| tokio::spawn(gated(3))).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        leader.abort();
        assert!(leader.await.unwrap_err().is_cancelled());
        // One of those who joined leads now; let it, and a straggler if there is one, go.
        GATE.add_permits(2);
        for task in joined {
            assert_eq!(task.await.unwrap(), 3);
        }
    });
    assert!(RUNS.count() <= 2, "one further build at most");
}

#[test]
fn a_runtime_that_is_dropped_leaves_no_key_stuck() {
    static RUNS: LazyLock<Runs> = LazyLock::new(Runs::default);

    #[memoize]
    async fn stuck(key: u32) -> u32 {
        if RUNS.one() == 1 {
            std::future::pending::<()>().await;
        }
        key
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    drop(runtime.spawn(stuck(1)));
    while RUNS.count() == 0 {
        std::thread::yield_now();
    }
    let waits = std::thread::spawn(|| smol::block_on(stuck(1)));
    drop(runtime);
    assert_eq!(waits.join().unwrap(), 1);
    assert_eq!(RUNS.count(), 2);
}

#[test]
fn a_panic_reaches_all_who_wait_at_once() {
    static RUNS: LazyLock<Runs> = LazyLock::new(Runs::default);
    static GATE: Semaphore = Semaphore::const_new(0);

    #[memoize]
    async fn panics(key: u32) -> u32 {
        if RUNS.one() == 1 {
            GATE.acquire().await.unwrap().forget();
            // A panic without a backtrace, which may take longer than what is measured.
            std::panic::resume_unwind(Box::new("the first time"));
        }
        key
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = mementos::Options::new;
        let leader = tokio::spawn(panics(5));
        while RUNS.count() == 0 {
            tokio::task::yield_now().await;
        }
        let joined: Vec<_> = (0..100)
            .map(|_| tokio::spawn(panics::get(options(), 5)))
            .collect();
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        let began = Instant::now();
        GATE.add_permits(1);
        assert!(leader.await.unwrap_err().is_panic());
        let mut told = 0;
        for task in joined {
            match task.await.unwrap() {
                Ok(5) => {}
                Ok(other) => panic!("{other}"),
                Err(error) => {
                    assert!(error.to_string().contains("the first time"), "{error}");
                    told += 1;
                }
            }
        }
        assert!(told > 0, "somebody had joined");
        assert!(began.elapsed() < Duration::from_millis(100));
        assert_eq!(panics(5).await, 5);
    });
}
