//! An HTTP service over the function cache, with an upstream that is slow, fails and
//! changes, and a page on which its cache can be watched.
//!
//! ```sh
//! cargo run --release -p mementos-service -- --upstream-latency 200ms --upstream-failing 0.5
//! ```
//!
//! prints two addresses: of the service, and of the upstream that it asks. The page is at
//! `/` of the service. To have something to watch:
//!
//! ```sh
//! while sleep 0.1; do curl -s -i http://127.0.0.1:8080/articles/$((RANDOM % 20)) | grep -i answered; done
//! ```
//!
//! | route | answers with |
//! |---|---|
//! | `GET /articles/{id}` | an article, or `304` if `If-None-Match` has its etag; the header `Answered` says [how](mementos::Answered) the answer came about |
//! | `GET /pages/{number}` | the numbers of the articles on a page, by a `#[memoize]` function |
//! | `GET /metrics` | metrics for Prometheus |
//! | `GET /` | the page |
//! | `GET /api/inspect` | what the page shows, as JSON |
//! | `DELETE /api/keys/{key}` | nothing; the key is forgotten, in memory and in Redis |
//! | `PUT /api/upstream` | nothing; the upstream behaves so from now on: `{"latency_ms": 200, "failing": 0.5}` |
//!
//! What to look at on the page:
//!
//! - With an upstream that fails half the time, requests that find an article stale get it
//!   at once, and none gets an error: a refresh that fails is tried again by a later
//!   request. A request for which nothing is kept has nothing to fall back on, so its build
//!   asks the upstream again and again, within the hard timeout.
//! - With one that fails always, articles are served while they are stale (`--stale-for`),
//!   and `502` after that.
//! - Most refreshes end with *not modified*: the upstream is told the etag of what is kept.
//! - With `--redis redis://127.0.0.1`, a second process finds what the first has built. Stop
//!   that server: each is answered from memory, and the page says what fails.
//!
//! Anybody who reaches the service can delete keys, and change the upstream: it is an
//! example, and listens on the loopback interface if nothing else is said.

mod arguments;
mod cache;
pub mod catalogue;
mod client;
mod etags;
mod inspect;
mod pages;
mod routes;
mod server;
mod source;
mod tally;
mod upstream;
mod watch;

pub use arguments::{Asked, Settings, USAGE};
pub use server::Running;
