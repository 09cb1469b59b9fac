//! A byte store in Redis or Valkey: one server, the master that sentinels name, or
//! a cluster.
//!
//! | part | does one thing |
//! |---|---|
//! | `layout`, `slot` | what keys are called on the server, and where a cluster has them |
//! | `expiry` | how long the server is to keep something |
//! | `request`, `scripts` | what is sent |
//! | `deadline` | when an operation must be over, whatever it consists of |
//! | `connection`, `pool` | sockets, and who has which |
//! | `breaker` | keeps callers from a server that is down |
//! | `node` | one server: its pool and its breaker |
//! | `sentinel`, `cluster`, `slots`, `servers` | which server has which key |
//! | `link` | commands on the servers |
//! | `held`, `renewal`, `backoff`, `waiting`, `lease` | leases |
//! | `push`, `pulse`, `listener`, `listeners`, `watching` | what the servers tell by themselves |
//! | `builder`, `store` | what users name |
//!
//! Whoever waits, waits in `connection`, `pool` or `waiting`; the threads of watches
//! wait in `push` and `watching`.

#[cfg(feature = "async")]
mod awaited;
mod backoff;
mod breaker;
mod builder;
mod cluster;
mod connection;
mod deadline;
mod expiry;
mod fault;
mod held;
mod layout;
mod lease;
mod line;
mod link;
mod listener;
mod listeners;
mod node;
mod operations;
mod pool;
mod pulse;
mod push;
mod renewal;
mod request;
mod scan;
mod scripts;
mod sentinel;
mod servers;
#[cfg(feature = "async")]
mod shared;
mod slot;
mod slots;
mod store;
mod subscription;
#[cfg(feature = "async")]
mod told;
mod turn;
mod waiting;
mod watching;
mod way;

pub use builder::RedisBuilder;
pub use store::RedisStore;
