//! Stores that are not in memory, for callers that await.

use crate::Runs;
use crate::gated::{Gated, GatedLock, GatedValues, Gates};
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::store::{MemoryStore, SharedStore, Tiered};
use mementos::testing::{ChaosStore, Faults, HeapBytes};
use mementos::{BuildError, Group, Memoizer, OnLockTimeout, Options, memoize};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

type Got<V> = Result<V, BuildError<Infallible>>;

/// A runtime of one thread, which whatever blocks would hold up for good.
fn on_one_thread<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// Both runtimes.
fn everywhere<F: Future<Output = ()>>(test: impl Fn(Runtime) -> F) {
    on_one_thread(test(Runtime::Tokio));
    smol::block_on(test(Runtime::Smol));
}

#[derive(Clone, Copy, Debug)]
enum Runtime {
    Tokio,
    Smol,
}

/// All kinds of stores that may take their time, behind gates.
fn slow_stores(gates: &Gates) -> [SharedStore; 4] {
    let bytes = || Encoded::new(Gated::new(HeapBytes::new(), gates));
    [
        bytes().into(),
        Tiered::new(bytes()).no_older_than(Duration::ZERO).into(),
        Encoded::new(Arc::new(Gated::new(HeapBytes::new(), gates))).into(),
        SharedStore::new(GatedValues {
            store: MemoryStore::new(),
            gates: gates.clone(),
            may_block: true,
        }),
    ]
}

/// Runs two futures in one task: a thread that one of them blocks polls neither.
async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    smol::future::zip(a, b).await
}

#[test]
fn a_store_that_takes_its_time_holds_up_no_other_task() {
    for name in ["get", "put", "delete"] {
        let gates = Gates::default();
        for store in slow_stores(&gates) {
            everywhere(|_| async {
                // What is published by a lease is not put.
                let memo = Memoizer::new(store.clone()).defaults(Options::new().no_lock());
                memo.clear_async().await.unwrap();
                gates.close(name);
                let asks = async {
                    let got: Got<u32> = memo.get_async("key", async { 1 }).await;
                    assert_eq!(got.unwrap(), 1);
                    assert!(memo.delete_async("key").await.unwrap());
                };
                let opens = async {
                    gates.came(name).await;
                    gates.open(name);
                };
                both(asks, opens).await;
            });
        }
    }
}

#[test]
fn each_question_about_what_is_kept_gives_the_thread_back() {
    let gates = Gates::default();
    for store in slow_stores(&gates) {
        on_one_thread(async {
            let memo = Memoizer::new(store).defaults(Options::new().grouped(true));
            let aged = Options::new().max_age(Duration::from_secs(60));
            let got: Got<u32> = memo.get_with_async("key", aged, async { 1 }).await;
            assert_eq!(got.unwrap(), 1);
            macro_rules! holds_up_nobody {
                ($asks:expr) => {{
                    gates.close("get");
                    let opens = async {
                        gates.came("get").await;
                        gates.open("get");
                    };
                    // As many as have come so far.
                    both($asks, opens).await.0
                }};
            }
            assert!(holds_up_nobody!(memo.exists_async("key")).unwrap());
            assert!(holds_up_nobody!(memo.ttl_async("key")).unwrap().is_some());
            assert!(holds_up_nobody!(memo.etag_async("key")).unwrap().is_none());
            let entry = holds_up_nobody!(memo.entry_async::<u32>("key"));
            assert_eq!(*entry.unwrap().unwrap().value(), 1);
            assert!(holds_up_nobody!(memo.expire_async("key", Duration::ZERO)).unwrap());
            assert!(!holds_up_nobody!(memo.exists_async("key")).unwrap());
            let again: Got<u32> = memo.get_async("key", async { 2 }).await;
            assert_eq!(again.unwrap(), 2);
            memo.invalidate_async(Group::All).await.unwrap();
            assert!(!holds_up_nobody!(memo.exists_async("key")).unwrap());
        });
    }
}

#[test]
fn a_store_in_memory_is_asked_where_its_caller_is() {
    let gates = Gates::default();
    let memo = Memoizer::new(GatedValues {
        store: MemoryStore::new(),
        gates: gates.clone(),
        may_block: false,
    });
    let mut asked = Box::pin(memo.get_async::<u32, _>("key", async { 1 }));
    let polled = smol::block_on(smol::future::poll_once(&mut asked));
    let got: Got<u32> = polled.expect("nothing is waited for");
    assert_eq!(got.unwrap(), 1);
}

