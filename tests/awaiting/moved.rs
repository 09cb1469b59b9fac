//! Futures that are begun in one place and polled, dropped or forgotten in another.

use mementos::private::block_on;
use mementos::{BuildError, Memoizer, Options, Registry, memento, memoize};
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Longer than any of this takes.
const LONG: Duration = Duration::from_secs(10);

fn is_pending<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> bool {
    future.poll(&mut Context::from_waker(waker)).is_pending()
}

/// Is pending once.
async fn later() {
    let mut was_polled = false;
    poll_fn(|_| match std::mem::replace(&mut was_polled, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

#[test]
fn a_build_that_was_begun_elsewhere_is_inside_of_who_polls_it() {
    static BEGUN: Mutex<Option<Boxed<Result<u32, String>>>> = Mutex::new(None);

    #[memoize]
    async fn outer(x: u32) -> Result<u32, String> {
        let begun = BEGUN.lock().unwrap().take().unwrap();
        begun.await.map(|inner| inner + x)
    }

    #[memoize]
    async fn inner(x: u32) -> Result<u32, String> {
        later().await;
        let back = outer::get(Options::new(), x).await;
        back.map_err(|error: BuildError<Infallible>| {
            assert!(error.circle().is_some(), "{error:?}");
            error.to_string()
        })?
    }

    let mut begun: Boxed<_> = Box::pin(inner(1));
    assert!(is_pending(begun.as_mut(), Waker::noop()));
    *BEGUN.lock().unwrap() = Some(begun);
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(block_on(outer(1))));
    let error = told.recv_timeout(LONG).expect("it hangs").unwrap_err();
    assert!(error.contains("outer"), "{error}");
}

#[test]
fn what_a_dropped_build_drops_is_still_inside_of_it() {
    /// Asks for what it is part of.
    struct Asks(u32);

    impl Drop for Asks {
        fn drop(&mut self) {
            let asked = held::function().get(Options::new(), self.0);
            assert!(asked.unwrap_err().circle().is_some());
        }
    }

    #[memoize]
    async fn held(x: u32) -> u32 {
        let asks = Asks(x);
        pending::<()>().await;
        asks.0
    }

    let mut leads = Box::pin(held(1));
    assert!(is_pending(leads.as_mut(), Waker::noop()));
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        drop(leads);
        tell.send(())
    });
    told.recv_timeout(LONG).expect("it hangs");
    assert!(!held::exists(1));
}

#[test]
fn and_so_is_what_was_spawned_with_its_context() {
    static PART: Mutex<Option<Boxed<()>>> = Mutex::new(None);

    /// Asks for what it is part of.
    struct Asks(u32);

    impl Drop for Asks {
        fn drop(&mut self) {
            let asked = whole::function().get(Options::new(), self.0);
            assert!(asked.unwrap_err().circle().is_some());
        }
    }

    #[memoize]
    async fn whole(x: u32) -> u32 {
        let part = mementos::Context::current().attach(async move {
            let asks = Asks(x);
            pending::<()>().await;
            drop(asks);
        });
        let mut part: Boxed<()> = Box::pin(part);
        assert!(is_pending(part.as_mut(), Waker::noop()));
        *PART.lock().unwrap() = Some(part);
        pending::<()>().await;
        x
    }

    let mut leads = Box::pin(whole(1));
    assert!(is_pending(leads.as_mut(), Waker::noop()));
    let part = PART.lock().unwrap().take();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        drop(part);
        tell.send(())
    });
    told.recv_timeout(LONG).expect("it hangs");
}

#[test]
fn a_leader_that_is_forgotten_keeps_its_key_until_that_is_deleted() {
    let memo = Memoizer::in_memory();
    let mut leads = Box::pin(memo.get_async::<u32, _>("key", pending::<u32>()));
    assert!(is_pending(leads.as_mut(), Waker::noop()));
    std::mem::forget(leads);
    let mut joins = Box::pin(memo.get_async::<u32, _>("key", async { 1 }));
    assert!(is_pending(joins.as_mut(), Waker::noop()));
    std::mem::forget(joins);
    memo.delete("key").unwrap();
    assert_eq!(memo.get::<u32, _>("key", || 2).unwrap(), 2);
    memo.clear().unwrap();
}

#[test]
fn an_instance_is_of_the_registry_in_which_its_call_began() {
    struct Page(u32);

    #[memento(keep = "static")]
    impl Page {
        async fn new(number: u32) -> Self {
            later().await;
            Page(number)
        }
    }

    let registry = Registry::new();
    let mut asks = Box::pin(Page::memento_ref(1));
    let began = registry.scope(|| is_pending(asks.as_mut(), Waker::noop()));
    assert!(began);
    assert_eq!(block_on(asks).0, 1);
    let len = |registry: &Registry| registry.mementos::<Page, _>().len();
    assert_eq!((len(&registry), len(Registry::global())), (1, 0));
}

struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn who_has_given_up_waiting_is_not_remembered() {
    let memo = Memoizer::in_memory();
    let mut leads = pin!(memo.get_async::<u32, _>("key", pending::<u32>()));
    assert!(is_pending(leads.as_mut(), Waker::noop()));
    let task = Arc::new(Counted);
    let first = Waker::from(Arc::clone(&task));
    {
        let mut joins = pin!(memo.get_async::<u32, _>("key", async { 1 }));
        assert!(is_pending(joins.as_mut(), &first));
        // It has gone to another task.
        assert!(is_pending(joins.as_mut(), Waker::noop()));
        assert_eq!(Arc::strong_count(&task), 2, "the first is not to be woken");
        assert!(is_pending(joins.as_mut(), &first));
    }
    assert_eq!(Arc::strong_count(&task), 2, "nobody is to be woken");
}

#[test]
fn a_build_that_was_begun_inside_another_stays_part_of_it() {
    static BEGUN: Mutex<Option<Boxed<Result<u32, String>>>> = Mutex::new(None);

    #[memoize]
    async fn outer(x: u32) -> Result<u32, String> {
        let mut begun: Boxed<_> = Box::pin(inner(x));
        assert!(is_pending(begun.as_mut(), Waker::noop()));
        *BEGUN.lock().unwrap() = Some(begun);
        later().await;
        Ok(x)
    }

    #[memoize]
    async fn inner(x: u32) -> Result<u32, String> {
        later().await;
        let back = outer::get(Options::new(), x).await;
        back.map_err(|error: BuildError<Infallible>| {
            assert!(error.circle().is_some(), "{error:?}");
            error.to_string()
        })?
    }

    let mut outer: Boxed<_> = Box::pin(outer(1));
    assert!(is_pending(outer.as_mut(), Waker::noop()));
    let begun = BEGUN.lock().unwrap().take().unwrap();
    let error = block_on(begun).unwrap_err();
    assert!(
        error.contains("outer") && error.contains("inner"),
        "{error}"
    );
    assert_eq!(block_on(outer), Ok(1));
}
