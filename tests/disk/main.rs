//! The store of bytes in one file.

mod compacting;
mod damage;
#[cfg(unix)]
mod full;
mod killed;
mod leases;
mod others;
mod rows;
#[cfg(feature = "testing")]
mod suites;
mod sweeping;
mod threads;

mod support;
