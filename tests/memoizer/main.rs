//! What memoizers and memoized functions promise, in one binary. Each test states
//! one promise and is named for it. Races are steered by signals, or by waiting
//! until something of the library's own says that the others have arrived; time is
//! moved by hand; nothing sleeps to wait for a race.

#![cfg(feature = "macros")]

mod circles;
mod conditional;
mod early;
mod entries;
mod flights;
mod freshness;
mod groups;
mod jobs;
mod locals;
mod locks;
mod options;
mod regions;
mod removal;
mod results;
mod scopes;
mod stats;
mod stores;
mod support;
mod sweeping;
mod timeouts;
