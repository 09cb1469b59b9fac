//! One pass over the files, by several threads.

use crate::hash::{Digest, digest};
use crate::tree::{Tree, Unreadable};
use mementos::Function;
use std::io;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a pass has brought.
#[derive(Debug)]
pub(crate) struct Pass {
    /// By path.
    pub(crate) digests: Vec<(PathBuf, Digest)>,
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) tally: Tally,
}

/// A pass in numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
    /// How many digests were computed.
    pub(crate) computed: u64,
    /// How many were kept from before.
    pub(crate) kept: u64,
    pub(crate) unreadable: usize,
    /// How long it took to have all digests.
    pub(crate) took: Duration,
}

type Answer = io::Result<Digest>;

/// Asks for the digest of every file once, and calls `tick` after each.
pub(crate) fn over(
    tree: Tree,
    function: &Function<digest>,
    threads: usize,
    tick: &(impl Fn() + Sync),
) -> Pass {
    function.count_hits(true);
    let (began, before) = (Instant::now(), function.stats());
    let answers = ask(&tree.files, function, threads, tick);
    let (took, after) = (began.elapsed(), function.stats());
    let (mut digests, mut unreadable) = (Vec::new(), tree.unreadable);
    for (path, answer) in tree.files.into_iter().zip(answers) {
        match answer {
            Ok(digest) => digests.push((path, digest)),
            Err(error) => unreadable.push(Unreadable { path, error }),
        }
    }
    let tally = Tally {
        files: digests.len(),
        bytes: digests.iter().map(|(_, digest)| digest.bytes).sum(),
        computed: after.builds - before.builds,
        kept: after.hits - before.hits,
        unreadable: unreadable.len(),
        took,
    };
    Pass {
        digests,
        unreadable,
        tally,
    }
}

/// The answers, in the order of the files. Each thread takes the next file that
/// nobody has taken.
fn ask(
    files: &[PathBuf],
    function: &Function<digest>,
    threads: usize,
    tick: &(impl Fn() + Sync),
) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut answers = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = files.get(at) else {
                return answers;
            };
            answers.push((at, function.call(path)));
            tick();
        }
    };
    let mut answers: Vec<(usize, Answer)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let answers = threads.into_iter().flat_map(|thread| {
            let answers = thread.join();
            answers.unwrap_or_else(|panic| resume_unwind(panic))
        });
        answers.collect()
    });
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
