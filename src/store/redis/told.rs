use super::connection::Server;
use super::deadline::Deadline;
use super::shared::{in_time, over, unlimited};
use super::turn::Turn;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, RedisResult, Value};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Weak};
use tokio::sync::watch;

/// What one server tells callers that await, over one connection for all of them (RESP3:
/// Redis 6 and later, Valkey). It is open for as long as one of them listens.
#[derive(Default)]
pub(super) struct Tells {
    now: Mutex<Weak<Open>>,
    /// One name is begun with at a time, so that none is while it is ended with.
    changing: Turn,
}

/// Somebody listens to what is told of one name.
pub(super) struct Told {
    news: watch::Receiver<()>,
    /// Open for as long as this is.
    _open: Arc<Open>,
}

struct Open {
    wire: MultiplexedConnection,
    names: Arc<Names>,
}

/// To whom it is passed on what is told of which name; nothing once the connection is
/// broken.
struct Names(Mutex<Option<HashMap<Vec<u8>, watch::Sender<()>>>>);

impl Tells {
    pub(super) async fn listen(
        &self,
        server: &Server,
        name: &str,
        deadline: Deadline,
    ) -> RedisResult<Told> {
        let _turn = self.changing.take(deadline).await.ok_or_else(over)?;
        let told = in_time(deadline, async {
            let open = match self.open() {
                Some(open) => open,
                None => self.opened(server).await?,
            };
            open.leave_what_nobody_listens_to().await?;
            open.listen(name).await
        });
        // Others go on listening to it, and the next who begins makes another.
        told.await
            .inspect_err(|_| *self.now.lock() = Weak::default())
    }

    fn open(&self) -> Option<Arc<Open>> {
        let open = self.now.lock().upgrade()?;
        open.names.is_open().then_some(open)
    }

    async fn opened(&self, server: &Server) -> RedisResult<Arc<Open>> {
        let names = Arc::new(Names(Mutex::new(Some(HashMap::new()))));
        let told = names.clone();
        let pass_on = move |push| -> Result<(), io::Error> {
            told.pass_on(push);
            Ok(())
        };
        let (client, config) = (server.telling()?, unlimited().set_push_sender(pass_on));
        let wire = client.get_multiplexed_async_connection_with_config(&config);
        let wire = wire.await?;
        let open = Arc::new(Open { wire, names });
        *self.now.lock() = Arc::downgrade(&open);
        Ok(open)
    }
}

impl Open {
    async fn listen(self: Arc<Self>, name: &str) -> RedisResult<Told> {
        let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
        // From here on: what is told may come before the answer.
        let (news, is_new) = self.names.listen(name).ok_or_else(broken)?;
        if is_new {
            self.wire.clone().subscribe(name).await?;
        }
        Ok(Told { news, _open: self })
    }

    /// Of whoever is gone, or has given up before the server answered.
    async fn leave_what_nobody_listens_to(&self) -> RedisResult<()> {
        let left = self.names.left();
        match left.is_empty() {
            true => Ok(()),
            false => self.wire.clone().unsubscribe(left).await,
        }
    }
}

impl Names {
    fn is_open(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Where it is passed on, and whether nobody listened to that name before.
    fn listen(&self, name: &str) -> Option<(watch::Receiver<()>, bool)> {
        let mut names = self.0.lock();
        let names = names.as_mut()?;
        if let Some(known) = names.get(name.as_bytes()) {
            return Some((known.subscribe(), false));
        }
        let (sender, news) = watch::channel(());
        names.insert(name.as_bytes().to_vec(), sender);
        Some((news, true))
    }

    /// Takes out the names that nobody listens to.
    fn left(&self) -> Vec<Vec<u8>> {
        let mut names = self.0.lock();
        let left = names.iter_mut().flat_map(|names| {
            let left = names.extract_if(|_, sender| sender.receiver_count() == 0);
            left.map(|(name, _)| name)
        });
        left.collect()
    }

    fn pass_on(&self, push: PushInfo) {
        let mut names = self.0.lock();
        match (push.kind, push.data.first()) {
            (PushKind::Message, Some(Value::BulkString(name))) => {
                let sender = names.as_ref().and_then(|names| names.get(name));
                sender.iter().for_each(|sender| sender.send_replace(()));
            }
            // All who listen learn of that by what they listen to being gone.
            (PushKind::Disconnection, _) => drop(names.take()),
            _ => {}
        }
    }
}

impl Told {
    /// Waits for what has not been heard yet.
    pub(super) async fn next(&mut self, deadline: Deadline) -> RedisResult<()> {
        in_time(deadline, async {
            let told = self.news.changed().await;
            told.map_err(|_| io::Error::from(io::ErrorKind::ConnectionReset).into())
        })
        .await
    }
}
