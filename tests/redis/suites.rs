//! What every store must do, as the library has it for authors of stores.

use crate::cluster::Cluster;
#[cfg(feature = "async")]
use crate::face::Face;
#[cfg(feature = "async")]
use crate::sentinel;
use crate::server::Server;
use mementos::clock::FakeClock;
use mementos::store::bytes::Encoded;
use mementos::store::redis::RedisBuilder;
use mementos::store::{SharedStore, Tiered};
use mementos::testing::{byte_stores, memoizers};

fn encoded(builder: RedisBuilder) -> Encoded {
    // Memoizers under test move a clock of their own, forward: nothing may expire by
    // the server's clock before it does by theirs, and this one stands still.
    Encoded::new(builder.clock(FakeClock::new()).open().unwrap())
}

#[test]
fn one_server() {
    let server = Server::start();
    byte_stores::conform(|| server.builder().prefix("app:").open().unwrap());
}

#[test]
fn a_cluster() {
    let cluster = Cluster::start();
    byte_stores::conform(|| cluster.builder().prefix("app:").open().unwrap());
}

#[cfg(feature = "async")]
#[test]
fn one_server_awaited() {
    let server = Server::start();
    byte_stores::conform(|| Face::of(server.builder().prefix("app:")));
}

#[cfg(feature = "async")]
#[test]
fn a_cluster_awaited() {
    let cluster = Cluster::start();
    byte_stores::conform(|| Face::of(cluster.builder().prefix("app:")));
}

#[cfg(feature = "async")]
#[test]
fn the_master_of_a_sentinel_awaited() {
    let master = Server::start();
    let sentinel = sentinel::sentinel_of(&master);
    byte_stores::conform(|| Face(sentinel::store(&sentinel, "main")));
}

#[test]
fn memoizers_over_one_server() {
    let server = Server::start();
    memoizers::conform(|| encoded(server.builder()).into());
}

#[test]
fn memoizers_over_a_cluster() {
    let cluster = Cluster::start();
    memoizers::conform(|| encoded(cluster.builder()).into());
}

#[test]
fn memoizers_over_tiers() {
    let server = Server::start();
    let tiered = || -> SharedStore { Tiered::new(encoded(server.builder())).into() };
    memoizers::conform(tiered);
}
