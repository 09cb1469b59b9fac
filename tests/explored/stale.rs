//! Stale values that are refreshed in the background.

use crate::explore;
use mementos::background::{Background, Full, Work};
use mementos::clock::FakeClock;
use mementos::{Memoizer, Options};
use shuttle::sync::atomic::{AtomicU32, Ordering::SeqCst};
use shuttle::thread::{self, JoinHandle, spawn};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A thread for each piece of work.
#[derive(Clone, Default)]
struct Threads(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Background for Threads {
    fn run(&self, work: Work) -> Result<(), Full> {
        self.0.lock().unwrap().push(spawn(work));
        Ok(())
    }
}

impl Threads {
    fn join(&self) {
        loop {
            let next = self.0.lock().unwrap().pop();
            match next {
                Some(thread) => thread.join().unwrap(),
                None => return,
            }
        }
    }
}

fn options() -> Options {
    let minute = Duration::from_secs(60);
    Options::new().max_age(minute).stale_for(minute)
}

/// A memoizer in which "key" is stale, as 1.
fn stale() -> (Memoizer, Threads) {
    let (clock, threads) = (FakeClock::new(), Threads::default());
    let memo = Memoizer::in_memory()
        .clock(clock.clone())
        .background(threads.clone());
    memo.get_with("key", options(), || 1_u32).unwrap();
    clock.advance(Duration::from_secs(60));
    (memo, threads)
}

/// Asks a source of truth, which takes a while.
fn ask(memo: &Memoizer, truth: &Arc<AtomicU32>, options: Options) -> u32 {
    let truth = Arc::clone(truth);
    let read = move || {
        let read = truth.load(SeqCst);
        thread::yield_now();
        read
    };
    memo.get_refreshing("key", options, read).unwrap()
}

#[test]
fn of_all_who_find_a_value_stale_one_has_it_refreshed_once() {
    explore(|| {
        let (memo, threads) = stale();
        let truth = Arc::new(AtomicU32::new(2));
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let (memo, truth) = (memo.clone(), Arc::clone(&truth));
                spawn(move || assert!([1, 2].contains(&ask(&memo, &truth, options()))))
            })
            .collect();
        callers.into_iter().for_each(|it| it.join().unwrap());
        threads.join();
        assert_eq!(memo.stats().builds, 2, "the first, and one more");
        assert_eq!(ask(&memo, &truth, options()), 2);
    });
}

#[test]
fn who_insists_on_fresh_meanwhile_adds_no_build() {
    explore(|| {
        let (memo, threads) = stale();
        let truth = Arc::new(AtomicU32::new(2));
        let (other, asked) = (memo.clone(), Arc::clone(&truth));
        let insists = spawn(move || ask(&other, &asked, options().only_fresh(true)));
        ask(&memo, &truth, options());
        assert_eq!(insists.join().unwrap(), 2);
        threads.join();
        assert_eq!(memo.stats().builds, 2);
    });
}

#[test]
fn what_was_read_before_a_removal_is_not_kept_after_it() {
    explore(|| {
        let (memo, threads) = stale();
        let truth = Arc::new(AtomicU32::new(1));
        let (other, changed) = (memo.clone(), Arc::clone(&truth));
        let removes = spawn(move || {
            changed.store(2, SeqCst);
            other.delete("key").unwrap();
        });
        ask(&memo, &truth, options());
        removes.join().unwrap();
        threads.join();
        assert_eq!(ask(&memo, &truth, options()), 2);
    });
}

#[test]
fn a_refresh_that_fails_is_tried_once() {
    explore(|| {
        let (memo, threads) = stale();
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let memo = memo.clone();
                let build = || Err::<u32, _>("no");
                let ask = move || memo.get_refreshing::<u32, _>("key", options(), build);
                spawn(move || assert_eq!(ask().unwrap(), 1))
            })
            .collect();
        // By its own function, which fails as well, and waits for that.
        let waits = options().no_soft_timeout();
        let got = memo.get_with::<u32, _>("key", waits, || Err("no"));
        assert_eq!(got.unwrap(), 1);
        callers.into_iter().for_each(|it| it.join().unwrap());
        threads.join();
        assert_eq!(memo.stats().failures, 1);
    });
}
