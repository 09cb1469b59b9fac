use crate::explore;
use mementos::store::{Lock, Store, StoreError};
use mementos::{
    AnyValue, BuildError, Entry, Function, Group, Memoized, Memoizer, Options, memoize,
};
use shuttle::sync::atomic::{AtomicU32, Ordering::SeqCst};
use shuttle::thread::{self, JoinHandle, spawn};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Reads a source of truth, as a function does that asks a server.
#[memoize(key())]
fn reading(truth: &Arc<AtomicU32>) -> u32 {
    let read = truth.load(SeqCst);
    thread::yield_now();
    read
}

/// Where readings are kept.
#[derive(Clone, Copy)]
enum Kept {
    InATable,
    InAStoreThatTakesItsTime,
    /// The same, in groups.
    ByTagInATable,
    ByGroupsInAStore,
}

impl Kept {
    fn memoizer(self) -> Memoizer {
        match self {
            Kept::InATable => Memoizer::in_memory(),
            Kept::InAStoreThatTakesItsTime => Memoizer::new(TakesItsTime::default()),
            Kept::ByTagInATable => Memoizer::in_memory().defaults(Options::new().tags(["t"])),
            Kept::ByGroupsInAStore => {
                let groups = Options::new().tags(["t"]).grouped(true);
                Memoizer::new(TakesItsTime::default()).defaults(groups)
            }
        }
    }
}

/// A store in which others may run before and after every step.
#[derive(Clone, Default)]
struct TakesItsTime(Arc<Mutex<BTreeMap<String, Entry<AnyValue>>>>);

impl TakesItsTime {
    fn step<R>(
        &self,
        step: impl FnOnce(&mut BTreeMap<String, Entry<AnyValue>>) -> R,
    ) -> Result<R, StoreError> {
        thread::yield_now();
        let done = step(&mut self.0.lock().unwrap());
        thread::yield_now();
        Ok(done)
    }
}

impl Store<String, Entry<AnyValue>> for TakesItsTime {
    fn get(&self, key: &String) -> Result<Option<Entry<AnyValue>>, StoreError> {
        self.step(|map| map.get(key).cloned())
    }

    fn put(
        &self,
        key: String,
        entry: Entry<AnyValue>,
        _: Option<SystemTime>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        self.step(|map| map.insert(key, entry))
    }

    fn delete(&self, key: &String) -> Result<Option<Entry<AnyValue>>, StoreError> {
        self.step(|map| map.remove(key))
    }

    fn clear(&self) -> Result<(), StoreError> {
        self.step(BTreeMap::clear)
    }

    fn entries(&self) -> Result<Vec<(String, Entry<AnyValue>)>, StoreError> {
        self.step(|map| map.clone().into_iter().collect())
    }
}

/// Runs `run` on a thread of its own, with functions kept by `memo`.
fn spawn_in<R: Send + 'static>(
    memo: &Memoizer,
    run: impl FnOnce(Memoizer) -> R + Send + 'static,
) -> JoinHandle<R> {
    let memo = memo.clone();
    spawn(move || memo.scope(|| run(memo.clone())))
}

/// The truth changes and `forget` is called; who asks after that must not see the
/// old reading.
fn nothing_old_is_seen_after(
    kept: Kept,
    forget: impl Fn(&Arc<AtomicU32>) + Send + Sync + Copy + 'static,
) {
    explore(move || {
        let memo = kept.memoizer();
        let truth = Arc::new(AtomicU32::new(1));
        let asking: Vec<_> = (0..2)
            .map(|_| {
                let truth = Arc::clone(&truth);
                spawn_in(&memo, move |_| reading(&truth))
            })
            .collect();
        memo.scope(|| {
            truth.store(2, SeqCst);
            forget(&truth);
            assert_eq!(reading(&truth), 2);
        });
        for asking in asking {
            assert!([1, 2].contains(&asking.join().unwrap()));
        }
        memo.scope(|| assert_eq!(reading(&truth), 2, "nothing old came back"));
    });
}

#[test]
fn nothing_old_is_seen_after_a_delete_in_a_table() {
    nothing_old_is_seen_after(Kept::InATable, |truth| {
        reading::delete(truth).unwrap();
    });
}

#[test]
fn nothing_old_is_seen_after_a_delete_in_a_slow_store() {
    nothing_old_is_seen_after(Kept::InAStoreThatTakesItsTime, |truth| {
        reading::delete(truth).unwrap();
    });
}

#[test]
fn nothing_old_is_seen_after_a_clear_in_a_table() {
    nothing_old_is_seen_after(Kept::InATable, |_| reading::clear().unwrap());
}

