//! Whether what is kept in memory, with its flights, is linearizable.

mod bad;
mod checker;
mod history;
mod model;
mod targets;

use crate::explore;
use history::{Answer, Ask, Build, Call, KEYS, Recorder};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, spawn};
use std::cell::Cell;
use std::sync::Arc;
use targets::Target;

/// Asks, and records what comes of it.
fn ask<T: Target>(target: &T, recorder: &Recorder, ask: Ask) {
    let built = Cell::new(None);
    let build = |fails: bool| {
        let version = recorder.version();
        let began = recorder.tick();
        thread::yield_now();
        let ended = recorder.tick();
        built.set(Some(Build { version, began, ended }));
        match fails {
            true => Err(version),
            false => Ok(version),
        }
    };
    let asked = recorder.tick();
    let answer = match ask {
        Ask::Get(key) => Answer::Got(target.get(key, &|| build(false))),
        Ask::Fail(key) => Answer::Got(target.get(key, &|| build(true))),
        Ask::Delete(key) => target.delete(key),
        Ask::Clear => {
            target.clear();
            Answer::Cleared
        }
        Ask::Expire(key) => match target.expire(key) {
            Some(answer) => answer,
            None => return,
        },
        Ask::See(key) => target.see(key),
    };
    let answered = recorder.tick();
    recorder.record(Call { ask, asked, answer, answered, build: built.get() });
}

/// Any question, more often about the first key, so that threads meet.
fn draw() -> Ask {
    let mut random = thread_rng();
    let key = usize::from(random.gen_ratio(1, 4));
    match random.gen_range(0..10) {
        0..=3 => Ask::Get(key),
        4 => Ask::Fail(key),
        5 | 6 => Ask::Delete(key),
        7 => Ask::Clear,
        8 => Ask::Expire(key),
        _ => Ask::See(key),
    }
}

/// Each thread goes through a script of its own. When all are done, each key is looked
/// at and got, so that what has been lost, or come back, shows.
fn run<T: Target>(scripts: Vec<Vec<Ask>>) {
    let target = T::new();
    let recorder = Arc::new(Recorder::default());
    let threads: Vec<_> = scripts
        .into_iter()
        .map(|script| {
            let (target, recorder) = (target.clone(), Arc::clone(&recorder));
            spawn(move || {
                for each in script {
                    ask(&target, &recorder, each);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|it| it.join().unwrap());
    for key in 0..KEYS {
        ask(&target, &recorder, Ask::See(key));
        ask(&target, &recorder, Ask::Get(key));
    }
    let history = recorder.history();
    assert!(
        checker::explains(T::PROMISES, &history),
        "no order of points explains this: {history:#?}"
    );
}

/// Scripts of so many threads, drawn anew for every schedule.
fn is_linear<T: Target>(threads: usize, asks: usize) {
    explore(move || {
        let script = |_| (0..asks).map(|_| draw()).collect();
        run::<T>((0..threads).map(script).collect());
    });
}

/// Who removes a key must not go before what is on its way into the store is there,
/// also where another removes it too.
#[test]
fn who_removes_second_waits_as_well() {
    explore(|| {
        let removes = vec![Ask::Delete(0), Ask::Get(0)];
        let scripts = || vec![vec![Ask::Get(0)], removes.clone(), removes.clone()];
        run::<targets::InAStore>(scripts());
        run::<targets::InAStoreOfInstances>(scripts());
    });
}

macro_rules! targets {
    ($($target:ident: $two:ident, $three:ident;)*) => {$(
        #[test]
        fn $two() {
            is_linear::<targets::$target>(2, 4);
        }

        #[test]
        fn $three() {
            is_linear::<targets::$target>(3, 3);
        }
    )*};
}

targets! {
    InATable: two_threads_in_a_table, three_threads_in_a_table;
    InAStore: two_threads_in_a_store, three_threads_in_a_store;
    InARegistry: two_threads_in_a_registry, three_threads_in_a_registry;
    InAStoreOfInstances:
        two_threads_in_a_store_of_instances, three_threads_in_a_store_of_instances;
}
