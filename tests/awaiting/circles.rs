//! Builds that wait for each other, across tasks and threads.

use mementos::{BuildError, memoize};
use std::convert::Infallible;
use std::pin::Pin;
use std::thread;
use tokio::sync::Barrier;

const ROUNDS: u32 = 300;

type Boxed = Pin<Box<dyn Future<Output = Result<u32, String>> + Send>>;

fn told(error: BuildError<Infallible>) -> String {
    assert!(error.circle().is_some(), "{error:?}");
    error.to_string()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn who_asks_for_itself_gets_an_error() {
    #[memoize]
    async fn itself(key: u32) -> Result<u32, String> {
        let again: Boxed = Box::pin(async move {
            itself::get(mementos::Options::new(), key)
                .await
                .map_err(told)?
        });
        again.await
    }

    for round in 0..ROUNDS {
        let error = smol::block_on(itself(round)).unwrap_err();
        assert!(error.contains("itself"), "{error}");
    }
}

#[test]
fn two_tasks_that_ask_for_each_other_get_an_error() {
    static BOTH: std::sync::LazyLock<Barrier> = std::sync::LazyLock::new(|| Barrier::new(2));

    #[memoize]
    async fn side(round: u32, left: bool) -> Result<u32, String> {
        BOTH.wait().await;
        let other: Boxed = Box::pin(async move {
            side::get(mementos::Options::new(), round, !left)
                .await
                .map_err(told)?
        });
        other.await
    }

    runtime().block_on(async {
        for round in 0..ROUNDS {
            let left = tokio::spawn(side(round, true));
            let right = tokio::spawn(side(round, false));
            let (left, right) = (left.await.unwrap(), right.await.unwrap());
            assert!(left.is_err() && right.is_err(), "{left:?} {right:?}");
        }
    });
}

#[test]
fn the_arms_of_a_join_are_inside_the_build() {
    #[memoize]
    async fn outer(round: u32) -> Result<u32, String> {
        let arm: Boxed = Box::pin(inner(round));
        let (one, other) = tokio::join!(arm, async { Ok::<_, String>(1) });
        Ok(one? + other?)
    }

    #[memoize]
    async fn inner(round: u32) -> Result<u32, String> {
        let back: Boxed = Box::pin(async move {
            outer::get(mementos::Options::new(), round)
                .await
                .map_err(told)?
        });
        back.await
    }

    for round in 0..ROUNDS {
        let error = smol::block_on(outer(round)).unwrap_err();
        assert!(
            error.contains("outer") && error.contains("inner"),
            "{error}"
        );
    }
}

#[test]
fn what_is_spawned_with_its_context_is_inside_the_build() {
    #[memoize]
    async fn spawns(round: u32) -> Result<u32, String> {
        let back = async move {
            spawns::get(mementos::Options::new(), round)
                .await
                .map_err(told)?
        };
        let back: Boxed = Box::pin(back);
        let attached = mementos::Context::current().attach(back);
        tokio::spawn(attached).await.unwrap()
    }

    runtime().block_on(async {
        for round in 0..ROUNDS {
            let error = spawns(round).await.unwrap_err();
            assert!(error.contains("spawns"), "{error}");
        }
    });
}

#[test]
fn one_who_blocks_and_one_who_awaits_get_an_error() {
    use std::sync::{Barrier, LazyLock};
    static BOTH: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));

    #[memoize]
    fn blocks(round: u32) -> Result<u32, String> {
        BOTH.wait();
        awaits::function()
            .get(mementos::Options::new(), round)
            .map_err(told)?
    }

    #[memoize]
    async fn awaits(round: u32) -> Result<u32, String> {
        BOTH.wait();
        blocks::get(mementos::Options::new(), round).map_err(told)?
    }

    for round in 0..ROUNDS {
        let blocking = thread::spawn(move || blocks(round));
        let awaited = smol::block_on(awaits(round));
        let blocked = blocking.join().unwrap();
        assert!(
            awaited.is_err() && blocked.is_err(),
            "{awaited:?} {blocked:?}"
        );
    }
}

#[test]
fn a_circle_through_a_job_is_an_error() {
    use mementos::Options;
    use std::time::Duration;

    let runtime = runtime();
    let handle = runtime.handle().clone();
    let memo = mementos::Memoizer::in_memory().spawner(move |task| drop(handle.spawn(task)));
    let here = memo.get_async::<u32, _>("here", async {
        let asks = memo.clone();
        let build = move || {
            let asks = asks.clone();
            async move {
                let back = asks.get_async::<u32, _>("here", async { 0_u32 }).await;
                back.map_err(told)
            }
        };
        let forever = Options::new().hard_timeout(Duration::MAX);
        let there = memo.get_refreshing_async("there", forever, build);
        let there: Result<u32, BuildError<String>> = there.await;
        let error = there.unwrap_err();
        Err::<u32, String>(error.failure().cloned().unwrap_or(format!("{error:?}")))
    });
    let here: Result<u32, BuildError<String>> = runtime.block_on(here);
    let error = here.unwrap_err();
    let told = error.failure().unwrap();
    assert!(
        told.contains("there") && told.contains("\"here\""),
        "{told}"
    );
}
