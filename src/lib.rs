//! One instance per key, one computation per key.
//!
//! **Instances.** `Thing::memento(args)` gives the same `Arc<Thing>` for the same
//! construction key, however many threads ask at once, and builds it once.
//!
//! ```
//! use mementos::memento;
//! use std::sync::Arc;
//!
//! struct Thing { name: String }
//!
//! #[memento]
//! impl Thing {
//!     fn new(name: &str) -> Self { Thing { name: name.to_owned() } }
//! }
//!
//! let one = Thing::memento("one");
//! assert!(Arc::ptr_eq(&one, &Thing::memento("one"))); // a hit: no allocation
//! ```
//!
//! **Functions.** A function's results are kept by its arguments, with ages, etags,
//! regions, namespaces, stores and locks.
//!
//! ```
//! use mementos::memoize;
//!
//! #[memoize(max_age = "60s")]
//! fn adder(a: i32, b: i32) -> i32 { a + b }
//!
//! assert_eq!(adder(1, 2), 3); // computed
//! assert_eq!(adder(1, 2), 3); // kept
//! assert!(adder::exists(1, 2));
//! adder::delete(1, 2).unwrap();
//! ```
//!
//! Either way a build runs with nothing locked, so it may ask for others; if builds
//! wait for each other in a circle, that is an error and not a hang.
//!
//! The pages in [`docs`] have [recipes](docs::recipes) for functions and the
//! [limitations](docs::limitations) of both.
//!
//! # Recipes for instances
//!
//! **A key that is not all of the arguments.** Name those that are identity, or
//! compute it:
//!
//! ```
//! # use mementos::memento;
//! struct Conn { url: String, retries: u32 }
//!
//! #[memento(key(url))]
//! impl Conn {
//!     fn new(url: &str, retries: u32) -> Self { Conn { url: url.to_owned(), retries } }
//! }
//!
//! struct Word(String);
//!
//! #[memento(key = |text: &str| text.to_lowercase())]
//! impl Word {
//!     fn new(text: &str) -> Self { Word(text.to_owned()) }
//! }
//!
//! assert_eq!(Conn::memento("db", 3).retries, Conn::memento("db", 5).retries);
//! assert_eq!(Word::memento("One").0, Word::memento("ONE").0);
//! # let _ = &Conn::memento("db", 1).url;
//! ```
//!
//! **A constructor that can fail.** Return a `Result`. The error goes to all who
//! asked meanwhile, and is not kept:
//!
//! ```
//! # use mementos::{BuildError, memento};
//! #[derive(Debug)]
//! struct Config(String);
//!
//! #[memento]
//! impl Config {
//!     fn new(path: &str) -> std::io::Result<Self> {
//!         std::fs::read_to_string(path).map(Config)
//!     }
//! }
//!
//! match Config::try_memento("/no/such/file") {
//!     Err(BuildError::Failed(failed)) => assert_eq!(failed.error().kind(), std::io::ErrorKind::NotFound),
//!     other => panic!("{other:?}"),
//! }
//! ```
//!
//! **How long instances live.** `keep = "strong"` (until removed, the default),
//! `"weak"` (while somebody holds one), `"pinned"` (weak, and the last
//! `capacity` used in any case), `"static"` (for ever, as `&'static`):
//!
//! ```
//! # use mementos::memento;
//! struct Session;
//!
//! #[memento(keep = "weak")]
//! impl Session {
//!     fn new(_user: u64) -> Self { Session }
//! }
//!
//! let held = Session::memento(7);
//! assert!(Session::mementos().contains(7));
//! drop(held);
//! assert!(!Session::mementos().contains(7));
//! ```
//!
//! **Tests that do not meet.** Run each in a registry of its own:
//!
//! ```
//! # use mementos::{Registry, memento};
//! # struct Session;
//! # #[memento]
//! # impl Session { fn new(_user: u64) -> Self { Session } }
//! Registry::new().scope(|| {
//!     Session::memento(7);
//!     assert_eq!(Session::mementos().len(), 1);
//! });
//! ```
//!
//! # What happens while something is built
//!
//! | the constructor or function | who leads the build | who asked meanwhile | the next caller |
//! |---|---|---|---|
//! | returns an instance or a value | gets it | get it | gets it |
//! | returns an error | gets it | get the same | builds anew |
//! | panics | gets the panic | get [`BuildError::Panicked`] | builds anew |
//! | closes a circle | gets [`BuildError::Recursion`] or [`BuildError::Cycle`] | get the same | builds anew |
//! | is overtaken by `remove`, `delete`, `clear` or an invalidation | gets the result | get it, if they asked before that | builds anew |
//!
//! A function's own error is part of its result; one that has no `Clone` is its
//! caller's alone, and those who waited run the function themselves.
//!
//! # What it costs
//!
//! A hit hashes the borrowed arguments once, says in a slot of its thread's that it
//! reads a shard, and clones an `Arc`. It allocates nothing, reads no clock, and writes
//! no shared counter unless counting is on. `keep = "static"` takes no lock and writes
//! nothing at all. A function's hit copies its value out, or clones it with nothing
//! locked; it reads a clock only where an age is asked for, and then the kernel's
//! coarse one. The README has figures, and the command that measures them.
//!
//! # Features
//!
//! | feature | gives | on by default |
//! |---|---|---|
//! | `macros` | `#[memento]`, `#[memoize]`, `#[derive(Key)]` | yes |
//! | `async` | constructors and functions that are awaited, on any runtime | no |
//! | `bounded` | a store with a bound, on quick_cache; `capacity` | no |
//! | `bytes` | results as bytes: [`store`]s of them, codecs, leases | no |
//! | `disk` | `store::disk`: bytes in one file for several processes, on redb; needs Rust 1.90 | no |
//! | `metrics` | `MetricsObserver` | no |
//! | `redis` | a byte store in Redis or Valkey, by one server, Sentinel or Cluster; with `async`, for callers that await too | no |
//! | `opendal` | results in any storage that OpenDAL reaches | no |
//! | `serde` | [`Regions`] from a file, a [`Snapshot`] as data | no |
//! | `testing` | what every store must do, and stores that fail on purpose | no |
//! | `tracing` | `TracingObserver` | no |
//! | `full` | all of them | no |
//!
//! `opendal`, and with it `full`, needs Rust 1.91, as opendal 0.59 does; all else
//! needs 1.88.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

