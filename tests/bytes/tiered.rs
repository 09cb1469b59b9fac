//! Memory in front of a store of bytes.

use crate::support::*;
use mementos::clock::FakeClock;
use mementos::store::bytes::{ByteStore, Change, Encoded, Watch};
use mementos::store::{StoreError, Tiered};
use mementos::testing::HeapBytes;
use mementos::{Group, Memoizer, Options};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::SystemTime;

/// Bytes on the heap that count how often they are asked for, and can hold a reply
/// back.
#[derive(Clone, Default)]
struct Watched {
    heap: HeapBytes,
    asked: Arc<AtomicUsize>,
    /// Called with the reply at hand, before it is given.
    replying: Arc<parking_lot::Mutex<Option<Hold>>>,
    /// Whether they tell what changes in them.
    tells: bool,
}

type Hold = Arc<dyn Fn() + Send + Sync>;

impl Watched {
    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    fn hold(&self) {
        let replying = self.replying.lock().clone();
        if let Some(replying) = replying {
            replying();
        }
    }
}

impl ByteStore for Watched {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.asked.fetch_add(1, SeqCst);
        let reply = self.heap.get(key);
        self.hold();
        reply
    }

    fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.asked.fetch_add(1, SeqCst);
        let reply = self.heap.get_many(keys);
        self.hold();
        reply
    }

    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError> {
        let reply = self.heap.put(key, bytes, expires);
        self.hold();
        reply
    }

    fn watch(
        &self,
        told: Box<dyn Fn(Change<'_>) + Send + Sync>,
    ) -> Result<Option<Watch>, StoreError> {
        match self.tells {
            true => self.heap.watch(told),
            false => Ok(None),
        }
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.heap.delete(key)
    }

    fn keys(&self, prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
        self.heap.keys(prefix)
    }
}

fn tiered() -> (Memoizer, Watched, FakeClock) {
    let (far, clock) = (Watched::default(), FakeClock::new());
    let tiered = Tiered::new(Encoded::new(far.clone()))
        .no_older_than(secs(2))
        .clock(clock.clone());
    let memo = Memoizer::new(tiered).clock(clock.clone());
    (memo, far, clock)
}

#[test]
fn what_is_near_is_not_asked_for_again() {
    let (memo, far, clock) = tiered();
    another(&far.heap).get("key", || 1_u32).unwrap();
    let get = || memo.get("key", kept::<u32>).unwrap();
    assert_eq!((get(), get(), far.asked()), (1, 1, 1));
    clock.advance(secs(2));
    assert_eq!((get(), get(), far.asked()), (1, 1, 2));
}

#[test]
fn what_was_built_here_is_near() {
    let (memo, far, _) = tiered();
    memo.get("key", || 1_u32).unwrap();
    let asked = far.asked();
    assert_eq!(memo.get("key", kept::<u32>).unwrap(), 1);
    assert_eq!(far.asked(), asked);
    assert_eq!(another(&far.heap).get("key", kept::<u32>).unwrap(), 1);
}

#[test]
fn what_another_replaces_is_seen_when_the_bound_is_over() {
    let (memo, far, clock) = tiered();
    memo.get("key", || 1_u32).unwrap();
    another(&far.heap).refresh("key", || 2_u32).unwrap();
    assert_eq!(memo.get("key", kept::<u32>).unwrap(), 1);
    clock.advance(secs(2));
    assert_eq!(memo.get("key", kept::<u32>).unwrap(), 2);
}

#[test]
fn what_is_deleted_here_is_gone_at_once() {
    let (memo, far, _) = tiered();
    memo.get("key", || 1_u32).unwrap();
    assert!(memo.delete("key").unwrap());
    assert!(!memo.exists("key").unwrap());
    assert_eq!(memo.get("key", || 2_u32).unwrap(), 2);
    memo.clear().unwrap();
    assert!(far.heap.is_empty());
    assert_eq!(memo.get("key", || 3_u32).unwrap(), 3);
}

#[test]
fn ages_hold_near_and_far() {
    let (memo, _, clock) = tiered();
    let second = Options::new().max_age(secs(1));
    memo.get_with("key", &second, || 1_u32).unwrap();
    clock.advance(secs(1));
    assert_eq!(memo.get_with("key", &second, || 2_u32).unwrap(), 2);
    assert!(memo.expire("key", secs(0)).unwrap());
    assert_eq!(memo.get_with("key", &second, || 3_u32).unwrap(), 3);
}

#[test]
fn another_schema_is_a_miss_near_too() {
    let (memo, _, _) = tiered();
    let of = |number| Options::new().schema(number);
    memo.get_with("key", of(1), || 1_u32).unwrap();
    assert_eq!(memo.get_with("key", of(2), || 2_u32).unwrap(), 2);
}

#[test]
fn several_keys_ask_for_those_that_are_not_near() {
    let (memo, far, _) = tiered();
    memo.get("a", || 1_u32).unwrap();
    another(&far.heap).get("b", || 2_u32).unwrap();
    let asked = far.asked();
    let all = memo.get_many(&["a", "b"], Options::new(), |_| -> Vec<u32> {
        unreachable!("both are kept")
    });
    assert_eq!(all.unwrap(), [1, 2]);
    assert_eq!(far.asked(), asked + 1);
}

