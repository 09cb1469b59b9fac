//! The Redis store on real servers, which each test starts for itself.

#[cfg(feature = "async")]
mod awaited;
#[cfg(feature = "async")]
mod awaited_leases;
mod bytes;
mod cluster;
#[cfg(feature = "async")]
mod face;
mod failures;
mod groups;
#[cfg(feature = "testing")]
#[path = "../shared/later_version.rs"]
mod later_version;
mod leases;
mod processes;
mod proxy;
mod sentinel;
mod server;
#[cfg(feature = "testing")]
mod suites;
#[cfg(feature = "testing")]
mod versions;
mod watching;
