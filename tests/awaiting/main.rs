//! Callers that await, on several runtimes and beside callers that block.

mod background;
mod cancelled;
mod circles;
mod freshness;
#[cfg(feature = "testing")]
mod gated;
mod instances;
mod moved;
mod shared;
#[cfg(feature = "testing")]
mod stores;
#[cfg(feature = "testing")]
mod unblocked;

use ::tokio::runtime::{Builder, Runtime};
use ::tokio::sync::Semaphore;
use mementos::clock::FakeClock;
use mementos::{Answered, BuildError, Built, Detailed, Kept, Memoizer, Options};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Fresh for a minute, and stale for an hour.
fn hourly() -> Options {
    Options::new().max_age(MINUTE).stale_for(HOUR)
}

/// A runtime of tokio's.
fn tokio() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A memoizer without a spawner.
fn plain() -> (Memoizer, FakeClock) {
    let clock = FakeClock::new();
    (Memoizer::in_memory().clock(clock.clone()), clock)
}

/// One that spawns on that runtime.
fn on(runtime: &Runtime) -> (Memoizer, FakeClock) {
    let handle = runtime.handle().clone();
    let (memo, clock) = plain();
    (memo.spawner(move |task| drop(handle.spawn(task))), clock)
}

fn answer(value: u32, how: Answered) -> Detailed<u32> {
    Detailed { value, how }
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

    /// Gives way until so many builds have begun.
    async fn until_begun(&self, runs: usize) {
        while self.runs.count() < runs {
            smol::future::yield_now().await;
        }
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

    async fn try_get(
        &self,
        memo: &Memoizer,
        options: &Options,
    ) -> Result<Detailed<u32>, BuildError<Infallible>> {
        let own = self.clone();
        let build = move |_: Option<Kept<u32>>| {
            let build = own.build();
            async { Ok(Built::new(build.await)) }
        };
        memo.get_conditional_async("key", options, build).await
    }

    async fn get(&self, memo: &Memoizer, options: &Options) -> Detailed<u32> {
        self.try_get(memo, options).await.unwrap()
    }
}

/// How often a function has run.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn one(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
