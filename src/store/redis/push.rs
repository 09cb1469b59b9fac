use super::connection::Server;
use super::deadline::Deadline;
use super::request::Request;
use redis::{Cmd, ConnectionAddr, Parser, PushKind, RedisConnectionInfo, RedisResult, Value, cmd};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A connection on which the server tells by itself what changes (RESP3, "Client-side
/// caching in Redis", broadcasting mode).
///
/// The client's own connection is not used: it takes a wait in which nothing came for
/// an answer that is still to come, and passes over the next one.
pub(super) struct Push {
    socket: TcpStream,
    /// Keeps what came of a value that is not whole when a wait is over.
    parser: Parser,
}

/// What the server told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// These names are kept anew, or replaced, or gone.
    Names(Vec<Vec<u8>>),
    /// Everything is gone.
    All,
    /// An answer.
    Answer,
    /// Something else that is no change.
    Other,
}

impl Push {
    /// Nothing is said to the server yet.
    pub(super) fn dial(server: &Server, deadline: Deadline) -> io::Result<Self> {
        Ok(Push {
            socket: dialled(server, deadline)?,
            parser: Parser::new(),
        })
    }

    /// The same socket, for another thread to shut it down.
    pub(super) fn socket(&self) -> io::Result<Socket> {
        self.socket.try_clone().map(Socket)
    }

    /// Has the server tell from now on what changes of all that begins with `prefix`.
    pub(super) fn track(
        &mut self,
        user: &RedisConnectionInfo,
        prefix: &str,
        deadline: Deadline,
    ) -> RedisResult<()> {
        let mut track = cmd("CLIENT");
        track.arg("TRACKING").arg("ON").arg("BCAST");
        track.arg("PREFIX").arg(prefix);
        let request = Request::pipeline([hello(user), track]);
        self.send(&request, left(deadline)?)?;
        for _ in 0..request.replies() {
            self.reply(deadline)?.extract_error()?;
        }
        Ok(())
    }

    /// What the server tells next; nothing if that has not come as a whole in time.
    pub(super) fn heard(&mut self, deadline: Deadline) -> RedisResult<Option<Told>> {
        match self.value(deadline) {
            Ok(value) => Ok(Some(Told::by(value))),
            Err(silent) if silent.is_timeout() => Ok(None),
            Err(broken) => Err(broken),
        }
    }

    /// Asks the server for an answer.
    pub(super) fn ask(&mut self, deadline: Deadline) -> io::Result<()> {
        self.send(&Request::safe(&mut cmd("PING")), left(deadline)?)
    }

    fn send(&mut self, request: &Request, limit: Duration) -> io::Result<()> {
        self.socket.set_write_timeout(Some(limit))?;
        self.socket.write_all(&request.packed())
    }

    fn reply(&mut self, deadline: Deadline) -> RedisResult<Value> {
        loop {
            match self.value(deadline)? {
                Value::Push { .. } => continue,
                reply => return Ok(reply),
            }
        }
    }

    fn value(&mut self, deadline: Deadline) -> RedisResult<Value> {
        let socket = &self.socket;
        self.parser.parse_value(InTime { socket, deadline })
    }
}

/// Reads from a socket, and no longer than that, however slowly bytes come.
struct InTime<'s> {
    socket: &'s TcpStream,
    deadline: Deadline,
}

impl Read for InTime<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(left(self.deadline)?))?;
        self.socket.read(buffer)
    }
}

impl Told {
    fn by(value: Value) -> Self {
        let mut data = match value {
            Value::Push {
                kind: PushKind::Invalidate,
                data,
            } => data,
            Value::Push { .. } => return Told::Other,
            _ => return Told::Answer,
        };
        match data.pop() {
            Some(Value::Array(names)) => Told::Names(names.into_iter().filter_map(name).collect()),
            _ => Told::All,
        }
    }
}

fn name(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(name) => Some(name),
        _ => None,
    }
}

/// A socket that is shut down when this is dropped: who reads from it reads the end.
pub(super) struct Socket(TcpStream);

impl Drop for Socket {
    fn drop(&mut self) {
        // One that is broken is shut already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

fn hello(user: &RedisConnectionInfo) -> Cmd {
    let mut hello = cmd("HELLO");
    hello.arg(3);
    if let Some(password) = user.password() {
        let name = user.username().unwrap_or("default");
        hello.arg("AUTH").arg(name).arg(password);
    }
    hello
}

fn dialled(server: &Server, deadline: Deadline) -> io::Result<TcpStream> {
    match server.place() {
        ConnectionAddr::Tcp(host, port) => dialled_by_name(host, *port, deadline),
        #[cfg(unix)]
        ConnectionAddr::Unix(path) => {
            let socket = std::os::unix::net::UnixStream::connect(path)?;
            // All that is asked of it afterwards is the same for both kinds.
            Ok(std::os::fd::OwnedFd::from(socket).into())
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn dialled_by_name(host: &str, port: u16, deadline: Deadline) -> io::Result<TcpStream> {
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    let mut found = Err(io::Error::other("the name has no address"));
    for (n, address) in addresses.iter().enumerate() {
        let limit = left(deadline.share(addresses.len() - n))?;
        found = TcpStream::connect_timeout(address, limit);
        if found.is_ok() {
            break;
        }
    }
    let socket = found?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

fn left(deadline: Deadline) -> io::Result<Duration> {
    deadline.left().ok_or(io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::parse_redis_value;

    fn told(bytes: &[u8]) -> Told {
        Told::by(parse_redis_value(bytes).unwrap())
    }

    #[test]
    fn names_are_read_from_what_the_server_tells() {
        let names = told(b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
        assert_eq!(names, Told::Names(vec![b"a".to_vec(), b"b".to_vec()]));
    }

    #[test]
    fn a_flush_names_nothing_and_means_all() {
        assert_eq!(told(b">2\r\n$10\r\ninvalidate\r\n_\r\n"), Told::All);
    }

    #[test]
    fn an_answer_is_no_change() {
        assert_eq!(told(b"+PONG\r\n"), Told::Answer);
        assert_eq!(told(b">2\r\n$7\r\nmessage\r\n$1\r\na\r\n"), Told::Other);
    }
}
