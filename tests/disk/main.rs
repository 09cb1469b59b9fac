//! The store of bytes in one file.

mod compacting;
mod damage;
mod killed;
mod leases;
mod rows;
mod sweeping;
mod threads;

mod support;