#[test]
fn nothing_old_is_seen_after_a_clear_in_a_slow_store() {
    nothing_old_is_seen_after(Kept::InAStoreThatTakesItsTime, |_| {
        reading::clear().unwrap();
    });
}

#[test]
fn nothing_old_is_seen_after_a_refresh_in_a_table() {
    nothing_old_is_seen_after(Kept::InATable, |truth| {
        reading::refresh(truth).unwrap();
    });
}

#[test]
fn nothing_old_is_seen_after_a_refresh_in_a_slow_store() {
    nothing_old_is_seen_after(Kept::InAStoreThatTakesItsTime, |truth| {
        reading::refresh(truth).unwrap();
    });
}

#[test]
fn nothing_old_is_seen_after_an_invalidation_in_a_table() {
    nothing_old_is_seen_after(Kept::ByTagInATable, |_| {
        Memoizer::current().invalidate(Group::tag("t")).unwrap();
    });
    nothing_old_is_seen_after(Kept::InATable, |_| {
        Memoizer::current().invalidate(Group::All).unwrap();
    });
}

#[test]
fn nothing_old_is_seen_after_a_table_was_made_stale() {
    nothing_old_is_seen_after(Kept::ByTagInATable, |_| {
        Memoizer::current().make_stale(Group::tag("t")).unwrap();
    });
    nothing_old_is_seen_after(Kept::InATable, |_| {
        Memoizer::current().make_stale(Group::All).unwrap();
    });
}

#[test]
fn nothing_old_is_seen_after_an_invalidation_in_a_slow_store() {
    nothing_old_is_seen_after(Kept::ByGroupsInAStore, |_| {
        Memoizer::current().invalidate(Group::tag("t")).unwrap();
    });
    nothing_old_is_seen_after(Kept::ByGroupsInAStore, |_| {
        Memoizer::current().invalidate(Group::All).unwrap();
    });
}

#[test]
fn nothing_old_is_seen_after_a_slow_store_was_made_stale() {
    nothing_old_is_seen_after(Kept::ByGroupsInAStore, |_| {
        Memoizer::current().make_stale(Group::tag("t")).unwrap();
    });
}

/// A call is the first to say a tag, while another settles that plain looks answer.
#[test]
fn a_plain_look_does_not_answer_with_what_has_a_tag() {
    #[memoize(key(n))]
    fn numbered(n: u32, truth: &Arc<AtomicU32>) -> u32 {
        _ = n;
        truth.load(SeqCst)
    }

    explore(|| {
        let memo = Memoizer::in_memory();
        let truth = Arc::new(AtomicU32::new(1));
        let plain = {
            let truth = Arc::clone(&truth);
            spawn_in(&memo, move |_| numbered(1, &truth))
        };
        memo.scope(|| {
            numbered::get(Options::new().tags(["t"]), 2, &truth).unwrap();
            truth.store(2, SeqCst);
            memo.invalidate(Group::tag("t")).unwrap();
            assert_eq!(numbered(2, &truth), 2);
        });
        plain.join().unwrap();
    });
}

#[test]
fn options_hold_for_calls_that_come_after_them() {
    explore(|| {
        let memo = Memoizer::in_memory();
        let truth = Arc::new(AtomicU32::new(1));
        memo.scope(|| reading(&truth));
        let asking = {
            let truth = Arc::clone(&truth);
            spawn_in(&memo, move |_| reading(&truth))
        };
        memo.scope(|| {
            truth.store(2, SeqCst);
            memo.set_defaults(|_| Options::new().namespace("other"));
            assert_eq!(reading(&truth), 2, "nothing is kept in that namespace");
        });
        assert!([1, 2].contains(&asking.join().unwrap()));
    });
}

#[test]
fn a_new_expiry_brings_nothing_back_that_was_deleted() {
    explore(|| {
        let store = TakesItsTime::default();
        let memo = Memoizer::new(store.clone());
        memo.get("key", || 1).unwrap();
        let expiring = spawn_in(&memo, |memo| {
            memo.expire("key", Duration::from_secs(60)).unwrap()
        });
        memo.delete("key").unwrap();
        assert!(store.0.lock().unwrap().is_empty());
        expiring.join().unwrap();
        assert!(store.0.lock().unwrap().is_empty());
    });
}

