//! Results that are kept as bytes: what a memoizer promises over any store of bytes.

mod by_hand;
mod faults;
mod functions;
mod groups;
mod groups_of_processes;
#[path = "../shared/later_version.rs"]
mod later_version;
mod python;
mod stale;
mod suites;
mod support;
mod tiered;
mod versions;