mod answered;
pub mod background;
mod built;
pub mod clock;
mod coding;
mod context;
mod decide;
pub mod docs;
mod drive;
mod entry;
pub mod error;
mod etag;
mod factory;
mod flight;
mod generation;
mod group;
mod held;
pub mod key;
mod luck;
#[cfg(feature = "macros")]
mod macros;
mod memento;
mod memoizer;
mod options;
#[doc(hidden)]
pub mod private;
mod refresh;
mod region;
mod registry;
mod scope;
mod stats;
pub mod store;
mod sync;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod wakers;

pub use answered::{Answered, Detailed};
pub use built::{Built, Kept};
pub use coding::{Codec, Coding};
pub use context::Context;
pub use entry::{AnyValue, Entry};
pub use error::{BuildError, MemoError, RegionError};
pub use etag::{Etag, IntoEtag};
pub use factory::{FactoryBuilder, KeyFunction, MementoFactory, memento_factory};
pub use group::Group;
pub use key::Key;
#[cfg(feature = "macros")]
pub use macros::{Key, memento, memoize};
#[cfg(feature = "async")]
pub use memento::MementoAsync;
pub use memento::{Memento, Mementos, Outcome};
#[cfg(feature = "async")]
pub use memoizer::MemoizedAsync;
#[cfg(feature = "metrics")]
pub use memoizer::MetricsObserver;
#[cfg(feature = "tracing")]
pub use memoizer::TracingObserver;
pub use memoizer::{
    Event, Function, LocalFunction, Memoized, Memoizer, Observer, Origin, Rules, Shareable,
};
pub use options::{Answer, OnLockTimeout, Options, Setting};
pub use region::Regions;
pub use registry::{Building, Claim, Claimed, FactoryId, Partition, Registry, Row, Snapshot};
pub use stats::Stats;
pub use store::Keep;

/// The README's examples run as tests.
#[cfg(all(doctest, feature = "macros"))]
#[doc = include_str!("../README.md")]
struct Readme;
