use super::expiry::Life;
use super::fault::Fault;
use super::link::Link;
use super::request::Again;
use super::scripts::{ACQUIRE, Call, PUBLISH, RELEASE, RENEW};
use super::way::Way;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// A lease on the server: its names, its token, and whether it is still ours as far
/// as is known.
pub(super) struct Held {
    link: Arc<Link>,
    bytes: String,
    lease: String,
    token: Token,
    life: String,
    state: AtomicU8,
}

/// Whose lease it is, in a form that a person can read: 32 hexadecimal digits.
pub(super) struct Token(String);

impl Token {
    pub(super) fn new(chance: u128) -> Self {
        Token(format!("{chance:032x}"))
    }
}

/// What is left to do with a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// To release it.
    Held = 0,
    /// To see to it that it is released: it is not known whether it was.
    Uncertain = 1,
    /// Nothing: it was released, or lost to another caller.
    Over = 2,
}

impl Held {
    pub(super) fn new(
        link: Arc<Link>,
        bytes: String,
        lease: String,
        token: Token,
        life: Duration,
    ) -> Self {
        Held {
            link,
            bytes,
            lease,
            token,
            life: life.as_millis().to_string(),
            state: AtomicU8::new(State::Held as u8),
        }
    }

    /// Its name on the server, which is also where its release is told.
    pub(super) fn lease(&self) -> &str {
        &self.lease
    }

    pub(super) async fn acquire(&self, way: Way) -> Result<bool, Fault> {
        let call = Call {
            script: &ACQUIRE,
            keys: &[&self.lease],
            arguments: &[self.token(), self.life.as_bytes()],
        };
        self.link.call(way, &call, Again::Safe).await
    }

    /// Whether it was ours still, and is for another life.
    pub(super) async fn renew(&self, way: Way) -> Result<bool, Fault> {
        let call = Call {
            script: &RENEW,
            keys: &[&self.lease],
            arguments: &[self.token(), self.life.as_bytes()],
        };
        let ours: bool = self.link.call(way, &call, Again::Safe).await?;
        if !ours {
            self.now(State::Over);
        }
        Ok(ours)
    }

    pub(super) async fn publish(&self, way: Way, bytes: &[u8], life: Life) -> Result<bool, Fault> {
        let life = life.argument().to_string();
        let call = Call {
            script: &PUBLISH,
            keys: &[&self.bytes, &self.lease],
            arguments: &[self.token(), bytes, life.as_bytes()],
        };
        let published = self.link.call(way, &call, Again::Never).await;
        self.now(match published {
            Ok(_) => State::Over,
            Err(_) => State::Uncertain,
        });
        published
    }

    pub(super) async fn release(&self, way: Way) -> Result<(), Fault> {
        let call = Call {
            script: &RELEASE,
            keys: &[&self.lease],
            arguments: &[self.token()],
        };
        self.link.call(way, &call, Again::Safe).await
    }

    pub(super) fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Held,
            1 => State::Uncertain,
            _ => State::Over,
        }
    }

    fn now(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }

    fn token(&self) -> &[u8] {
        self.token.0.as_bytes()
    }
}
