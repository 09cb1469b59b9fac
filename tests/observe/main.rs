//! Who is told what: observers, and the ones for `tracing` and `metrics`.

#![cfg(feature = "macros")]

mod callbacks;
mod events;
#[cfg(feature = "metrics")]
mod measured;
mod support;
#[cfg(feature = "tracing")]
mod traced;
