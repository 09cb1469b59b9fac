use crate::{explore, spawn_here};
use mementos::store::{Store, StoreError};
use mementos::{Registry, memento};
use shuttle::sync::atomic::{AtomicU32, Ordering::SeqCst};
use shuttle::thread;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// Reads a source of truth, as a constructor does that opens a file.
struct Reading(u32);

#[memento(key())]
impl Reading {
    fn new(truth: &Arc<AtomicU32>) -> Self {
        let read = truth.load(SeqCst);
        thread::yield_now();
        Reading(read)
    }
}

/// Where the readings are kept.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    Strong,
    InAStoreThatTakesItsTime,
}

/// A store in which others may run before and after every step.
struct TakesItsTime(Mutex<BTreeMap<(), Arc<Reading>>>);

impl TakesItsTime {
    fn step<R>(
        &self,
        step: impl FnOnce(&mut BTreeMap<(), Arc<Reading>>) -> R,
    ) -> Result<R, StoreError> {
        thread::yield_now();
        let done = step(&mut self.0.lock().unwrap());
        thread::yield_now();
        Ok(done)
    }
}

impl Store<(), Arc<Reading>> for TakesItsTime {
    fn get(&self, key: &()) -> Result<Option<Arc<Reading>>, StoreError> {
        self.step(|map| map.get(key).cloned())
    }

    fn put(
        &self,
        key: (),
        reading: Arc<Reading>,
        _: Option<SystemTime>,
    ) -> Result<Option<Arc<Reading>>, StoreError> {
        self.step(|map| map.insert(key, reading))
    }

    fn delete(&self, key: &()) -> Result<Option<Arc<Reading>>, StoreError> {
        self.step(|map| map.remove(key))
    }

    fn clear(&self) -> Result<(), StoreError> {
        self.step(BTreeMap::clear)
    }

    fn entries(&self) -> Result<Vec<((), Arc<Reading>)>, StoreError> {
        self.step(|map| {
            map.iter()
                .map(|(key, reading)| (*key, Arc::clone(reading)))
                .collect()
        })
    }
}

/// The truth changes, then the reading of it is removed by `remove`; whoever asks
/// after that must not see the old one.
fn nothing_old_is_seen_after(kept: Kept, remove: impl Fn() + Send + Sync + Copy + 'static) {
    explore(move || {
        if kept == Kept::InAStoreThatTakesItsTime {
            let store = TakesItsTime(Mutex::default());
            Registry::current().keep_in::<Reading, _>(store).unwrap();
        }
        let truth = Arc::new(AtomicU32::new(1));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let truth = Arc::clone(&truth);
                spawn_here(move || {
                    Reading::memento(&truth);
                    Reading::memento(&truth);
                })
            })
            .collect();
        truth.store(2, SeqCst);
        remove();
        assert_eq!(Reading::memento(&truth).0, 2);
        if let Some(kept) = Reading::mementos().peek(()) {
            assert_eq!(kept.0, 2);
        }
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(Reading::memento(&truth).0, 2);
    });
}

#[test]
fn nothing_old_is_seen_after_a_removal() {
    nothing_old_is_seen_after(Kept::Strong, || drop(Reading::mementos().remove(())));
}

#[test]
fn nothing_old_is_seen_after_a_clear() {
    nothing_old_is_seen_after(Kept::Strong, || Reading::mementos().clear());
}

#[test]
fn nothing_old_is_seen_after_a_removal_from_a_slow_store() {
    nothing_old_is_seen_after(Kept::InAStoreThatTakesItsTime, || {
        drop(Reading::mementos().remove(()));
    });
}

#[test]
fn nothing_old_is_seen_after_clearing_a_slow_store() {
    nothing_old_is_seen_after(Kept::InAStoreThatTakesItsTime, || {
        Reading::mementos().clear();
    });
}

/// A caller may find by its second look what another has just removed. It may
/// answer itself with that, and nobody who asked after the removal.
#[test]
fn what_a_second_look_found_is_not_handed_to_later_callers() {
    explore(|| {
        let truth = Arc::new(AtomicU32::new(1));
        let ask = || {
            let truth = Arc::clone(&truth);
            spawn_here(move || drop(Reading::memento(&truth)))
        };
        let (first, second) = (ask(), ask());
        first.join().unwrap();
        truth.store(2, SeqCst);
        Reading::mementos().remove(());
        assert_eq!(Reading::memento(&truth).0, 2);
        second.join().unwrap();
    });
}

#[test]
fn removals_meet_without_hanging() {
    explore(|| {
        let truth = Arc::new(AtomicU32::new(1));
        let reader = {
            let truth = Arc::clone(&truth);
            spawn_here(move || Reading::memento(&truth).0)
        };
        let removers: Vec<_> = (0..2)
            .map(|_| spawn_here(|| drop(Reading::mementos().remove(()))))
            .collect();
        assert_eq!(reader.join().unwrap(), 1);
        for remover in removers {
            remover.join().unwrap();
        }
        assert!(Reading::mementos().building().is_empty());
    });
}
