//! What is stale, for callers that await.

use crate::Runs;
use mementos::clock::FakeClock;
use mementos::{Answered, BuildError, Built, Detailed, Kept, Memoizer, Options, memoize};
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Fresh for a minute, and stale for an hour.
fn hourly() -> Options {
    Options::new().max_age(MINUTE).stale_for(HOUR)
}

fn tokio() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Without a spawner.
fn plain() -> (Memoizer, FakeClock) {
    let clock = FakeClock::new();
    (Memoizer::in_memory().clock(clock.clone()), clock)
}

/// With one, of that runtime.
fn on(runtime: &Runtime) -> (Memoizer, FakeClock) {
    let handle = runtime.handle().clone();
    let (memo, clock) = plain();
    (memo.spawner(move |task| drop(handle.spawn(task))), clock)
}

/// A build that counts its runs, and waits for leave from the second on.
#[derive(Clone)]
struct Gated {
    runs: Runs,
    leave: Arc<Semaphore>,
}

impl Gated {
    fn new() -> Self {
        Gated {
            runs: Runs::default(),
            leave: Arc::new(Semaphore::new(0)),
        }
    }

    /// Lets one build go.
    fn let_go(&self) {
        self.leave.add_permits(1);
    }

    fn build(&self) -> impl Future<Output = u32> + Send + use<> {
        let own = self.clone();
        async move {
            let run = own.runs.one() as u32;
            if run > 1 {
                own.leave.acquire().await.unwrap().forget();
            }
            run
        }
    }

    async fn get(&self, memo: &Memoizer, options: &Options) -> Detailed<u32> {
        let own = self.clone();
        let build = move |_: Option<Kept<u32>>| {
            let build = own.build();
            async { Ok::<_, Infallible>(Built::new(build.await)) }
        };
        memo.get_conditional_async("key", options, build)
            .await
            .unwrap()
    }
}

fn answer(value: u32, how: Answered) -> Detailed<u32> {
    Detailed { value, how }
}

#[test]
fn a_stale_value_is_served_at_once_and_refreshed_once_by_the_spawner() {
    let runtime = tokio();
    let (memo, clock) = on(&runtime);
    let gated = Gated::new();
    runtime.block_on(async {
        let first = gated.get(&memo, &hourly()).await;
        assert_eq!(first, answer(1, Answered::Built));
        clock.advance(MINUTE);
        for _ in 0..100 {
            // No build can end meanwhile.
            let stale = gated.get(&memo, &hourly()).await;
            assert_eq!(stale, answer(1, Answered::Stale));
        }
        gated.let_go();
        memo.drain_async().await;
        let fresh = gated.get(&memo, &hourly()).await;
        assert_eq!(fresh, answer(2, Answered::Hit));
    });
    assert_eq!(gated.runs.count(), 2);
}

#[test]
fn it_is_so_on_smol_and_for_a_function() {
    static RUNS: LazyLock<Runs> = LazyLock::new(Runs::default);

    #[memoize(max_age = "60s", stale_for = "1h")]
    async fn run(text: &str, more: Vec<u8>) -> (String, usize, usize) {
        smol::future::yield_now().await;
        (text.to_owned(), more.len(), RUNS.one())
    }

    let (memo, clock) = plain();
    let memo = memo.spawner(|task| smol::spawn(task).detach());
    let ask = |how| {
        let answer = memo.scope(|| smol::block_on(run::detailed(Options::new(), "a", vec![1, 2])));
        let answer = answer.unwrap();
        assert_eq!(answer.how, how);
        assert_eq!((&*answer.value.0, answer.value.1), ("a", 2));
        answer.value.2
    };
    assert_eq!(ask(Answered::Built), 1);
    clock.advance(MINUTE);
    assert_eq!(ask(Answered::Stale), 1);
    smol::block_on(memo.drain_async());
    assert_eq!(ask(Answered::Hit), 2);
}

#[test]
fn so_is_one_in_a_shared_store() {
    static RUNS: LazyLock<Runs> = LazyLock::new(Runs::default);

    #[memoize(max_age = "60s", stale_for = "1h")]
    async fn run(text: &str) -> usize {
        tokio::task::yield_now().await;
        text.len() + RUNS.one()
    }

    let runtime = tokio();
    let (memo, clock) = on(&runtime);
    let memo = memo.defaults(Options::new().store(mementos::store::MemoryStore::new()));
    let ask = || memo.scope(|| runtime.block_on(run("four")));
    assert_eq!(ask(), 5);
    clock.advance(MINUTE);
    assert_eq!(ask(), 5);
    memo.drain();
    assert_eq!(ask(), 6);
}

