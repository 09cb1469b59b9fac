//! A store of bytes in one file: [`DiskStore`].
//!
//! | part | does one thing |
//! |---|---|
//! | `options` | what a user chooses, before the file is opened |
//! | `beginning` | has a new file come to its place as a whole |
//! | `opening` | opens the file, or says what is wrong with it; moves it aside |
//! | `file` | transactions on the open file; opens it again after a failure |
//! | `tables` | the rows in the file, and what changes them together |
//! | `group` | puts of several threads at once share a transaction |
//! | `core` | the file and the group, which the store and its leases share |
//! | `leases`, `renewal` | leases as rows, and the thread that renews them |
//! | `store` | the store itself: keys and bytes in, rows out |

mod backoff;
mod beginning;
mod core;
mod error;
mod file;
mod group;
mod leases;
mod opening;
mod options;
mod renewal;
mod store;
mod tables;
mod time;

pub use error::{DiskError, DiskFault};
pub use options::{Check, DiskOptions, IfDamaged};
pub use store::DiskStore;
