//! What is kept, and each build, is shared by all kinds of callers.

use mementos::{Memoizer, memoize};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

fn tokio() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_hit_is_what_was_built() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);

    #[memoize]
    async fn length(text: &str) -> usize {
        tokio::task::yield_now().await;
        RUNS.fetch_add(1, SeqCst);
        text.len()
    }

    tokio().block_on(async {
        assert_eq!(length("four").await, 4);
        assert_eq!(length("four").await, 4);
        assert_eq!(length("seven..").await, 7);
    });
    assert_eq!(RUNS.load(SeqCst), 2);
    assert!(length::exists("four"));
    assert_eq!(length::blocking("four"), 4);
    assert_eq!(RUNS.load(SeqCst), 2);
    assert!(length::delete("four").unwrap());
    assert_eq!(smol::block_on(length("four")), 4);
    assert_eq!(RUNS.load(SeqCst), 3);
}

#[test]
fn a_thousand_tasks_and_threads_run_a_slow_function_once() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);

    #[memoize]
    async fn slow(key: u32) -> u32 {
        RUNS.fetch_add(1, SeqCst);
        tokio::time::sleep(Duration::from_millis(500)).await;
        key + 1
    }

    let runtime = tokio();
    let began = Instant::now();
    // The leader needs the runtime for its sleep, so the first is a task.
    let leader = runtime.spawn(slow(1));
    while RUNS.load(SeqCst) == 0 {
        thread::yield_now();
    }
    let tasks: Vec<_> = (0..1_000).map(|_| runtime.spawn(slow(1))).collect();
    let threads: Vec<_> = (0..32)
        .map(|_| thread::spawn(|| slow::blocking(1)))
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 2);
    }
    runtime.block_on(async {
        assert_eq!(leader.await.unwrap(), 2);
        for task in tasks {
            assert_eq!(task.await.unwrap(), 2);
        }
    });
    assert!(
        began.elapsed() < Duration::from_millis(700),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(RUNS.load(SeqCst), 1);
}

#[test]
fn who_blocks_may_lead_for_those_who_await() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static RELEASED: LazyLock<async_channel::Sender<()>> = LazyLock::new(|| CHANNEL.0.clone());
    static CHANNEL: LazyLock<(async_channel::Sender<()>, async_channel::Receiver<()>)> =
        LazyLock::new(|| async_channel::bounded(1));

    #[memoize]
    async fn gated(key: u32) -> u32 {
        RUNS.fetch_add(1, SeqCst);
        CHANNEL.1.recv().await.unwrap();
        key
    }

    let leader = thread::spawn(|| gated::blocking(7));
    while RUNS.load(SeqCst) == 0 {
        thread::yield_now();
    }
    let runtime = tokio();
    let joined = runtime.spawn(gated(7));
    let also = thread::spawn(|| smol::block_on(gated(7)));
    while gated::stats().joins < 2 && gated::function().stats().joins < 2 {
        if !RELEASED.is_empty() || joined.is_finished() {
            break;
        }
        thread::yield_now();
        // Joined calls are counted once they are over, so the release is not held back.
        RELEASED.try_send(()).ok();
    }
    assert_eq!(leader.join().unwrap(), 7);
    assert_eq!(runtime.block_on(joined).unwrap(), 7);
    assert_eq!(also.join().unwrap(), 7);
    assert_eq!(RUNS.load(SeqCst), 1);
}

#[test]
fn options_and_refreshes_are_awaited() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);

    #[memoize(max_age = "1h")]
    async fn counted(_key: u32) -> usize {
        RUNS.fetch_add(1, SeqCst) + 1
    }

    smol::block_on(async {
        assert_eq!(counted(1).await, 1);
        let strict = mementos::Options::new().max_age(Duration::ZERO);
        assert_eq!(counted::get(strict, 1).await.unwrap(), 2);
        assert_eq!(counted::refresh(1).await.unwrap(), 3);
        assert_eq!(counted(1).await, 3);
        assert_eq!(counted::uncached(1).await, 4);
    });
}

#[test]
fn a_scope_holds_where_a_call_is_first_polled() {
    #[memoize]
    async fn scoped(key: u32) -> u32 {
        key
    }

    let memo = Memoizer::in_memory();
    memo.scope(|| assert_eq!(smol::block_on(scoped(1)), 1));
    assert!(!scoped::exists(1));
    memo.scope(|| assert!(scoped::exists(1)));
}

#[test]
fn a_memoized_method_may_be_awaited() {
    struct Circle(u32);

    #[memoize]
    impl Circle {
        #[memoize(key(self.0))]
        async fn area(&self) -> u32 {
            3 * self.0 * self.0
        }
    }

    assert_eq!(smol::block_on(Circle(2).area()), 12);
    assert!(Circle::area_memo().exists(&Circle(2)));
}

#[test]
fn a_future_can_be_sent_to_another_thread() {
    #[memoize]
    async fn sent(text: &str) -> String {
        text.to_owned()
    }

    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }

    assert_eq!(smol::block_on(is_send(sent("a"))), "a");
    let strict = mementos::Options::new();
    assert_eq!(
        smol::block_on(is_send(sent::get(strict, "a"))).unwrap(),
        "a"
    );
    assert_eq!(smol::block_on(is_send(sent::refresh("a"))).unwrap(), "a");
}
