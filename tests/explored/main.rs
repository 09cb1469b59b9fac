//! The promises of flights, graph and removal under explored schedules.
//!
//! Runs with `RUSTFLAGS="--cfg shuttle" cargo test --release --test explored`.
//! The library's locks are then shuttle's, which runs one thread at a time,
//! switches at every step that threads can see of each other, and reports a
//! deadlock when nobody can go on. Each test is run under many schedules: some
//! at random, some by probabilistic concurrency testing (Burckhardt et al., "A
//! Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010).

#![cfg(shuttle)]

mod biased;
mod circles;
mod flights;
mod functions;
mod linear;
mod removal;
mod slow;
mod stale;
mod sync;
mod weak;

use mementos::Registry;
use shuttle::thread::{JoinHandle, spawn};

/// How many schedules of each kind: `MEMENTOS_SCHEDULES`, or 2,000 if that is not
/// set.
fn schedules() -> usize {
    std::env::var("MEMENTOS_SCHEDULES").map_or(2000, |n| n.parse().unwrap())
}

/// Runs `test` in a registry of its own, under so many schedules of each kind.
fn explore(test: impl Fn() + Send + Sync + 'static) {
    let schedules = schedules();
    let test = std::sync::Arc::new(move || {
        Registry::new().scope(&test);
        assert_eq!(mementos::private::edges(), 0, "no edge is left behind");
    });
    let again = test.clone();
    shuttle::check_random(move || test(), schedules);
    shuttle::check_pct(move || again(), schedules, 4);
}

/// Spawns a thread that works in the same registry.
fn spawn_here<R: Send + 'static>(run: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    let here = Registry::current();
    spawn(move || here.scope(run))
}
