use super::eventually;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A server on a free port of the loopback interface, which keeps nothing when it is
/// stopped.
pub(crate) struct Redis {
    port: u16,
    child: Child,
    folder: TempDir,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Another process may take the port first; then the server ends at once.
        for _ in 0..20 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let mut child = spawn(port, &folder);
            if answers(port, &mut child).await {
                return Redis {
                    port,
                    child,
                    folder,
                };
            }
        }
        panic!("redis-server does not start");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it where it was.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.port, &self.folder);
        assert!(
            answers(self.port, &mut self.child).await,
            "it does not start"
        );
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    let spawned = Command::new("redis-server")
        .current_dir(folder)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
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
async fn answers(port: u16, child: &mut Child) -> bool {
    eventually("redis answers", async || {
        if child.try_wait().unwrap().is_some() {
            return Some(false);
        }
        let pong = ping(port);
        pong.ok().filter(|pong| pong == "+PONG").map(|_| true)
    })
    .await
}

/// What it says to a PING.
fn ping(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
