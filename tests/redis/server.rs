//! Servers on free ports of the loopback interface, stopped when they are dropped.

use mementos::store::redis::{RedisBuilder, RedisStore};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) struct Server {
    port: u16,
    arguments: Vec<String>,
    child: Child,
    folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        Server::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(|&a| a.to_owned()).collect();
        let folder = tempfile::tempdir().unwrap();
        // Another process may take the port first; then the server ends at once.
        for _ in 0..20 {
            let port = free_port();
            let mut child = spawn(port, &arguments, &folder);
            if answers(port, &mut child) {
                return Server {
                    port,
                    arguments,
                    child,
                    folder,
                };
            }
        }
        panic!("redis-server does not start");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A folder that goes when the server does.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn builder(&self) -> RedisBuilder {
        RedisStore::at(self.url()).unwrap()
    }

    pub(crate) fn store(&self) -> RedisStore {
        self.builder().open().unwrap()
    }

    /// A connection that knows nothing of the store.
    pub(crate) fn raw(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_connection().unwrap()
    }

    pub(crate) fn ask<T: redis::FromRedisValue>(&self, command: &str) -> T {
        let mut words = command.split_whitespace();
        let mut asked = redis::cmd(words.next().unwrap());
        for word in words {
            asked.arg(word);
        }
        asked.query(&mut self.raw()).unwrap()
    }

    /// Waits until somebody is told what changes here, and answers the id of that
    /// connection.
    pub(crate) fn until_it_is_listened_to(&self) -> String {
        eventually(Duration::from_secs(5), || {
            let clients: String = self.ask("CLIENT LIST");
            let client = clients.lines().find(|line| line.contains("flags=tB"))?;
            let id = client.split_whitespace().next()?;
            id.strip_prefix("id=").map(str::to_owned)
        })
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again where it was, with nothing kept.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.start_again();
    }

    pub(crate) fn start_again(&mut self) {
        self.child = spawn(self.port, &self.arguments, &self.folder);
        assert!(answers(self.port, &mut self.child), "it does not start");
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    let kill = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(kill.unwrap().success());
}

/// A port that nobody has now, and whose cluster bus is free too.
pub(crate) fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        if port < 55_000 && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

fn spawn(port: u16, arguments: &[String], folder: &TempDir) -> Child {
    let port = port.to_string();
    let spawned = Command::new("redis-server")
        .current_dir(folder)
        .args(arguments)
        .args(["--port", &port, "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match spawned {
        Err(missing) if missing.kind() == ErrorKind::NotFound => {
            panic!("there is no redis-server; install it: apt-get install redis-server")
        }
        spawned => spawned.unwrap(),
    }
}

/// Whether the server came up, rather than ended.
pub(crate) fn answers(port: u16, child: &mut Child) -> bool {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let limit = Duration::from_secs(1);
    eventually(Duration::from_secs(20), || {
        if child.try_wait().unwrap().is_some() {
            return Some(false);
        }
        let mut connection = client.get_connection_with_timeout(limit).ok()?;
        let pong: redis::RedisResult<String> = redis::cmd("PING").query(&mut connection);
        pong.ok().map(|_| true)
    })
}

/// Asks again and again until there is an answer.
///
/// # Panics
///
/// When there is none in time.
pub(crate) fn eventually<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < limit, "not within {limit:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A server that accepts connections and never says a word.
pub(crate) fn black_hole() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for connection in listener.incoming() {
            kept.push(connection);
        }
    });
    address
}
