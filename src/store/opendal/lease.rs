//! Leases in a storage that can do one thing in one step: write an object that is
//! not there.
//!
//! A lease is an object with its holder's token, which nobody changes once it is
//! there. A holder that lives says so in an object of its own, the beat: were the
//! lease itself renewed, a renewal that a `delete` overtook would bring it back.

use super::OpendalStore;
use super::blob::{blob, bytes_of, expiry_of};
use super::path::{BEATS, LEASES, key_of, path_of};
use super::remote::{Over, Remote};
use crate::clock::Stamp;
use crate::store::StoreError;
use crate::store::bytes::{ByteStore, Lease, Leases};
use crate::sync::Flag;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tokio::task::JoinHandle;

/// What tells a holder from all others: 128 bits from the system's randomness.
#[derive(Clone, PartialEq, Eq)]
struct Token(String);

impl Token {
    fn new() -> Self {
        let random = RandomState::new();
        Token(format!(
            "{:016x}{:016x}",
            random.hash_one(0),
            random.hash_one(1)
        ))
    }

    fn beat(&self) -> String {
        path_of(BEATS, &self.0)
    }
}

/// Who has a lease.
enum Holder {
    Nobody,
    Alive,
    /// Its lease has expired. The token is missing where it could not be read.
    Dead(Option<Token>),
}

impl OpendalStore {
    /// Acquires a lease without waiting.
    fn try_acquire(&self, path: &str) -> Result<Option<Token>, StoreError> {
        if let Some(token) = self.create(path)? {
            return Ok(Some(token));
        }
        match self.holder(path)? {
            Holder::Alive => Ok(None),
            Holder::Nobody => self.create(path),
            Holder::Dead(token) => {
                self.bury(path, token)?;
                self.create(path)
            }
        }
    }

    fn create(&self, path: &str) -> Result<Option<Token>, StoreError> {
        let token = Token::new();
        let lease = blob(token.0.as_bytes(), from_now(self.lasts));
        let was_free = self.remote.write(path, lease, Over::Nothing)?;
        Ok(was_free.then_some(token))
    }

    fn holder(&self, path: &str) -> Result<Holder, StoreError> {
        let Some(lease) = self.remote.read(path)? else {
            return Ok(Holder::Nobody);
        };
        let expires = expiry_of(&lease);
        let (Some(expires), Some(token)) = (expires, token_of(lease)) else {
            return Ok(match self.is_new(path)? {
                true => Holder::Alive,
                false => Holder::Dead(None),
            });
        };
        let now = Stamp::from(SystemTime::now());
        if expires > now || self.beats(&token, now)? {
            return Ok(Holder::Alive);
        }
        Ok(Holder::Dead(Some(token)))
    }

    /// Whether an object that cannot be read may be on its way: a service that writes
    /// in place shows it before its content.
    fn is_new(&self, path: &str) -> Result<bool, StoreError> {
        let Some(written) = self.remote.written_at(path)? else {
            return Ok(false);
        };
        let until = written.checked_add(self.lasts);
        Ok(until.is_none_or(|until| until > SystemTime::now()))
    }

    fn beats(&self, token: &Token, now: Stamp) -> Result<bool, StoreError> {
        let path = token.beat();
        let Some(beat) = self.remote.read(&path)? else {
            return Ok(false);
        };
        match expiry_of(&beat) {
            Some(expires) => Ok(expires > now),
            None => self.is_new(&path),
        }
    }

    /// Removes the lease of a holder that has died. Not one step with looking at it:
    /// two who find the same holder dead may both acquire its lease.
    fn bury(&self, path: &str, token: Option<Token>) -> Result<(), StoreError> {
        self.remote.delete(path)?;
        token.map_or(Ok(()), |token| self.remote.delete(&token.beat()))
    }

    /// Gives up the leases of holders that have died, whatever became of their keys.
    pub(super) fn sweep_leases(&self) -> Result<(), StoreError> {
        if !self.remote.writes_if_absent() {
            return Ok(());
        }
        for (_, path) in self.listed(LEASES, "")? {
            if let Holder::Dead(token) = self.holder(&path)? {
                self.bury(&path, token)?;
            }
        }
        let now = Stamp::from(SystemTime::now());
        for (_, path) in self.listed(BEATS, "")? {
            if self.has_expired(&path, now)? {
                self.remote.delete(&path)?;
            }
        }
        Ok(())
    }