#[test]
fn a_new_expiry_does_not_undo_a_refresh() {
    explore(|| {
        let memo = Memoizer::new(TakesItsTime::default());
        memo.get("key", || 1).unwrap();
        let expiring = spawn_in(&memo, |memo| {
            memo.expire("key", Duration::from_secs(60)).unwrap()
        });
        memo.refresh("key", || 2).unwrap();
        expiring.join().unwrap();
        assert_eq!(memo.get("key", || 3).unwrap(), 2);
    });
}

#[test]
fn callers_for_many_keys_meet_and_build_each_key_once() {
    explore(|| {
        let memo = Memoizer::new(TakesItsTime::default());
        let runs = Arc::new(AtomicU32::new(0));
        let ask = |keys: [&'static str; 2]| {
            let runs = Arc::clone(&runs);
            spawn_in(&memo, move |memo| {
                let lengths: Vec<usize> = memo
                    .get_many(&keys, Options::new(), |missing| {
                        runs.fetch_add(missing.len() as u32, SeqCst);
                        thread::yield_now();
                        missing.iter().map(|key| key.len()).collect::<Vec<_>>()
                    })
                    .unwrap();
                assert_eq!(lengths, keys.map(str::len));
            })
        };
        let asking = [ask(["a", "bb"]), ask(["bb", "ccc"]), ask(["ccc", "a"])];
        asking.into_iter().for_each(|asking| asking.join().unwrap());
        assert_eq!(runs.load(SeqCst), 3);
    });
}

#[test]
fn two_functions_that_ask_for_each_other_get_an_error_and_do_not_hang() {
    #[memoize]
    fn ping(n: u32) -> Result<u32, BuildError<Infallible>> {
        thread::yield_now();
        pong::get(Options::new(), n)?
    }

    #[memoize]
    fn pong(n: u32) -> Result<u32, BuildError<Infallible>> {
        thread::yield_now();
        ping::get(Options::new(), n)?
    }

    fn is_circle(outcome: Result<u32, BuildError<Infallible>>) -> bool {
        outcome.is_err_and(|error| error.circle().is_some())
    }

    explore(|| {
        let memo = Memoizer::in_memory();
        let other = spawn_in(&memo, |_| is_circle(ping(1)));
        assert!(memo.scope(|| is_circle(pong(1))));
        assert!(other.join().unwrap());
    });
}

/// A lock by name that shuttle sees.
#[derive(Clone, Default)]
struct ByName(Arc<shuttle::sync::Mutex<bool>>, Arc<shuttle::sync::Condvar>);

impl Lock for ByName {
    fn acquire(&self, _: &str, _: Duration) -> Result<bool, StoreError> {
        let held = self.0.lock().unwrap();
        let mut held = self.1.wait_while(held, |held| *held).unwrap();
        *held = true;
        Ok(true)
    }

    fn release(&self, _: &str) {
        *self.0.lock().unwrap() = false;
        self.1.notify_all();
    }
}

#[test]
fn two_memoizers_with_one_store_and_one_lock_build_once() {
    explore(|| {
        let (store, lock) = (TakesItsTime::default(), ByName::default());
        let runs = Arc::new(AtomicU32::new(0));
        let asking: Vec<_> = (0..2)
            .map(|_| {
                let options = Options::new().lock(lock.clone());
                let memo = Memoizer::new(store.clone()).defaults(options);
                let runs = Arc::clone(&runs);
                spawn_in(&memo, move |memo| {
                    memo.get("key", || {
                        thread::yield_now();
                        runs.fetch_add(1, SeqCst)
                    })
                })
            })
            .collect();
        for asking in asking {
            assert_eq!(asking.join().unwrap().unwrap(), 0);
        }
        assert_eq!(runs.load(SeqCst), 1);
    });
}

#[test]
fn callers_of_a_failing_function_share_one_run_or_try_in_turn() {
    /// An error that cannot be cloned.
    #[derive(Debug)]
    struct Own;

    #[memoize(key())]
    fn fails(runs: &Arc<AtomicU32>) -> Result<u32, Own> {
        runs.fetch_add(1, SeqCst);
        thread::yield_now();
        Err(Own)
    }

    explore(|| {
        let memo = Memoizer::in_memory();
        let runs = Arc::new(AtomicU32::new(0));
        let asking: Vec<_> = (0..3)
            .map(|_| {
                let runs = Arc::clone(&runs);
                spawn_in(&memo, move |_| fails(&runs).is_err())
            })
            .collect();
        for asking in asking {
            assert!(asking.join().unwrap());
        }
        assert_eq!(runs.load(SeqCst), 3, "each has run it for itself");
        assert!(Function::<fails>::of(&memo).is_empty());
        assert!(fails::NAME.ends_with("fails"));
    });
}
