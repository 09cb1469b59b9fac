use super::connection::Server;
use super::deadline::Deadline;
use super::fault::Fault;
use super::node::Node;
use super::request::{Again, Request};
use super::scan::Scan;
use super::scripts::Call;
use super::servers::Servers;
use super::subscription::{Most, Subscription};
use super::way::Way;
use redis::{Cmd, FromRedisValue, ServerErrorKind, Value, cmd};
use std::sync::Arc;
use std::time::Duration;

/// The servers, and how long they may take for one command.
pub(super) struct Link {
    servers: Servers,
    timeout: Duration,
    /// How many may listen at once, of those that block.
    listeners: Most,
}

impl Link {
    pub(super) fn new(servers: Servers, timeout: Duration, listeners: usize) -> Self {
        Link {
            servers,
            timeout,
            listeners: Most::of(listeners),
        }
    }

    /// One command on `name`.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        way: Way,
        name: &str,
        request: Request,
    ) -> Result<T, Fault> {
        let answer = self.servers.ask(name, &request, self.deadline(way)).await;
        self.noted(answer.and_then(|answer| answer.read()))
    }

    /// One script on `call`'s keys, which are all in one slot.
    pub(super) async fn call<T: FromRedisValue>(
        &self,
        way: Way,
        call: &Call<'_>,
        again: Again,
    ) -> Result<T, Fault> {
        let (name, deadline) = (call.keys[0], self.deadline(way));
        let request = Request::new(&mut call.by_hash(), again);
        let mut answer = self.servers.ask(name, &request, deadline).await;
        if matches!(&answer, Ok(answer) if is_unknown_script(&answer.value)) {
            let request = Request::new(&mut call.in_full(), again);
            answer = self.servers.ask(name, &request, deadline).await;
        }
        self.noted(answer.and_then(|answer| answer.read()))
    }

    /// Listens to what is told of `name`, if it can.
    pub(super) async fn subscribe(&self, way: Way, name: &str) -> Option<Subscription> {
        let deadline = self.deadline(way);
        let node = self.servers.node_of(name, deadline).await.ok()?;
        Subscription::new(&node, name, deadline, &self.listeners).await
    }

    /// The one server that has all keys, if it can be found.
    pub(super) async fn master(&self, deadline: Deadline) -> Option<Server> {
        let nodes = self.servers.masters(deadline).await.ok()?;
        let node = nodes.into_iter().next()?;
        Some(node.server().clone())
    }

    /// All servers that have keys, asked for anew, if they can be found.
    pub(super) async fn masters_anew(&self, deadline: Deadline) -> Option<Vec<Server>> {
        let nodes = self.servers.masters_anew(deadline).await.ok()?;
        Some(nodes.iter().map(|node| node.server().clone()).collect())
    }

    /// Whether all keys are on one server.
    pub(super) fn is_one(&self) -> bool {
        self.servers.is_one()
    }

    /// Has it looked up again where the keys are, before the next command.
    pub(super) fn suspect(&self) {
        self.servers.suspect();
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The bytes under each of `names`: one round trip to each node.
    pub(super) async fn get_many(
        &self,
        way: Way,
        names: &[String],
    ) -> Result<Vec<Option<Vec<u8>>>, Fault> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        if self.servers.is_one() {
            let get = Request::safe(cmd("MGET").arg(names));
            return self.run(way, &names[0], get).await;
        }
        let deadline = self.deadline(way);
        let mut found = vec![None; names.len()];
        for group in self.noted(self.servers.grouped(names, deadline).await)? {
            let asked = group.places.iter().map(|&place| names[place].as_bytes());
            let gets = Request::pipeline(asked.clone().map(get));
            let answers = self.noted(group.node.ask(&gets, deadline).await)?;
            for ((&place, name), value) in group.places.iter().zip(asked).zip(answers) {
                found[place] = self.settled(way, &group.node, value, name, get).await?;
            }
        }
        Ok(found)
    }

    /// Forgets all keys whose names on the servers match `pattern`.
    pub(super) async fn unlink_all(&self, way: Way, pattern: &str) -> Result<(), Fault> {
        let mut scan = Scan::of(self, way, pattern).await?;
        while let Some((node, names)) = scan.next().await? {
            let unlinks = Request::pipeline(names.iter().map(|name| unlink(name)));
            let answers = self.noted(node.ask(&unlinks, self.deadline(way)).await)?;
            for (name, value) in names.iter().zip(answers) {
                let unlinked = self.settled::<u64>(way, &node, value, name, unlink);
                unlinked.await?;
            }
        }
        Ok(())
    }

    /// All nodes that have keys, for a scan of them.
    pub(super) async fn nodes(&self, way: Way) -> Result<Vec<Arc<Node>>, Fault> {
        self.noted(self.servers.masters(self.deadline(way)).await)
    }

    /// One command on `node`, whichever keys it has.
    pub(super) async fn run_on<T: FromRedisValue>(
        &self,
        way: Way,
        node: &Node,
        request: Request,
    ) -> Result<T, Fault> {
        let answer = node.ask_one(&request, self.deadline(way)).await;
        self.noted(answer.and_then(|answer| answer.read()))
    }

    /// What `node` answered for `name`; where it says that another node has that
    /// key, what that one answers to the same command.
    async fn settled<T: FromRedisValue>(
        &self,
        way: Way,
        node: &Node,
        value: Value,
        name: &[u8],
        command: fn(&[u8]) -> Cmd,
    ) -> Result<T, Fault> {
        if !is_redirection(&value) {
            return node.answer(value).read();
        }
        self.servers.suspect();
        let request = Request::safe(&mut command(name));
        let name = String::from_utf8_lossy(name);
        self.run(way, &name, request).await
    }

    /// Before the time is over, so that the caller goes on by then: a socket may be late
    /// by an eighth of its wait (Linux, "timer wheel").
    fn deadline(&self, way: Way) -> Deadline {
        Deadline::by(way, self.timeout / 8 * 7)
    }

    fn noted<T>(&self, answer: Result<T, Fault>) -> Result<T, Fault> {
        answer.inspect_err(|fault| {
            if fault.suspects() {
                self.servers.suspect();
            }
        })
    }
}

fn get(name: &[u8]) -> Cmd {
    let mut command = cmd("GET");
    command.arg(name);
    command
}

fn unlink(name: &[u8]) -> Cmd {
    let mut command = cmd("UNLINK");
    command.arg(name);
    command
}

fn is_unknown_script(value: &Value) -> bool {
    kind(value) == Some(ServerErrorKind::NoScript)
}

fn is_redirection(value: &Value) -> bool {
    matches!(
        kind(value),
        Some(ServerErrorKind::Moved | ServerErrorKind::Ask)
    )
}

fn kind(value: &Value) -> Option<ServerErrorKind> {
    match value {
        Value::ServerError(error) => error.kind(),
        _ => None,
    }
}
