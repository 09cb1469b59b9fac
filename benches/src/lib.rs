//! mementos beside its peers.
//!
//! ```text
//! cargo bench -p mementos-benches                        # all five
//! cargo bench -p mementos-benches --bench hits           # one of them
//! cargo bench -p mementos-benches -- --quick             # a few seconds, to see that it runs
//! cargo bench -p mementos-benches --bench hits -- moka   # only subjects whose name says "moka"
//! ```
//!
//! | bench | what is measured |
//! |---|---|
//! | `hits` | one thread, 1,024 warm entries |
//! | `contention` | two threads at once, on one hot key and on 1,024 |
//! | `bytes` | results over Redis, beside a bare `GET`; memory in front of it |
//! | `cold` | a million distinct keys, none of them there |
//! | `functions` | `#[memoize]`: one thread, by the kind of key and by the number of entries, and cold |
//!
//! # How to read a table
//!
//! All subjects of a table are measured in one process, in turns: each round
//! measures every one once, in an order that changes from round to round. `ns`
//! is the median over the rounds. `ratio` is the median of the quotients with
//! the first row **of the same round**: what slows a whole round down (a
//! neighbour on the machine, a lower clock) cancels out, so compare ratios. Each
//! round is also taken from another depth of the stack, see `turns.rs`.
//!
//! `target` is what the project set itself, and whether it holds in this run.
//! It is reported, never asserted. In brackets is the ratio that it speaks of: with
//! the first row, or with the row that it names, of the same round. `slower` on a
//! peer's row means: slower than the row `mementos`.
//!
//! The same numbers are written to `benches/<name>.json` in cargo's target
//! directory.
//!
//! # What is fair
//!
//! Each subject is the code that its users write, behind a call that is not
//! inlined, with arguments the compiler knows nothing of. Values are `Arc`s
//! where the peer allows. Instances are as small as can be, so that it is the
//! map that is measured. Maps with a bound are given room for twice the entries,
//! and allocate it in advance if that is their way (quick_cache does): that
//! helps them when cold.

mod ask;
pub mod calls;
pub mod functions;
mod options;
pub mod ours;
pub mod peers;
mod report;
mod turns;

pub use ask::{ask, hits};
pub use options::Options;
pub use report::report;
pub use turns::{Group, Row, Subject, Target, Verdict, take_turns};

/// How many entries are warm.
pub const ENTRIES: usize = 1024;

/// What the peers keep.
#[derive(Debug)]
pub struct Thing(pub usize);

/// Distinct string keys in no sorted order. They are never freed.
pub fn keys(count: usize) -> &'static [&'static str] {
    let key = |n| &*format!("key-{n:08}").leak();
    shuffled(count).map(key).collect::<Vec<_>>().leak()
}

/// The numbers below `count`, each once, in no sorted order.
pub fn shuffled(count: usize) -> impl Iterator<Item = usize> {
    const STEP: usize = 389; // a prime that divides none of the counts in use
    (0..count).map(move |n| n * STEP % count)
}
