use super::connection::{Server, Subscription};
use super::deadline::Deadline;
use super::fault::Fault;
use super::node::Node;
use super::request::{Again, Request};
use super::scripts::Call;
use super::servers::Servers;
use redis::{Cmd, FromRedisValue, ServerErrorKind, Value, cmd};
use std::sync::Arc;
use std::time::Duration;

/// The servers, and how long they may take for one command.
pub(super) struct Link {
    servers: Servers,
    timeout: Duration,
    /// How many may listen at once, and one reference for each that does.
    listeners: usize,
    listening: Arc<()>,
}

impl Link {
    pub(super) fn new(servers: Servers, timeout: Duration, listeners: usize) -> Self {
        Link {
            servers,
            timeout,
            listeners,
            listening: Arc::new(()),
        }
    }

    /// One command on `name`.
    pub(super) fn run<T: FromRedisValue>(&self, name: &str, request: Request) -> Result<T, Fault> {
        let answer = self.servers.ask(name, &request, self.deadline());
        self.noted(answer.and_then(|answer| answer.read()))
    }

    /// One script on `call`'s keys, which are all in one slot.
    pub(super) fn call<T: FromRedisValue>(
        &self,
        call: &Call<'_>,
        again: Again,
    ) -> Result<T, Fault> {
        let (name, deadline) = (call.keys[0], self.deadline());
        let ask = |command: Cmd| {
            let request = Request::new(&command, again);
            self.servers.ask(name, &request, deadline)
        };
        let answer = match ask(call.by_hash()) {
            Ok(answer) if is_unknown_script(&answer.value) => ask(call.in_full()),
            answer => answer,
        };
        self.noted(answer.and_then(|answer| answer.read()))
    }

    /// Listens to what is told of `name`. Nothing if that fails, or too many do: to
    /// listen saves questions, and nobody depends on it.
    pub(super) fn subscribe(&self, name: &str) -> Option<Subscription> {
        let one = self.listening.clone();
        if Arc::strong_count(&one) > self.listeners + 1 {
            return None;
        }
        let deadline = self.deadline();
        let node = self.servers.node_of(name, deadline).ok()?;
        node.subscribe(name, deadline, one).ok()
    }

    /// The one server that has all keys, if it can be found.
    pub(super) fn master(&self, deadline: Deadline) -> Option<Server> {
        let node = self.servers.masters(deadline).ok()?.into_iter().next()?;
        Some(node.server().clone())
    }

    /// All servers that have keys, asked for anew, if they can be found.
    pub(super) fn masters_anew(&self, deadline: Deadline) -> Option<Vec<Server>> {
        let nodes = self.servers.masters_anew(deadline).ok()?;
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
    pub(super) fn get_many(&self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, Fault> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        if self.servers.is_one() {
            let get = Request::safe(cmd("MGET").arg(names));
            return self.run(&names[0], get);
        }
        let deadline = self.deadline();
        let mut found = vec![None; names.len()];
        for group in self.noted(self.servers.grouped(names, deadline))? {
            let gets = group
                .places
                .iter()
                .map(|&place| get(names[place].as_bytes()));
            let answers = group.node.ask(&Request::pipeline(gets), deadline);
            for (&place, value) in group.places.iter().zip(self.noted(answers)?) {
                found[place] = self.settled(&group.node, value, names[place].as_bytes(), get)?;
            }
        }
        Ok(found)
    }

    /// Forgets all keys whose names on the servers match `pattern`.
    pub(super) fn unlink_all(&self, pattern: &str) -> Result<(), Fault> {
        self.scan(pattern, |node, names| {
            let unlinks = names.iter().map(|name| unlink(name));
            let answers = node.ask(&Request::pipeline(unlinks), self.deadline());
            for (name, value) in names.iter().zip(self.noted(answers)?) {
                self.settled::<u64>(node, value, name, unlink)?;
            }
            Ok(())
        })
    }

    /// Calls `each` with all names on the servers that match `pattern`, some at a
    /// time. A name may come twice. What is there from the beginning to the end is
    /// not left out, except while a cluster moves its slot (documentation of `SCAN`).
    pub(super) fn scan(
        &self,
        pattern: &str,
        mut each: impl FnMut(&Arc<Node>, &[Vec<u8>]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for node in self.noted(self.servers.masters(self.deadline()))? {
            let mut cursor = 0_u64;
            loop {
                let names: Vec<Vec<u8>>;
                (cursor, names) = self.scan_on(&node, cursor, pattern)?;
                if !names.is_empty() {
                    each(&node, &names)?;
                }
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    fn scan_on(
        &self,
        node: &Node,
        cursor: u64,
        pattern: &str,
    ) -> Result<(u64, Vec<Vec<u8>>), Fault> {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern);
        scan.arg("COUNT").arg(BATCH);
        let answer = node.ask_one(&Request::safe(&scan), self.deadline());
        self.noted(answer.and_then(|answer| answer.read()))
    }

    /// What `node` answered for `name`; where it says that another node has that
    /// key, what that one answers to the same command.
    fn settled<T: FromRedisValue>(
        &self,
        node: &Node,
        value: Value,
        name: &[u8],
        command: fn(&[u8]) -> Cmd,
    ) -> Result<T, Fault> {
        if !is_redirection(&value) {
            return node.answer(value).read();
        }
        self.servers.suspect();
        let request = Request::safe(&command(name));
        self.run(&String::from_utf8_lossy(name), request)
    }

    /// Before the time is over, so that the caller goes on by then: a socket may be late
    /// by an eighth of its wait (Linux, "timer wheel").
    fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout / 8 * 7)
    }

    fn noted<T>(&self, answer: Result<T, Fault>) -> Result<T, Fault> {
        answer.inspect_err(|fault| {
            if fault.suspects() {
                self.servers.suspect();
            }
        })
    }
}

/// How many keys a server looks at for one `SCAN`: less than a millisecond's work.
const BATCH: usize = 500;

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
