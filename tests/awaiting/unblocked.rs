//! Any store of bytes, for callers that await.

use crate::gated::{Gated, Gates};
use mementos::private::block_on;
use mementos::store::StoreError;
use mementos::store::bytes::{AsyncByteStore, ByteStore, Driven, Encoded, Unblocked};
use mementos::testing::{ChaosStore, Faults, HeapBytes, byte_stores, memoizers};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

/// Long enough for any machine, and no time that a test waits out.
const LONG: Duration = Duration::from_secs(60);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// Polls once.
fn begin<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn it_does_what_every_store_of_bytes_must() {
    byte_stores::conform(|| Driven::new(Unblocked::new(HeapBytes::new())));
}

#[test]
fn a_memoizer_over_it_does_what_it_must() {
    memoizers::conform(|| {
        let driven = Driven::new(Unblocked::new(HeapBytes::new()));
        Encoded::new(driven).into()
    });
}

#[test]
fn a_store_that_has_no_leases_has_none_here() {
    let none = Unblocked::new(Unleased(HeapBytes::new()));
    assert!(none.leases().is_none());
    assert!(Unblocked::new(HeapBytes::new()).leases().is_some());
}

struct Unleased(HeapBytes);

impl ByteStore for Unleased {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError> {
        self.0.put(key, bytes, expires)
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.0.delete(key)
    }
}

/// The pool has 500 threads.
#[test]
fn leases_that_are_held_take_no_thread() {
    let store = Unblocked::new(HeapBytes::new());
    runtime().block_on(async {
        let leases = store.leases().unwrap();
        let keys: Vec<String> = (0..600).map(|n| n.to_string()).collect();
        let mut held = Vec::new();
        for key in &keys {
            held.push(leases.acquire(key, LONG).await.unwrap().unwrap());
        }
        store.put("other", b"value", None).await.unwrap();
        for lease in &held {
            assert!(lease.publish(b"published", None).await.unwrap());
        }
        drop(held);
        assert_eq!(store.get("599").await.unwrap().unwrap(), b"published");
    });
}

#[test]
fn callers_who_wait_for_leases_leave_threads_to_those_who_hold_them() {
    let store = Unblocked::new(HeapBytes::new());
    runtime().block_on(async {
        let leases = store.leases().unwrap();
        let held = leases.acquire("key", LONG).await.unwrap().unwrap();
        let waiting: Vec<_> = (0..600)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let leases = store.leases().unwrap();
                    let lease = leases.acquire("key", LONG).await.unwrap();
                    drop(lease.expect("each has its turn"));
                })
            })
            .collect();
        for _ in 0..10 {
            store.get("other").await.unwrap();
        }
        assert!(held.publish(b"value", None).await.unwrap());
        // One is enough: each turn takes a pause or two.
        let mut waiting = waiting.into_iter();
        waiting.next().unwrap().await.unwrap();
        waiting.for_each(|task| task.abort());
    });
}

#[test]
fn a_lease_that_comes_for_a_caller_who_has_gone_is_released() {
    let gates = Gates::default();
    let store = Unblocked::new(Gated::new(HeapBytes::new(), &gates));
    runtime().block_on(async {
        let leases = store.leases().unwrap();
        gates.close("acquire");
        {
            let mut acquiring = pin!(leases.acquire("key", LONG));
            assert!(begin(acquiring.as_mut()).is_none());
            // It is held by now, by a thread.
            gates.came("acquire").await;
        }
        gates.open("acquire");
        let next = leases.acquire("key", LONG).await.unwrap();
        assert!(next.is_some(), "the lease was left to nobody");
    });
}

#[test]
fn a_lease_is_acquired_in_time_or_not_at_all() {
    let store = Unblocked::new(HeapBytes::new());
    block_on(async {
        let leases = store.leases().unwrap();
        let held = leases.acquire("key", Duration::ZERO).await.unwrap();
        assert!(held.is_some(), "no time is enough for what is free");
        let short = Duration::from_millis(50);
        assert!(leases.acquire("key", short).await.unwrap().is_none());
        assert!(
            leases
                .acquire("key", Duration::ZERO)
                .await
                .unwrap()
                .is_none()
        );
    });
}

/// A put that has begun goes on when its caller is dropped. What is deleted after that
/// stays deleted.
fn deleted_after_a_put_that_was_left(delete: impl AsyncFnOnce(&Unblocked)) {
    let gates = Gates::default();
    let store = Unblocked::new(Gated::new(HeapBytes::new(), &gates));
    runtime().block_on(async {
        gates.close("put");
        {
            let mut putting = pin!(store.put("key", b"old", None));
            assert!(begin(putting.as_mut()).is_none());
            gates.came("put").await;
        }
        let mut deleting = pin!(delete(&store));
        assert!(begin(deleting.as_mut()).is_none());
        // Time enough for one that does not wait.
        for _ in 0..100 {
            store.get("key").await.unwrap();
        }
        gates.open("put");
        deleting.await;
        assert_eq!(store.get("key").await.unwrap(), None);
    });
}

#[test]
fn a_put_whose_caller_has_gone_is_over_before_what_comes_after() {
    deleted_after_a_put_that_was_left(async |store| _ = store.delete("key").await.unwrap());
    deleted_after_a_put_that_was_left(async |store| store.delete_prefix("k").await.unwrap());
    deleted_after_a_put_that_was_left(async |store| store.clear().await.unwrap());
}

#[test]
fn an_operation_that_is_not_polled_is_not_carried_out() {
    let heap = HeapBytes::new();
    let store = Unblocked::new(heap.clone());
    drop(store.put("key", b"value", None));
    assert_eq!(block_on(store.get("key")).unwrap(), None);
}

#[test]
fn what_the_store_fails_at_is_an_error() {
    let faults = Faults {
        errors: 1.0,
        ..Faults::NONE
    };
    let store = Unblocked::new(ChaosStore::new(HeapBytes::new(), faults, 7));
    block_on(async {
        assert!(store.get("key").await.is_err());
        assert!(store.put("key", b"value", None).await.is_err());
        assert!(store.delete("key").await.is_err());
        let leases = store.leases().unwrap();
        assert!(leases.acquire("key", LONG).await.is_err());
    });
}

#[test]
#[should_panic = "the store is upset"]
fn a_panic_of_the_store_is_its_callers() {
    struct Upset;

    impl ByteStore for Upset {
        fn get(&self, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
            panic!("the store is upset")
        }

        fn put(&self, _: &str, _: &[u8], _: Option<SystemTime>) -> Result<(), StoreError> {
            Ok(())
        }

        fn delete(&self, _: &str) -> Result<bool, StoreError> {
            Ok(false)
        }
    }

    _ = block_on(Unblocked::new(Upset).get("key"));
}
