//! Types whose constructor is awaited.

use crate::Runs;
use mementos::{BuildError, Memento, MementoAsync, memento};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;
use tokio::sync::Semaphore;

#[test]
fn a_constructor_may_be_awaited() {
    static RUNS: LazyLock<Runs> = LazyLock::new(Runs::default);

    #[derive(Debug)]
    struct Page {
        url: String,
    }

    #[memento]
    impl Page {
        async fn new(url: &str) -> Self {
            tokio::task::yield_now().await;
            RUNS.one();
            Page {
                url: url.to_owned(),
            }
        }
    }

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|_| runtime.spawn(Page::memento("home")))
        .collect();
    let first = runtime.block_on(Page::memento("home"));
    assert_eq!(first.url, "home");
    for task in tasks {
        assert!(Arc::ptr_eq(&first, &runtime.block_on(task).unwrap()));
    }
    let blocked = thread::spawn(|| <Page as Memento>::memento("home"));
    assert!(Arc::ptr_eq(&first, &blocked.join().unwrap()));
    assert_eq!(RUNS.count(), 1);
    assert_eq!(Page::mementos().len(), 1);
}

#[test]
fn a_constructor_that_is_awaited_may_fail() {
    #[derive(Debug)]
    struct Port(u16);

    #[memento]
    impl Port {
        async fn new(text: &str) -> Result<Self, std::num::ParseIntError> {
            text.parse().map(Port)
        }
    }

    smol::block_on(async {
        assert_eq!(Port::try_memento("80").await.unwrap().0, 80);
        assert!(matches!(
            Port::try_memento("http").await,
            Err(BuildError::Failed(_))
        ));
        assert_eq!(Port::mementos().len(), 1);
    });
}

#[test]
fn a_wait_for_another_build_ends_with_its_time() {
    static RUNS: LazyLock<Runs> = LazyLock::new(Runs::default);
    static GATE: Semaphore = Semaphore::const_new(0);

    #[derive(Debug)]
    struct Gated;

    #[memento]
    impl Gated {
        async fn new(_key: u32) -> Self {
            RUNS.one();
            GATE.acquire().await.unwrap().forget();
            Gated
        }
    }

    let leader = thread::spawn(|| smol::block_on(Gated::memento(1)));
    while RUNS.count() == 0 {
        thread::yield_now();
    }
    let timeout = Duration::from_millis(20);
    let late = smol::block_on(Gated::try_memento_for(timeout, 1));
    assert!(matches!(late, Err(BuildError::TimedOut(_))), "{late:?}");
    GATE.add_permits(1);
    leader.join().unwrap();
    smol::block_on(Gated::memento(1));
    assert_eq!(RUNS.count(), 1);
}

#[test]
fn a_circle_through_constructors_is_an_error() {
    #[derive(Debug)]
    struct Snake;

    #[memento]
    impl Snake {
        async fn new(at: u32, of: u32) -> Result<Self, String> {
            let next = Snake::try_memento((at + 1) % of, of).await;
            next.map_err(|error| error.to_string())?;
            Ok(Snake)
        }
    }

    for of in 1..=5 {
        let error = smol::block_on(Snake::try_memento(0, of)).unwrap_err();
        assert!(error.to_string().contains("Snake"), "{error}");
    }
    assert!(Snake::mementos().is_empty());
    assert!(Snake::mementos().building().is_empty());
}

#[test]
fn an_instance_may_be_there_for_ever() {
    struct Config(u32);

    #[memento(keep = "static")]
    impl Config {
        async fn new(number: u32) -> Self {
            Config(number)
        }
    }

    let config: &'static Config = smol::block_on(Config::memento_ref(7));
    assert_eq!(config.0, 7);
    assert!(std::ptr::eq(config, &*smol::block_on(Config::memento(7))));
}

#[test]
fn an_instance_is_made_by_hand_as_well() {
    struct Page(String);

    impl Memento for Page {
        type Args<'a> = &'a str;
        type Key = String;

        fn key(url: &&str) -> String {
            (*url).to_string()
        }

        fn construct(url: &str) -> Self {
            mementos::private::block_on(Self::construct_async(url))
        }
    }

    impl MementoAsync for Page {
        fn construct_async<'a>(url: Self::Args<'a>) -> mementos::private::Boxed<'a, Self> {
            Box::pin(async move { Page(url.to_uppercase()) })
        }
    }

    let page = smol::block_on(Page::memento_async("a"));
    assert_eq!(page.0, "A");
    assert!(Arc::ptr_eq(&page, &Page::memento("a")));
}
