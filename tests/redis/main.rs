//! The Redis store on real servers, which each test starts for itself.

mod bytes;
mod cluster;
mod failures;
mod groups;
mod leases;
mod processes;
mod sentinel;
mod server;
#[cfg(feature = "testing")]
mod suites;
mod watching;