#[test]
fn who_awaits_and_who_blocks_share_what_is_kept_and_each_build() {
    let memo = Memoizer::new(Encoded::new(HeapBytes::new()));
    let (runs, began) = (Runs::default(), Arc::new(Semaphore::new(0)));
    on_one_thread(async {
        let (leave, go) = tokio::sync::oneshot::channel::<()>();
        let leads = memo.get_async::<u32, _>("key", async {
            runs.one();
            began.add_permits(1);
            go.await.unwrap();
            7
        });
        let joins = async {
            began.acquire().await.unwrap().forget();
            let blocks = {
                let (memo, runs) = (memo.clone(), runs.clone());
                std::thread::spawn(move || {
                    memo.get::<u32, _>("key", || {
                        runs.one();
                        8
                    })
                })
            };
            // It has joined, or finds what was put: there is no third way.
            leave.send(()).unwrap();
            smol::unblock(move || blocks.join().unwrap()).await
        };
        let (led, joined): (Got<u32>, Got<u32>) = both(leads, joins).await;
        assert_eq!((led.unwrap(), joined.unwrap()), (7, 7));
    });
    assert_eq!(runs.count(), 1);
    assert_eq!(memo.get::<u32, _>("key", || 9).unwrap(), 7);
}

#[test]
fn six_hundred_builds_that_hold_leases_and_ask_for_others_come_to_their_end() {
    let memo = Memoizer::new(Encoded::new(HeapBytes::new()));
    on_one_thread(async {
        let all = Arc::new(tokio::sync::Barrier::new(600));
        let tasks: Vec<_> = (0..600)
            .map(|n| {
                let (memo, all) = (memo.clone(), Arc::clone(&all));
                tokio::spawn(async move {
                    let build = async {
                        // Each holds its lease by now.
                        all.wait().await;
                        let inner = format!("inner {}", n % 7);
                        let got: Got<u32> = memo.get_async(&inner, async { n % 7 }).await;
                        got.unwrap()
                    };
                    let got: Got<u32> = memo.get_async(&format!("outer {n}"), build).await;
                    assert_eq!(got.unwrap(), n % 7);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_call_that_is_dropped_while_it_waits_for_a_lease_leaves_none() {
    let gates = Gates::default();
    let heap = HeapBytes::new();
    let store = Encoded::new(Gated::new(heap, &gates));
    let memo = Memoizer::new(store);
    on_one_thread(async {
        gates.close("acquire");
        let waits = memo.get_async::<u32, _>("key", async { 1 });
        let gone = tokio::select! {
            biased;
            got = waits => Some::<Got<u32>>(got),
            // The heap's lease is held, by a thread.
            () = gates.came("acquire") => None,
        };
        assert!(gone.is_none());
        gates.open("acquire");
        let options = Options::new().on_lock_timeout(OnLockTimeout::Error);
        let got: Got<u32> = memo.get_with_async("key", options, async { 2 }).await;
        assert_eq!(got.unwrap(), 2, "the lease was free in the end");
    });
}

#[test]
fn a_call_that_is_dropped_while_it_builds_releases_its_lease_and_its_lock() {
    let gates = Gates::default();
    let lock = GatedLock {
        gates: gates.clone(),
        ..GatedLock::default()
    };
    let in_memory = Options::new().lock(lock.clone());
    let by_lease = Options::new();
    for options in [in_memory, by_lease] {
        let memo = Memoizer::new(Encoded::new(HeapBytes::new())).defaults(options);
        on_one_thread(async {
            let builds = memo.get_async::<u32, _>("key", std::future::pending::<u32>());
            let polled = smol::future::or(async { Some(builds.await) }, async {
                for _ in 0..50 {
                    _ = memo.exists_async("other").await;
                }
                None::<Got<u32>>
            });
            assert!(polled.await.is_none());
            let options = Options::new().on_lock_timeout(OnLockTimeout::Error);
            let got: Got<u32> = memo.get_with_async("key", options, async { 2 }).await;
            assert_eq!(got.unwrap(), 2);
        });
    }
    assert!(lock.held.lock().is_empty());
}

#[test]
fn a_lock_is_asked_off_the_thread_and_released_before_the_call_returns() {
    let gates = Gates::default();
    let lock = GatedLock {
        gates: gates.clone(),
        ..GatedLock::default()
    };
    let memo = Memoizer::in_memory();
    let options = Options::new().lock(lock.clone());
    for name in ["acquire", "release"] {
        everywhere(|_| async {
            memo.clear_async().await.unwrap();
            gates.close(name);
            let asks = memo.get_with_async::<u32, _>("key", &options, async { 1 });
            let opens = async {
                gates.came(name).await;
                gates.open(name);
            };
            let (got, ()): (Got<u32>, ()) = both(asks, opens).await;
            assert_eq!(got.unwrap(), 1);
            assert!(lock.held.lock().is_empty());
        });
    }
    assert!(gates.log().ends_with(&["acquire", "release"]));
}

#[test]
fn what_is_deleted_while_it_is_built_does_not_come_back() {
    let gates = Gates::default();
    for store in slow_stores(&gates) {
        for options in [Options::new(), Options::new().no_lock()] {
            everywhere(|_| async {
                let memo = Memoizer::new(store.clone()).defaults(options.clone());
                let began = Semaphore::new(0);
                let leave = Semaphore::new(0);
                let builds = memo.get_async::<u32, _>("key", async {
                    began.add_permits(1);
                    leave.acquire().await.unwrap().forget();
                    1
                });
                let deletes = async {
                    began.acquire().await.unwrap().forget();
                    memo.delete_async("key").await.unwrap();
                    leave.add_permits(1);
                };
                let (got, ()): (Got<u32>, ()) = both(builds, deletes).await;
                assert_eq!(got.unwrap(), 1, "who asked before gets it");
                assert!(!memo.exists_async("key").await.unwrap());
            });
        }
    }
}

#[test]
fn what_is_deleted_while_it_is_put_does_not_come_back() {
    let gates = Gates::default();
    for store in slow_stores(&gates) {
        on_one_thread(async {
            let memo = Memoizer::new(store).defaults(Options::new().no_lock());
            gates.close("put");
            let puts = memo.get_async::<u32, _>("key", async { 1 });
            let deletes = async {
                gates.came("put").await;
                let opens = async {
                    for _ in 0..50 {
                        _ = memo.exists_async("other").await;
                    }
                    gates.open("put");
                };
                both(memo.delete_async("key"), opens).await.0.unwrap();
            };
            let (got, ()): (Got<u32>, ()) = both(puts, deletes).await;
            assert_eq!(got.unwrap(), 1);
            assert!(!memo.exists_async("key").await.unwrap());
        });
    }
}

/// It goes on to put, on its thread.
#[test]
fn what_is_deleted_after_its_call_was_dropped_in_a_put_does_not_come_back() {
    let gates = Gates::default();
    for store in slow_stores(&gates) {
        for blocks in [false, true] {
            let memo = Memoizer::new(store.clone()).defaults(Options::new().no_lock());
            on_one_thread(async {
                gates.close("put");
                let puts = memo.get_async::<u32, _>("key", async { 1 });
                let gone = tokio::select! {
                    biased;
                    got = puts => Some::<Got<u32>>(got),
                    () = gates.came("put") => None,
                };
                assert!(gone.is_none());
                let opens = async {
                    for _ in 0..50 {
                        _ = memo.exists_async("other").await;
                    }
                    gates.open("put");
                };
                let deletes = async {
                    let memo = memo.clone();
                    match blocks {
                        true => smol::unblock(move || memo.delete("key")).await,
                        false => memo.delete_async("key").await,
                    }
                };
                both(deletes, opens).await.0.unwrap();
                assert!(!memo.exists_async("key").await.unwrap());
            });
        }
    }
}

#[test]
fn a_store_that_fails_is_a_miss_and_a_delete_that_fails_is_an_error() {
    let faults = Faults {
        errors: 1.0,
        ..Faults::NONE
    };
    let memo = Memoizer::new(Encoded::new(ChaosStore::new(HeapBytes::new(), faults, 7)));
    everywhere(|_| async {
        for n in 0..3 {
            let got: Got<u32> = memo.get_async("key", async { n }).await;
            assert_eq!(got.unwrap(), n);
        }
        assert!(!memo.exists_async("key").await.unwrap());
        assert_eq!(memo.ttl_async("key").await.unwrap(), None);
        assert!(memo.delete_async("key").await.is_err());
        assert!(memo.expire_async("key", Duration::ZERO).await.is_err());
        assert!(memo.clear_async().await.is_err());
    });
    assert!(memo.stats().store_faults >= 3);
}

#[test]
fn a_store_in_chaos_breaks_no_caller() {
    let faults = Faults {
        errors: 0.2,
        lost_replies: 0.2,
        truncations: 0.2,
        flips: 0.2,
        ..Faults::NONE
    };
    for seed in 0..4 {
        let store = ChaosStore::new(HeapBytes::new(), faults, seed);
        let memo = Memoizer::new(Encoded::new(store));
        everywhere(|_| async {
            for n in 0..200_u32 {
                let key = (n % 20).to_string();
                let got: Got<u32> = memo.get_async(&key, async { n % 20 }).await;
                assert_eq!(got.unwrap(), n % 20);
            }
        });
    }
}

#[test]
fn bytes_that_are_spoilt_are_built_anew() {
    let heap = HeapBytes::new();
    let memo = Memoizer::new(Encoded::new(heap.clone()));
    smol::block_on(async {
        let got: Got<u32> = memo.get_async("key", async { 1 }).await;
        assert_eq!(got.unwrap(), 1);
        heap.put("key", b"spoilt", None).unwrap();
        let got: Got<u32> = memo.get_async("key", async { 2 }).await;
        assert_eq!(got.unwrap(), 2);
        assert_eq!(memo.get::<u32, _>("key", || 3).unwrap(), 2);
    });
}

#[test]
fn a_function_keeps_its_results_in_a_slow_store() {
    static RUNS: std::sync::LazyLock<Runs> = std::sync::LazyLock::new(Runs::default);

    #[memoize(max_age = "1h")]
    async fn far(key: u32) -> u32 {
        RUNS.one();
        tokio::task::yield_now().await;
        key + 1
    }

    let gates = Gates::default();
    for store in slow_stores(&gates) {
        let before = RUNS.count();
        let memo = Memoizer::new(store);
        memo.scope(|| {
            on_one_thread(async {
                gates.close("get");
                let opens = async {
                    gates.came("get").await;
                    gates.open("get");
                };
                assert_eq!(both(far(1), opens).await.0, 2);
                assert_eq!(far(1).await, 2);
                let handle = far::function();
                assert!(handle.exists_async(1).await);
                assert!(handle.ttl_async(1).await.is_some());
                assert!(handle.entry_async(1).await.is_some());
                assert!(handle.last_etag_async(1).await.is_none());
                assert!(handle.expire_async(Duration::ZERO, 1).await.unwrap());
                assert!(!handle.exists_async(1).await);
                assert_eq!(far(1).await, 2);
                assert!(handle.delete_async(1).await.unwrap());
                assert!(!handle.delete_async(1).await.unwrap());
                assert_eq!(far(1).await, 2);
                handle.clear_async().await.unwrap();
                assert!(!handle.exists_async(1).await);
            });
        });
        assert_eq!(RUNS.count() - before, 3);
    }
}

#[test]
fn what_is_asked_can_be_sent_to_another_thread() {
    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }

    let memo = Memoizer::new(Encoded::new(HeapBytes::new()));
    smol::block_on(async {
        let got: Got<u32> = is_send(memo.get_async("key", async { 1 })).await;
        assert_eq!(got.unwrap(), 1);
        assert!(is_send(memo.exists_async("key")).await.unwrap());
        assert!(is_send(memo.ttl_async("key")).await.unwrap().is_none());
        assert!(
            is_send(memo.entry_async::<u32>("key"))
                .await
                .unwrap()
                .is_some()
        );
        let at = std::time::SystemTime::now() + Duration::from_secs(60);
        assert!(is_send(memo.expire_at_async("key", at)).await.unwrap());
        is_send(memo.invalidate_async(Group::tag("t")))
            .await
            .unwrap();
        is_send(memo.make_stale_async(Group::tag("t")))
            .await
            .unwrap();
        assert!(is_send(memo.delete_async("key")).await.unwrap());
        is_send(memo.clear_async()).await.unwrap();
    });
}

#[cfg(feature = "disk")]
#[test]
fn results_on_disk_are_kept_by_callers_that_await() {
    use mementos::store::disk::DiskStore;

    let dir = tempfile::tempdir().unwrap();
    let open = || {
        Memoizer::new(Encoded::new(
            DiskStore::open(dir.path().join("kept")).unwrap(),
        ))
    };
    everywhere(|runtime| async move {
        let key = format!("{runtime:?}");
        {
            let memo = open();
            let got: Got<u32> = memo.get_async(&key, async { 1 }).await;
            assert_eq!(got.unwrap(), 1);
        }
        let memo = open();
        let got: Got<u32> = memo.get_async(&key, async { 2 }).await;
        assert_eq!(got.unwrap(), 1);
        assert!(memo.delete_async(&key).await.unwrap());
        let got: Got<u32> = memo.get_async(&key, async { 3 }).await;
        assert_eq!(got.unwrap(), 3);
    });
}