    /// Says again and again that a holder lives.
    fn keep_alive(&self, token: &Token) -> Result<Pulse, StoreError> {
        const OFTENEST: Duration = Duration::from_millis(5);
        let (operator, beat, lasts) = (self.remote.operator().clone(), token.beat(), self.lasts);
        let has_beaten = Arc::new(AtomicBool::new(false));
        let beaten = has_beaten.clone();
        let task = Remote::start(async move {
            loop {
                tokio::time::sleep((lasts / 3).max(OFTENEST)).await;
                beaten.store(true, SeqCst);
                // One that fails is made up for by the next; there are two before
                // the lease expires.
                let _ = operator.write(&beat, blob(&[], from_now(lasts))).await;
            }
        })?;
        Ok(Pulse { task, has_beaten })
    }
}

/// The end of a lease; none where there is no such time.
fn from_now(lasts: Duration) -> Option<SystemTime> {
    SystemTime::now().checked_add(lasts)
}

fn token_of(lease: Vec<u8>) -> Option<Token> {
    const LENGTH: usize = 32;
    let text = String::from_utf8(bytes_of(lease)?).ok()?;
    (text.len() == LENGTH).then_some(Token(text))
}

impl Leases for OpendalStore {
    fn acquire<'l>(
        &'l self,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Lease + 'l>>, StoreError> {
        let until = Instant::now().checked_add(timeout);
        let path = path_of(LEASES, key);
        let mut pause = Pause::new();
        loop {
            if let Some(token) = self.try_acquire(&path)? {
                return Ok(Some(Box::new(Held::new(self, path, token)?)));
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            let pause = pause.next();
            thread::sleep(left.map_or(pause, |left| left.min(pause)));
        }
    }
}

/// How long to wait before looking again: from 5 ms on, twice as long each time up
/// to 100 ms, and less by chance, so that those who wait do not look all at once.
struct Pause {
    most: Duration,
    random: RandomState,
    looks: u32,
}

impl Pause {
    const FIRST: Duration = Duration::from_millis(5);
    const LONGEST: Duration = Duration::from_millis(100);

    fn new() -> Self {
        Pause {
            most: Pause::FIRST * 2,
            random: RandomState::new(),
            looks: 0,
        }
    }

    fn next(&mut self) -> Duration {
        self.looks += 1;
        let chance = self.random.hash_one(self.looks) as f64 / u64::MAX as f64;
        let spread = (self.most - Pause::FIRST).mul_f64(chance);
        self.most = (self.most * 2).min(Pause::LONGEST);
        Pause::FIRST + spread
    }
}

/// The task that renews a lease.
struct Pulse {
    task: JoinHandle<()>,
    has_beaten: Arc<AtomicBool>,
}

struct Held<'l> {
    store: &'l OpendalStore,
    path: String,
    token: Token,
    pulse: Pulse,
    is_released: Flag,
}

impl<'l> Held<'l> {
    fn new(store: &'l OpendalStore, path: String, token: Token) -> Result<Self, StoreError> {
        let pulse = store.keep_alive(&token)?;
        let is_released = Flag::default();
        Ok(Held {
            store,
            path,
            token,
            pulse,
            is_released,
        })
    }

    fn is_held(&self) -> Result<bool, StoreError> {
        let lease = self.store.remote.read(&self.path)?;
        Ok(lease.and_then(token_of).as_ref() == Some(&self.token))
    }

    /// Gives the lease back, which is held. What cannot be removed expires.
    fn release(&self) {
        self.is_released.set(true);
        let _ = self.store.remote.delete(&self.path);
    }

    fn key(&self) -> String {
        key_of(LEASES, &self.path).expect("the path was made of a key")
    }
}

impl Lease for Held<'_> {
    /// Looks, writes, and looks again. Had the key been deleted between the looks,
    /// the second finds it out, and what was written is taken back; had it been
    /// deleted later, the write went with it.
    fn publish(&self, bytes: &[u8], expires: Option<SystemTime>) -> Result<bool, StoreError> {
        if self.is_released.get() || !self.is_held()? {
            return Ok(false);
        }
        let key = self.key();
        self.store.put(&key, bytes, expires)?;
        if !self.is_held()? {
            self.store.remote.delete(&path_of(super::ENTRIES, &key))?;
            return Ok(false);
        }
        self.release();
        Ok(true)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.pulse.task.abort();
        if self.pulse.has_beaten.load(SeqCst) {
            let _ = self.store.remote.delete(&self.token.beat());
        }
        // Another's lease is not ours to remove.
        if !self.is_released.get() && matches!(self.is_held(), Ok(true)) {
            self.release();
        }
    }
}
