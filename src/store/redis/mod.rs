//! A byte store in Redis or Valkey: one server, the master that sentinels name, or
//! a cluster.
//!
//! | part | does one thing |
//! |---|---|
//! | `layout`, `slot` | what keys are called on the server, and where a cluster has them |
//! | `expiry` | how long the server is to keep something |
//! | `request`, `scripts` | what is sent |
//! | `way` | how a caller waits: it blocks, or it awaits |
//! | `deadline` | when an operation must be over, whatever it consists of |
//! | `connection`, `pool` | sockets, and who of those that block has which |
//! | `shared` | the connection of all who await |
//! | `line` | what the two have in common |
//! | `left` | what callers who awaited may have left under way |
//! | `breaker` | keeps callers from a server that is down |
//! | `node` | one server: its connections and its breaker |
//! | `turn` | has one caller at a time do something, whichever way it waits |
//! | `sentinel`, `cluster`, `slots`, `servers` | which server has which key |
//! | `link`, `scan` | commands on the servers |
//! | `operations` | what the store does |
//! | `held`, `renewal`, `backoff`, `waiting`, `lease` | leases |
//! | `subscription`, `told` | hearing that a lease was released |
//! | `push`, `pulse`, `listener`, `listeners`, `watching` | what the servers tell by themselves |
//! | `builder`, `store`, `awaited` | what users name |
//!
//! From `node` up to `operations` and `lease` all is written once, as futures. Those of
//! whoever blocks are ready when they are polled: it waits in `connection` and `pool`, and
//! where it has nothing to ask, in `turn` and `waiting`, on its thread. Those of whoever
//! awaits are polled on one thread of this crate, and wait in `shared`, `told`, `turn` and
//! `waiting`. The threads of watches wait in `push` and `watching`.

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
#[cfg(feature = "async")]
mod left;
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
