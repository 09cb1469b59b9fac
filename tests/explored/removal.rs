use crate::{explore, spawn_here};
use mementos::memento;
use shuttle::sync::atomic::{AtomicU32, Ordering::SeqCst};
use shuttle::thread;
use std::sync::Arc;

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

/// The truth changes, then the reading of it is removed by `remove`; whoever asks
/// after that must not see the old one.
fn nothing_old_is_seen_after(remove: impl Fn() + Send + Sync + Copy + 'static) {
    explore(move || {
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
    nothing_old_is_seen_after(|| drop(Reading::mementos().remove(())));
}

#[test]
fn nothing_old_is_seen_after_a_clear() {
    nothing_old_is_seen_after(|| Reading::mementos().clear());
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
