//! Whether what is kept in memory, with its flights, is linearizable.
//!
//! Threads ask, and what they ask and are answered is recorded in one order of time. A
//! history is right if each call can be given its points, in their order and within the
//! call, so that all points one after another are a run of the sequential model. The
//! model, by key:
//!
//! - **Kept** is nothing, a fresh version, or an expired one, which answers nobody.
//! - **A hit** is one point: that version is kept, and fresh.
//! - **A build** has four. *Enter*: no other flight for the key can be joined; from here
//!   on this one can. *Look*: nothing fresh is kept. Both lie before the function is run.
//!   *Publish*, after it has run: what was built is kept, unless the flight was voided
//!   or the function failed. *Land*: it can't be joined any more. Where results are kept
//!   in a table the last two are one point.
//! - **A joiner** has two. *Join*: the flight can be joined, which it can no more once
//!   it is voided. *Handed*: it has landed. The answer is what the flight brought, be it
//!   a version or an error, voided or not.
//! - **A delete** has two. *Void*: a flight that can be joined is voided. *Take*: nothing
//!   is kept, and the answer says what was. Between the two another may begin, publish,
//!   and have its value taken out; a build that begins after the delete is not touched.
//! - **A clear** voids each key in a point of its own, and then takes out all: in one
//!   point in a store that is one map, in one for each key in a sharded table.
//! - **An expiry at once** is one point: what is kept has expired. It voids nothing.
//! - **A look** is one point, and changes nothing.
//!
//! In a shared store an expiry is a flight, which brings two exceptions, that concern an
//! expiry and a removal that meet. The expiry may be given up for the removal, and then
//! says that nothing was kept; or it may put back, as expired, what the removal has just
//! taken out. And the removal may void and take out again, as often as it likes.

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
        built.set(Some(Build {
            version,
            began,
            ended,
        }));
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
    recorder.record(Call {
        ask,
        asked,
        answer,
        answered,
        build: built.get(),
    });
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

/// Two expiries in a row must not carry a value past a removal that meets both.
#[test]
fn what_expires_twice_does_not_outlive_a_removal() {
    explore(|| {
        for removal in [Ask::Delete(0), Ask::Clear] {
            let removes = vec![Ask::Get(0), removal, Ask::Expire(0)];
            run::<targets::InAStore>(vec![removes, vec![Ask::Expire(0)], vec![Ask::Expire(0)]]);
        }
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