/// Does `change` when the reply to `ask` is at hand, and before it arrives.
fn overtake<R: Send>(far: &Watched, ask: impl FnOnce() -> R + Send, change: impl FnOnce()) -> R {
    let (replied, has_replied) = mpsc::channel();
    let (changed, has_changed) = mpsc::channel::<()>();
    let has_changed = parking_lot::Mutex::new(has_changed);
    *far.replying.lock() = Some(Arc::new(move || {
        replied.send(()).unwrap();
        has_changed.lock().recv().unwrap();
    }));
    thread::scope(|scope| {
        let asked = scope.spawn(ask);
        has_replied.recv().unwrap();
        *far.replying.lock() = None;
        change();
        changed.send(()).unwrap();
        asked.join().unwrap()
    })
}

#[test]
fn a_reply_that_was_overtaken_by_a_delete_is_not_kept() {
    const ROUNDS: u32 = 10_000;
    let (memo, far, _) = tiered();
    for round in 0..ROUNDS {
        another(&far.heap).get("key", || round).unwrap();
        let ask = || memo.entry::<u32>("key").unwrap().unwrap().into_value();
        let read = overtake(&far, ask, || assert!(memo.delete("key").unwrap()));
        assert_eq!(read, round);
        assert!(!memo.exists("key").unwrap());
        assert!(memo.entry::<u32>("key").unwrap().is_none(), "round {round}");
    }
}

#[test]
fn a_reply_to_several_keys_that_was_overtaken_by_a_delete_is_not_kept() {
    let (memo, far, _) = tiered();
    another(&far.heap).get("key", || 1_u32).unwrap();
    let ask = || {
        let all = memo.get_many(&["key"], Options::new(), |_| -> Vec<u32> {
            unreachable!("it is kept")
        });
        all.unwrap()
    };
    let read = overtake(&far, ask, || assert!(memo.delete("key").unwrap()));
    assert_eq!(read, [1]);
    assert!(memo.entry::<u32>("key").unwrap().is_none());
}

#[test]
fn a_reply_that_was_overtaken_by_a_clear_is_not_kept() {
    let (memo, far, _) = tiered();
    another(&far.heap).get("key", || 1_u32).unwrap();
    let ask = || memo.entry::<u32>("key").unwrap().unwrap().into_value();
    let read = overtake(&far, ask, || memo.clear().unwrap());
    assert_eq!(read, 1);
    assert!(memo.entry::<u32>("key").unwrap().is_none());
}

/// ```text
///   one caller                     another here
///   is sent the generation 1
///                                  invalidates: puts 2, here and there
///   does not keep 1 near
/// ```
#[test]
fn a_reply_that_was_overtaken_by_an_invalidation_is_not_kept() {
    let (memo, far, _) = tiered();
    let tagged = Options::new().tags(["t"]);
    let ask = |value: u32| memo.get_with("key", &tagged, || value).unwrap();
    another(&far.heap)
        .get_with("key", &tagged, || 1_u32)
        .unwrap();
    let invalidate = || memo.invalidate(Group::tag("t")).unwrap();
    assert_eq!(overtake(&far, || ask(2), invalidate), 1);
    assert_eq!(ask(3), 3, "what was built before has been invalidated");
}

#[test]
fn a_reply_that_was_overtaken_by_a_refresh_is_not_kept() {
    let (memo, far, _) = tiered();
    another(&far.heap).get("key", || 1_u32).unwrap();
    let ask = || memo.entry::<u32>("key").unwrap().unwrap().into_value();
    let refresh = || assert_eq!(memo.refresh("key", || 2_u32).unwrap(), 2);
    assert_eq!(overtake(&far, ask, refresh), 1);
    assert_eq!(memo.get("key", kept::<u32>).unwrap(), 2);
}

/// What was put here is replaced by another before this process knows that it was put.
#[test]
fn what_is_put_here_and_replaced_at_once_is_not_kept() {
    let far = Watched {
        tells: true,
        ..Watched::default()
    };
    let memo = Memoizer::new(Tiered::new(Encoded::new(far.clone())));
    let put = || memo.refresh("key", || 1_u32).unwrap();
    let replace = || {
        let replaced: u32 = another(&far.heap).refresh("key", || 2).unwrap();
        assert_eq!(replaced, 2);
    };
    assert_eq!(overtake(&far, put, replace), 1);
    assert_eq!(memo.get("key", kept::<u32>).unwrap(), 2);
}

#[test]
fn many_readers_and_a_deleter_see_nothing_old() {
    let (memo, _, _) = tiered();
    let (current, start) = (AtomicU32::new(0), Barrier::new(4));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..2_000 {
                    let least = current.load(SeqCst);
                    let seen: u32 = memo.get("key", || current.load(SeqCst)).unwrap();
                    assert!(seen >= least, "{seen} is older than {least}");
                }
            });
        }
        start.wait();
        for next in 1..2_000 {
            memo.delete("key").unwrap();
            memo.refresh("key", || next).unwrap();
            current.store(next, SeqCst);
        }
    });
}

/// Bytes that tell what changes in them, near and far.
fn watched() -> (Memoizer, HeapBytes) {
    let heap = HeapBytes::new();
    let far = Encoded::new(heap.clone());
    (Memoizer::new(Tiered::new(far)), heap)
}

#[test]
fn what_another_changes_is_seen_as_soon_as_it_is_told() {
    let (memo, heap) = watched();
    memo.get("key", || 1_u32).unwrap();
    another(&heap).refresh("key", || 2_u32).unwrap();
    assert_eq!(memo.get("key", kept::<u32>).unwrap(), 2);
    another(&heap).delete("key").unwrap();
    assert_eq!(memo.get("key", || 3_u32).unwrap(), 3);
    another(&heap).clear().unwrap();
    assert_eq!(memo.get("key", || 4_u32).unwrap(), 4);
}
