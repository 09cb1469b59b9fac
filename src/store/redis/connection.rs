use super::deadline::Deadline;
use super::request::Request;
#[cfg(feature = "async")]
use redis::ProtocolVersion;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisResult,
    Value, cmd,
};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// Whom to connect to, and as whom.
#[derive(Clone, Debug)]
pub(super) struct Server(ConnectionInfo);

impl Server {
    pub(super) fn at(url: &str) -> RedisResult<Self> {
        let info = url.into_connection_info()?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        Ok(Server(info.set_tcp_settings(tcp)))
    }

    /// Another server, with the same name and password.
    pub(super) fn elsewhere(&self, host: &str, port: u16) -> Self {
        let address = ConnectionAddr::Tcp(host.to_owned(), port);
        Server(self.0.clone().set_addr(address))
    }

    pub(super) fn address(&self) -> String {
        self.0.addr().to_string()
    }

    pub(super) fn host(&self) -> &str {
        match self.0.addr() {
            ConnectionAddr::Tcp(host, _) => host,
            _ => "",
        }
    }

    pub(super) fn place(&self) -> &ConnectionAddr {
        self.0.addr()
    }

    pub(super) fn user(&self) -> &RedisConnectionInfo {
        self.0.redis_settings()
    }

    /// To connect as nobody; who it is is said afterwards.
    #[cfg(feature = "async")]
    pub(super) fn silent(&self) -> RedisResult<Client> {
        silent(self.0.clone())
    }

    /// For a connection on which the server may tell something by itself (RESP3).
    #[cfg(feature = "async")]
    pub(super) fn telling(&self) -> RedisResult<Client> {
        let user = self.user().clone().set_skip_set_lib_name();
        let user = user.set_protocol(ProtocolVersion::RESP3);
        Client::open(self.0.clone().set_redis_settings(user))
    }

    pub(super) fn connect(&self, deadline: Deadline) -> RedisResult<Connection> {
        match self.0.addr() {
            ConnectionAddr::Tcp(host, port) => self.connect_to_one(host, *port, deadline),
            _ => Connection::open(self.0.clone(), deadline),
        }
    }

    /// The client would give each address of a name the whole time.
    fn connect_to_one(&self, host: &str, port: u16, deadline: Deadline) -> RedisResult<Connection> {
        let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
        let mut found = Err(io::Error::other("the name has no address").into());
        for (n, address) in addresses.iter().enumerate() {
            let server = self.elsewhere(&address.ip().to_string(), address.port());
            found = Connection::open(server.0, deadline.share(addresses.len() - n));
            if found.is_ok() {
                break;
            }
        }
        found
    }
}

/// A connection that is open. After an error it is of no use: an answer that comes
/// late would be taken for that to a later question.
pub(super) struct Connection {
    wire: redis::Connection,
    /// The time limit that the socket has now.
    limit: Duration,
}

/// A limit is set anew if it is off by more than this; to be exact would cost two
/// system calls for each command.
const SLACK: Duration = Duration::from_millis(5);

impl Connection {
    fn open(info: ConnectionInfo, deadline: Deadline) -> RedisResult<Self> {
        let introduction = introduction(info.redis_settings());
        let mut connection = Connection {
            wire: silent(info)?.get_connection_with_timeout(time_left(deadline)?)?,
            limit: Duration::ZERO,
        };
        for answer in connection.ask(&introduction, deadline)? {
            answer.extract_error()?;
        }
        Ok(connection)
    }

    /// Sends `request`, and waits for all its answers. What the server answers with
    /// an error is an answer.
    pub(super) fn ask(&mut self, request: &Request, deadline: Deadline) -> RedisResult<Vec<Value>> {
        if request.replies() == 0 {
            return Ok(Vec::new());
        }
        self.limit(deadline)?;
        self.wire.send_packed_command(&request.packed())?;
        (0..request.replies())
            .map(|_| self.receive(deadline))
            .collect()
    }

    pub(super) fn receive(&mut self, deadline: Deadline) -> RedisResult<Value> {
        loop {
            self.limit(deadline)?;
            match self.wire.recv_response()? {
                Value::Push { .. } => continue,
                reply => return Ok(reply),
            }
        }
    }

    fn limit(&mut self, deadline: Deadline) -> RedisResult<()> {
        let left = time_left(deadline)?;
        if left <= self.limit && self.limit - left < SLACK {
            return Ok(());
        }
        self.wire.set_write_timeout(Some(left))?;
        self.wire.set_read_timeout(Some(left))?;
        self.limit = left;
        Ok(())
    }
}

/// The client waits its whole limit for each answer while it connects, so it is left
/// nothing to ask.
fn silent(info: ConnectionInfo) -> RedisResult<Client> {
    let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
    Client::open(info.set_redis_settings(nobody))
}

/// Says who is there, and chooses the database.
pub(super) fn introduction(user: &RedisConnectionInfo) -> Request {
    let password = user.password().map(|password| {
        let mut auth = cmd("AUTH");
        auth.arg(user.username()).arg(password);
        auth
    });
    let database = (user.db() != 0).then(|| {
        let mut select = cmd("SELECT");
        select.arg(user.db());
        select
    });
    Request::pipeline(password.into_iter().chain(database))
}

fn time_left(deadline: Deadline) -> RedisResult<Duration> {
    let over = || io::Error::from(io::ErrorKind::TimedOut).into();
    deadline.left().ok_or_else(over)
}
