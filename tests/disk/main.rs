//! The store of bytes in one file.

mod compacting;
mod damage;
mod killed;
mod leases;
mod others;
mod rows;
mod sweeping;
mod threads;

mod support;
