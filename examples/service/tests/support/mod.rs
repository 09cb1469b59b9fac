//! The service as a process of its own, Redis for it, and who asks it.

#![allow(dead_code)] // each test program uses a part of it

mod http;
mod redis;

pub(crate) use http::{Answer, Connection};
pub(crate) use redis::Redis;

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A service that runs until this is dropped.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) upstream: SocketAddr,
}

impl Service {
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mementos-service"))
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |what: &str| {
            let line = lines.next().expect("it says where it listens").unwrap();
            let address = line.strip_prefix(what).unwrap_or_else(|| panic!("{line}"));
            address.parse().unwrap()
        };
        Service {
            address: address("service: http://"),
            upstream: address("upstream: http://"),
            child,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::to(self.address).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.connect().await.get(path).await
    }

    /// The article of this number, which there is.
    pub(crate) async fn article(&self, id: u64) -> Answer {
        let answer = self.get(&format!("/articles/{id}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    pub(crate) async fn delete(&self, key: &str) -> Answer {
        let path = format!("/api/keys/{}", encoded(key));
        self.connect().await.ask("DELETE", &path, &[], "").await
    }

    /// Has the upstream behave so from now on.
    pub(crate) async fn behave(&self, latency: Duration, failing: f64) {
        let latency = latency.as_millis();
        let behaviour = format!(r#"{{"latency_ms": {latency}, "failing": {failing}}}"#);
        let headers = [("content-type", "application/json")];
        let mut connection = self.connect().await;
        let answer = connection
            .ask("PUT", "/api/upstream", &headers, &behaviour)
            .await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    /// What the page shows.
    pub(crate) async fn inspect(&self) -> Value {
        self.get("/api/inspect").await.json()
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        eventually("it ends", async || self.child.try_wait().unwrap()).await
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
///
/// When there is none in time.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let limit = Duration::from_secs(20);
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begin.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The row of a table that the page shows, by the name in one of its columns.
pub(crate) fn row<'v>(seen: &'v Value, table: &str, column: &str, name: &str) -> &'v Value {
    let rows = seen[table].as_array().unwrap();
    let row = rows.iter().find(|row| row[column] == name);
    row.unwrap_or_else(|| panic!("no {name} in {table}: {seen:#}"))
}

/// As a part of a path.
fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    bytes.collect()
}
