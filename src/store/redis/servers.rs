use super::cluster::Cluster;
use super::connection::Server;
use super::deadline::Deadline;
use super::fault::Fault;
use super::node::{Answer, Node};
use super::request::Request;
use super::sentinel::Sentinel;
use std::sync::Arc;

/// Where the servers are, as the user says it.
#[derive(Clone, Debug)]
pub(super) enum Place {
    One(Server),
    /// The sentinels, and the name of the master.
    Sentinel(Vec<Server>, String, Server),
    /// Some nodes: at least one.
    Cluster(Vec<Server>),
}

/// Which server has which key.
pub(super) enum Servers {
    One(Arc<Node>),
    Sentinel(Sentinel),
    Cluster(Cluster),
}

/// Keys that one node has, by their places in a list.
pub(super) struct Group {
    pub(super) node: Arc<Node>,
    pub(super) places: Vec<usize>,
}

impl Servers {
    /// Nothing is connected to yet.
    pub(super) fn at(place: Place, connections: usize) -> Self {
        match place {
            Place::One(server) => Servers::One(Arc::new(Node::new(server, connections))),
            Place::Sentinel(sentinels, master, like) => {
                Servers::Sentinel(Sentinel::new(&sentinels, master, like, connections))
            }
            Place::Cluster(seeds) => Servers::Cluster(Cluster::new(&seeds, connections)),
        }
    }

    /// Asks the server that has `key`, by its name there.
    pub(super) async fn ask(
        &self,
        key: &str,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Answer, Fault> {
        match self {
            Servers::One(node) => node.ask_one(request, deadline).await,
            Servers::Sentinel(sentinel) => {
                let master = sentinel.master(deadline).await?;
                master.ask_one(request, deadline).await
            }
            Servers::Cluster(cluster) => cluster.ask(key, request, deadline).await,
        }
    }

    /// The server that has `key`, as far as is known.
    pub(super) async fn node_of(&self, key: &str, deadline: Deadline) -> Result<Arc<Node>, Fault> {
        match self {
            Servers::One(node) => Ok(node.clone()),
            Servers::Sentinel(sentinel) => sentinel.master(deadline).await,
            Servers::Cluster(cluster) => cluster.node_of(key, deadline).await,
        }
    }

    /// All servers that have keys.
    pub(super) async fn masters(&self, deadline: Deadline) -> Result<Vec<Arc<Node>>, Fault> {
        match self {
            Servers::One(node) => Ok(vec![node.clone()]),
            Servers::Sentinel(sentinel) => Ok(vec![sentinel.master(deadline).await?]),
            Servers::Cluster(cluster) => cluster.masters(deadline).await,
        }
    }

    /// As [`masters`](Self::masters), and a cluster is asked even if it is known.
    pub(super) async fn masters_anew(&self, deadline: Deadline) -> Result<Vec<Arc<Node>>, Fault> {
        match self {
            Servers::Cluster(cluster) => cluster.masters_anew(deadline).await,
            _ => self.masters(deadline).await,
        }
    }

    /// `names` by the node that has them.
    pub(super) async fn grouped(
        &self,
        names: &[String],
        deadline: Deadline,
    ) -> Result<Vec<Group>, Fault> {
        let Servers::Cluster(cluster) = self else {
            let places = (0..names.len()).collect();
            let node = self.masters(deadline).await?.remove(0);
            return Ok(vec![Group { node, places }]);
        };
        let mut groups: Vec<Group> = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let node = cluster.node_of(name, deadline).await?;
            match groups.iter_mut().find(|g| Arc::ptr_eq(&g.node, &node)) {
                Some(group) => group.places.push(place),
                None => groups.push(Group {
                    node,
                    places: vec![place],
                }),
            }
        }
        Ok(groups)
    }

    /// Whether all keys are on one server, so that one command may name several.
    pub(super) fn is_one(&self) -> bool {
        !matches!(self, Servers::Cluster(_))
    }

    /// Has it looked up again where the keys are, before the next command.
    pub(super) fn suspect(&self) {
        match self {
            Servers::One(_) => {}
            Servers::Sentinel(sentinel) => sentinel.suspect(),
            Servers::Cluster(cluster) => cluster.suspect(),
        }
    }
}
