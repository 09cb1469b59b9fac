use super::connection::Server;
use super::deadline::Deadline;
use super::shared::{in_time, unlimited};
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, RedisResult};
use std::io;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What a server tells a caller who awaits (RESP3: Redis 6 and later, Valkey).
pub(super) struct Told {
    /// Open for as long as this is.
    _wire: MultiplexedConnection,
    pushed: UnboundedReceiver<PushInfo>,
}

impl Told {
    pub(super) async fn of(
        server: &Server,
        channel: &str,
        deadline: Deadline,
    ) -> RedisResult<Self> {
        let (push, pushed) = unbounded_channel();
        let config = unlimited().set_push_sender(push);
        let client = server.telling()?;
        let wire = in_time(deadline, async {
            let wire = client.get_multiplexed_async_connection_with_config(&config);
            let mut wire = wire.await?;
            wire.subscribe(channel).await?;
            Ok(wire)
        });
        Ok(Told {
            _wire: wire.await?,
            pushed,
        })
    }

    /// Waits for a message.
    pub(super) async fn next(&mut self, deadline: Deadline) -> RedisResult<()> {
        in_time(deadline, async {
            loop {
                match self.pushed.recv().await {
                    Some(told) if told.kind == PushKind::Message => return Ok(()),
                    // That it has begun to listen is told too.
                    Some(told) if told.kind != PushKind::Disconnection => {}
                    _ => return Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
                }
            }
        })
        .await
    }
}
