//! The Redis store on real servers, which each test starts for itself.

mod bytes;
mod cluster;
mod failures;
mod leases;
mod processes;
mod proxy;
mod sentinel;
mod server;
#[cfg(feature = "testing")]
mod suites;
mod watching;
