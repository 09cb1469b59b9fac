//! Asking for packages: from several threads at once, and against the clock.

use crate::Fault;
use crate::lock_file::{LockFile, PackageId};
use crate::package::{Package, Unbuilt};
use mementos::{Registry, Stats};
use std::panic::resume_unwind;
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const THREADS: usize = 8;

/// How many packages are built at most to see what it costs not to share.
const LIMIT: u64 = 200_000;

/// A thread with room for the deepest chain, which has no more packages than the
/// file. Memory is taken only as it is used.
pub(crate) fn roomy(file: &LockFile) -> thread::Builder {
    const FOR_ONE: usize = 16 * 1024;
    thread::Builder::new().stack_size((2 << 20) + FOR_ONE * file.entries().len())
}

/// What several threads were given.
pub(crate) struct Shared {
    /// Where the instances are.
    pub(crate) registry: Registry,
    /// By thread, then by the package's place in the file.
    pub(crate) answers: Vec<Vec<Arc<Package>>>,
}

impl Shared {
    /// What the first thread was given.
    pub(crate) fn packages(&self) -> &[Arc<Package>] {
        &self.answers[0]
    }
}

/// Asks for every package from every thread, each in an order of its own.
pub(crate) fn from_threads(file: &LockFile) -> Result<Shared, Fault> {
    let registry = Registry::new();
    registry.count_hits(true);
    // Nobody begins before all are there. A lock, and not a barrier: should a
    // thread fail to start, the others are let go.
    let gate = RwLock::new(());
    let answers: Result<Vec<_>, Fault> = thread::scope(|scope| {
        let closed = gate.write();
        let mut asking = Vec::new();
        for number in 0..THREADS {
            let (registry, gate) = (&registry, &gate);
            asking.push(roomy(file).spawn_scoped(scope, move || {
                drop(gate.read());
                registry.scope(|| every_package(file, number))
            })?);
        }
        drop(closed);
        let answers = asking.into_iter().map(|thread| {
            let answers = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            answers.map_err(Fault::from)
        });
        answers.collect()
    });
    Ok(Shared {
        answers: answers?,
        registry,
    })
}

/// Every package, by place in the file. The thread's number says where to begin
/// and which way to go.
fn every_package(file: &LockFile, number: usize) -> Result<Vec<Arc<Package>>, Unbuilt> {
    let len = file.entries().len();
    let mut order: Vec<usize> = (0..len).collect();
    order.rotate_left(number * len / THREADS);
    if number % 2 == 1 {
        order.reverse();
    }
    let mut answers = Vec::with_capacity(len);
    for at in order {
        answers.push((at, Package::try_memento(&file.entries()[at].id, file)?));
    }
    answers.sort_by_key(|(at, _)| *at);
    Ok(answers.into_iter().map(|(_, package)| package).collect())
}

/// The same packages on one thread, with and without sharing.
pub(crate) struct Timing {
    pub(crate) shared: Duration,
    pub(crate) stats: Stats,
    pub(crate) unshared: Duration,
    /// How many were built without sharing, until the end or the limit.
    pub(crate) built: u64,
}

/// Builds what `roots` begin, in a registry and without one.
pub(crate) fn timing(file: &LockFile, roots: &[&PackageId]) -> Result<Timing, Unbuilt> {
    let (shared, stats) = shortest(|| shared(file, roots))?;
    let (unshared, built) = shortest(|| unshared(file, roots))?;
    Ok(Timing {
        shared,
        stats,
        unshared,
        built,
    })
}

/// The shortest of several runs. A long one stands alone: chance cannot be much
/// of it.
fn shortest<T>(run: impl Fn() -> Result<(Duration, T), Unbuilt>) -> Result<(Duration, T), Unbuilt> {
    const RUNS: usize = 5;
    const LONG: Duration = Duration::from_millis(50);
    let mut best = run()?;
    for _ in 1..RUNS {
        if best.0 >= LONG {
            break;
        }
        let next = run()?;
        if next.0 < best.0 {
            best = next;
        }
    }
    Ok(best)
}

/// In a new registry: the time, and what happened there.
fn shared(file: &LockFile, roots: &[&PackageId]) -> Result<(Duration, Stats), Unbuilt> {
    let registry = Registry::new();
    registry.count_hits(true);
    let began = Instant::now();
    registry.scope(|| {
        roots
            .iter()
            .try_for_each(|root| Package::try_memento(root, file).map(drop))
    })?;
    Ok((began.elapsed(), registry.mementos::<Package, _>().stats()))
}

/// One tree after another: the time that building took, dropping aside, and how
/// many were built.
fn unshared(file: &LockFile, roots: &[&PackageId]) -> Result<(Duration, u64), Unbuilt> {
    let mut took = Duration::ZERO;
    let mut left = LIMIT;
    for root in roots {
        let began = Instant::now();
        let tree = anew(root, file, &mut left);
        took += began.elapsed();
        match tree {
            Ok(_) => {}
            Err(Stop::Limit) => break,
            Err(Stop::Unbuilt(error)) => return Err(error),
        }
    }
    Ok((took, LIMIT - left))
}

enum Stop {
    Limit,
    Unbuilt(Unbuilt),
}

impl From<Unbuilt> for Stop {
    fn from(error: Unbuilt) -> Self {
        Stop::Unbuilt(error)
    }
}

/// The very constructor, with a new instance for every reference.
fn anew(id: &PackageId, file: &LockFile, left: &mut u64) -> Result<Arc<Package>, Stop> {
    *left = left.checked_sub(1).ok_or(Stop::Limit)?;
    Package::assemble(id, file, |dependency| anew(dependency, file, left)).map(Arc::new)
}
