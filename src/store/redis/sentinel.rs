use super::connection::Server;
use super::deadline::Deadline;
use super::fault::Fault;
use super::node::Node;
use super::request::Request;
use parking_lot::Mutex;
use redis::cmd;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A master that is found by asking sentinels, and found again when it fails.
pub(super) struct Sentinel {
    sentinels: Vec<Node>,
    master: String,
    /// The database and the password on the master.
    like: Server,
    connections: usize,
    found: Mutex<Found>,
    /// The sentinel to ask first.
    turn: AtomicUsize,
}

#[derive(Default)]
struct Found {
    now: Option<Arc<Node>>,
    /// All that were ever master. A server that is asked for again must come with
    /// what its breaker knows.
    ever: HashMap<(String, u16), Arc<Node>>,
}

impl Sentinel {
    pub(super) fn new(
        sentinels: &[Server],
        master: String,
        like: Server,
        connections: usize,
    ) -> Self {
        Sentinel {
            sentinels: sentinels.iter().map(|s| Node::new(s.clone(), 1)).collect(),
            master,
            like,
            connections,
            found: Mutex::default(),
            turn: AtomicUsize::new(0),
        }
    }

    pub(super) async fn master(&self, deadline: Deadline) -> Result<Arc<Node>, Fault> {
        if let Some(now) = &self.found.lock().now {
            return Ok(now.clone());
        }
        // The sentinels are asked with nothing locked. Several callers may do so at
        // once; they find the same.
        let (host, port) = self.asked(deadline).await?;
        let mut found = self.found.lock();
        let server = self.like.elsewhere(&host, port);
        let node = || Arc::new(Node::new(server, self.connections));
        let node = found.ever.entry((host, port)).or_insert_with(node).clone();
        found.now = Some(node.clone());
        Ok(node)
    }

    /// Has the sentinels asked again before the next command.
    pub(super) fn suspect(&self) {
        self.found.lock().now = None;
    }

    async fn asked(&self, deadline: Deadline) -> Result<(String, u16), Fault> {
        let mut command = cmd("SENTINEL");
        command.arg("get-master-addr-by-name").arg(&self.master);
        let request = Request::safe(&mut command);
        let count = self.sentinels.len();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut last = None;
        for n in 0..count {
            let sentinel = &self.sentinels[(first.wrapping_add(n)) % count];
            let share = deadline.share(count - n);
            match self.ask(sentinel, &request, share).await {
                Ok(address) => return Ok(address),
                Err(fault) => last = Some(fault),
            }
        }
        let nobody = || Fault::nobody(&"no address".into(), "cannot be: there are no sentinels");
        Err(last.unwrap_or_else(nobody))
    }

    async fn ask(
        &self,
        sentinel: &Node,
        request: &Request,
        deadline: Deadline,
    ) -> Result<(String, u16), Fault> {
        let unknown = "is a sentinel that knows no master of that name";
        sentinel
            .ask_one(request, deadline)
            .await?
            .read::<Option<(String, u16)>>()?
            .ok_or_else(|| Fault::nobody(sentinel.address(), unknown))
    }
}
