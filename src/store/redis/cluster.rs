use super::connection::Server;
use super::deadline::Deadline;
use super::fault::Fault;
use super::node::{Answer, Node};
use super::request::Request;
use super::slot::slot;
use super::slots::{Range, Slots};
use super::turn::{Taken, Turn};
use parking_lot::{Mutex, RwLock};
use redis::{RedisError, ServerErrorKind, Value, cmd};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A cluster: which of its nodes has which slots, as it was last told.
///
/// The client has a cluster connection of its own. It is not used: it waits and
/// tries again by rules of its own, so that one command can take many times its
/// limit, and it asks a slot at a time.
pub(super) struct Cluster {
    /// Some nodes to ask about the others.
    seeds: Vec<Arc<Node>>,
    connections: usize,
    slots: RwLock<Arc<Slots>>,
    /// Whether what was told may be no longer so.
    stale: AtomicBool,
    /// One caller at a time asks which node has which slots.
    asking: Turn,
    /// All nodes that were named, with what their breakers know.
    nodes: Mutex<HashMap<(String, u16), Arc<Node>>>,
    /// The seed to ask first.
    turn: AtomicUsize,
}

/// A command follows so many redirections; each is for a reason of its own, and
/// more than two in a row mean that the cluster is at odds with itself.
const REDIRECTIONS: usize = 4;

impl Cluster {
    pub(super) fn new(seeds: &[Server], connections: usize) -> Self {
        let seed = |server: &Server| Arc::new(Node::new(server.clone(), connections));
        Cluster {
            seeds: seeds.iter().map(seed).collect(),
            connections,
            slots: RwLock::default(),
            stale: AtomicBool::new(true),
            asking: Turn::default(),
            nodes: Mutex::default(),
            turn: AtomicUsize::new(0),
        }
    }

    /// Asks the node that has `key`, and those that it points to.
    pub(super) async fn ask(
        &self,
        key: &str,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Answer, Fault> {
        let mut node = self.node_of(key, deadline).await?;
        let mut answer = node.ask_one(request, deadline).await?;
        for _ in 0..REDIRECTIONS {
            let Some(to) = Redirection::of(&answer.value) else {
                break;
            };
            node = self.node_at(node.server(), &to.host, to.port);
            answer = match to.way {
                Way::Moved => {
                    self.suspect();
                    node.ask_one(request, deadline).await?
                }
                Way::Ask => node.ask_one(&request.asking(), deadline).await?,
            };
        }
        Ok(answer)
    }

    pub(super) async fn node_of(&self, key: &str, deadline: Deadline) -> Result<Arc<Node>, Fault> {
        let slots = self.slots(deadline).await?;
        let nobody = || {
            let seed = self.seeds[0].address();
            Fault::nobody(seed, "is of a cluster in which no node has that key's slot")
        };
        slots.node(slot(key)).cloned().ok_or_else(nobody)
    }

    pub(super) async fn masters(&self, deadline: Deadline) -> Result<Vec<Arc<Node>>, Fault> {
        Ok(self.slots(deadline).await?.nodes())
    }

    /// As [`masters`](Self::masters), and the cluster is asked in any case.
    pub(super) async fn masters_anew(&self, deadline: Deadline) -> Result<Vec<Arc<Node>>, Fault> {
        let _asking = self.turn_to_ask(deadline).await?;
        Ok(self.asked(deadline).await?.nodes())
    }

    /// Has the cluster asked again before the next command.
    pub(super) fn suspect(&self) {
        self.stale.store(true, Ordering::Release);
    }

    async fn slots(&self, deadline: Deadline) -> Result<Arc<Slots>, Fault> {
        let known = self.slots.read().clone();
        if !self.stale.load(Ordering::Acquire) {
            return Ok(known);
        }
        if known.is_empty() {
            let _asking = self.turn_to_ask(deadline).await?;
            return self.refreshed(deadline).await;
        }
        // What was known is likely right for most keys, and good enough while
        // another caller asks, or when nobody answers.
        match self.asking.try_take() {
            Some(_asking) => Ok(self.refreshed(deadline.share(2)).await.unwrap_or(known)),
            None => Ok(known),
        }
    }

    async fn refreshed(&self, deadline: Deadline) -> Result<Arc<Slots>, Fault> {
        // Another caller may have asked while this one waited to.
        if !self.stale.load(Ordering::Acquire) {
            return Ok(self.slots.read().clone());
        }
        self.asked(deadline).await
    }

    async fn turn_to_ask(&self, deadline: Deadline) -> Result<Taken<'_>, Fault> {
        let asking = self.asking.take(deadline).await;
        asking.ok_or_else(|| Fault::busy(self.seeds[0].address(), deadline))
    }

    /// By whoever has the turn to.
    async fn asked(&self, deadline: Deadline) -> Result<Arc<Slots>, Fault> {
        let slots = Arc::new(self.told(deadline).await?);
        *self.slots.write() = slots.clone();
        self.stale.store(false, Ordering::Release);
        Ok(slots)
    }

    async fn told(&self, deadline: Deadline) -> Result<Slots, Fault> {
        let request = Request::safe(cmd("CLUSTER").arg("SLOTS"));
        let mut nodes = self.slots.read().nodes();
        nodes.extend(self.seeds.iter().cloned());
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % nodes.len();
        nodes.rotate_left(first);
        let mut last = None;
        for (n, node) in nodes.iter().enumerate() {
            let share = deadline.share(nodes.len() - n);
            match self.told_by(node, &request, share).await {
                Ok(slots) => return Ok(slots),
                Err(fault) => last = Some(fault),
            }
        }
        Err(last.expect("a cluster has seeds"))
    }

    async fn told_by(
        &self,
        teller: &Node,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Slots, Fault> {
        let value: Value = teller.ask_one(request, deadline).await?.read()?;
        let ranges = Range::all(value);
        if ranges.is_empty() {
            return Err(Fault::nobody(
                teller.address(),
                "knows no node that has slots; is it in a cluster?",
            ));
        }
        self.forget_nodes_that_left();
        let node = |range: &Range| self.node_at(teller.server(), &range.host, range.port);
        Ok(Slots::new(
            ranges.iter().map(|r| (r.first, r.last, node(r))),
        ))
    }

    /// What the slots do not name, and nobody asks now.
    fn forget_nodes_that_left(&self) {
        let mut nodes = self.nodes.lock();
        nodes.retain(|_, node| Arc::strong_count(node) > 1);
    }

    /// The node by what `teller` calls it. One that does not know its own name
    /// leaves the host out.
    fn node_at(&self, teller: &Server, host: &str, port: u16) -> Arc<Node> {
        let host = match host {
            "" | "?" => teller.host(),
            host => host,
        };
        let server = teller.elsewhere(host, port);
        let node = || Arc::new(Node::new(server, self.connections));
        let mut nodes = self.nodes.lock();
        let place = nodes.entry((host.to_owned(), port));
        place.or_insert_with(node).clone()
    }
}

struct Redirection {
    way: Way,
    host: String,
    port: u16,
}

enum Way {
    /// The slot is there.
    Moved,
    /// The slot is about to move there, and this key has moved.
    Ask,
}

impl Redirection {
    fn of(value: &Value) -> Option<Self> {
        let Value::ServerError(error) = value else {
            return None;
        };
        let way = match error.kind()? {
            ServerErrorKind::Moved => Way::Moved,
            ServerErrorKind::Ask => Way::Ask,
            _ => return None,
        };
        let error = RedisError::from(error.clone());
        let (host, port) = error.redirect_node()?.0.rsplit_once(':')?;
        Some(Redirection {
            way,
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }
}
