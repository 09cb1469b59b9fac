use super::deadline::Deadline;
use super::request::Request;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisResult,
    Value, cmd,
};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
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
        let user = info.redis_settings().clone();
        // The client waits its whole limit for each answer while it connects, so it
        // is left nothing to ask.
        let bare = RedisConnectionInfo::default().set_skip_set_lib_name();
        let client = Client::open(info.set_redis_settings(bare))?;
        let mut connection = Connection {
            wire: client.get_connection_with_timeout(time_left(deadline)?)?,
            limit: Duration::ZERO,
        };
        connection.introduce(&user, deadline)?;
        Ok(connection)
    }

    /// Says who is there, and chooses the database.
    fn introduce(&mut self, user: &RedisConnectionInfo, deadline: Deadline) -> RedisResult<()> {
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
        let request = Request::pipeline(password.into_iter().chain(database));
        for answer in self.ask(&request, deadline)? {
            answer.extract_error()?;
        }
        Ok(())
    }

    /// Sends `request`, and waits for all its answers. What the server answers with
    /// an error is an answer.
    pub(super) fn ask(&mut self, request: &Request, deadline: Deadline) -> RedisResult<Vec<Value>> {
        if request.replies() == 0 {
            return Ok(Vec::new());
        }
        self.limit(deadline)?;
        self.wire.send_packed_command(request.packed())?;
        (0..request.replies())
            .map(|_| self.receive(deadline))
            .collect()
    }

    fn receive(&mut self, deadline: Deadline) -> RedisResult<Value> {
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

/// A connection on which the server tells something.
pub(super) struct Subscription {
    connection: Connection,
    /// Counts those that there are.
    _one: Arc<()>,
}

impl Subscription {
    pub(super) fn new(
        mut connection: Connection,
        channel: &str,
        deadline: Deadline,
        one: Arc<()>,
    ) -> RedisResult<Self> {
        let request = Request::safe(cmd("SUBSCRIBE").arg(channel));
        for answer in connection.ask(&request, deadline)? {
            answer.extract_error()?;
        }
        Ok(Subscription {
            connection,
            _one: one,
        })
    }

    /// Waits for the next message, and is left if there is one within the limit.
    /// Otherwise it is over: the connection may be broken as well as quiet.
    pub(super) fn heard(mut self, limit: Duration) -> Option<Self> {
        let heard = self.connection.receive(Deadline::after(limit));
        heard.is_ok().then_some(self)
    }
}

fn time_left(deadline: Deadline) -> RedisResult<Duration> {
    let over = || io::Error::from(io::ErrorKind::TimedOut).into();
    deadline.left().ok_or_else(over)
}