#[test]
fn a_slow_build_keeps_nobody_waiting_longer_than_the_soft_timeout() {
    let runtime = tokio();
    let (memo, clock) = on(&runtime);
    let options = hourly().soft_timeout(Duration::from_millis(20));
    let gated = Gated::new();
    runtime.block_on(async {
        gated.get(&memo, &options).await;
        clock.advance(MINUTE);
        for _ in 0..3 {
            let began = Instant::now();
            let stale = gated.get(&memo, &options).await;
            assert_eq!(stale, answer(1, Answered::Stale));
            assert!(began.elapsed() >= Duration::from_millis(20), "it waited");
        }
        gated.let_go();
        memo.drain_async().await;
        assert_eq!(gated.get(&memo, &options).await, answer(2, Answered::Hit));
    });
    assert_eq!(
        gated.runs.count(),
        2,
        "one build went on, and was published"
    );
}

#[test]
fn a_build_that_ends_in_time_is_the_answer() {
    let runtime = tokio();
    let (memo, clock) = on(&runtime);
    let options = hourly().soft_timeout(HOUR);
    let gated = Gated::new();
    runtime.block_on(async {
        gated.get(&memo, &options).await;
        clock.advance(MINUTE);
        gated.let_go();
        assert_eq!(gated.get(&memo, &options).await, answer(2, Answered::Built));
    });
}

#[test]
fn a_hard_timeout_serves_what_is_stale_or_is_an_error() {
    let runtime = tokio();
    let (memo, clock) = on(&runtime);
    let options = hourly()
        .no_soft_timeout()
        .hard_timeout(Duration::from_millis(5))
        .retry_after(MINUTE);
    let gated = Gated::new();
    runtime.block_on(async {
        gated.get(&memo, &options).await;
        clock.advance(MINUTE);
        for _ in 0..2 {
            // The first waits, and the second finds that it is too soon.
            let late = gated.get(&memo, &options).await;
            assert_eq!(late, answer(1, Answered::Fallback));
        }
        gated.let_go();
        memo.drain_async().await;
        assert_eq!(gated.get(&memo, &options).await, answer(2, Answered::Hit));

        let own = gated.clone();
        let late = memo.get_refreshing_async("other", &options, move || own.build());
        let late: Result<u32, _> = late.await;
        assert!(matches!(late, Err(BuildError::TimedOut(_))), "{late:?}");
        gated.let_go();
        memo.drain_async().await;
        let kept: Result<u32, _> = memo.get_async("other", async { 0 }).await;
        assert_eq!(kept.unwrap(), 3);
    });
}

#[test]
fn while_builds_fail_everyone_gets_the_stale_value_until_its_period_ends() {
    const RETRY: Duration = Duration::from_secs(30);
    static RUNS: LazyLock<Runs> = LazyLock::new(Runs::default);

    async fn build() -> Result<u32, &'static str> {
        match RUNS.one() {
            1 => Ok(1),
            _ => Err("down"),
        }
    }

    let runtime = tokio();
    for spawns in [true, false] {
        RUNS.0.store(0, std::sync::atomic::Ordering::SeqCst);
        let (memo, clock) = match spawns {
            true => on(&runtime),
            false => plain(),
        };
        let options = hourly().retry_after(RETRY);
        let ask = || memo.get_refreshing_async::<u32, _, _>("key", &options, build);
        runtime.block_on(async {
            assert_eq!(ask().await.unwrap(), 1);
            clock.advance(MINUTE);
            let step = Duration::from_secs(10);
            let steps = HOUR.as_secs() / step.as_secs();
            for _ in 0..steps {
                for _ in 0..20 {
                    assert_eq!(ask().await.unwrap(), 1);
                }
                memo.drain_async().await;
                clock.advance(step);
            }
            let most = HOUR.as_secs() / RETRY.as_secs() + 1;
            let failed = RUNS.count() as u64 - 1;
            assert!((most / 2..=most).contains(&failed), "{failed} of {most}");
            assert_eq!(ask().await.unwrap_err().failure(), Some(&"down"));
        });
    }
}
