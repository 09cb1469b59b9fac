use crate::store::bytes::{ByteStore, Change, Watch};
use crate::store::{Lease, Leases, StoreError};
use parking_lot::Mutex;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A store of bytes that fails now and then: by chance, but the same chance for the
/// same seed and the same order of calls.
///
/// ```
/// use mementos::testing::{ChaosStore, Faults, HeapBytes};
/// use mementos::{Memoizer, store::bytes::Encoded};
///
/// let faults = Faults { errors: 0.5, truncations: 0.5, ..Faults::NONE };
/// let memo = Memoizer::new(Encoded::new(ChaosStore::new(HeapBytes::new(), faults, 7)));
/// for n in 0..100_u32 {
///     assert_eq!(memo.get(&n.to_string(), || n).unwrap(), n, "a broken store breaks no caller");
/// }
/// ```
pub struct ChaosStore<S> {
    store: S,
    faults: Faults,
    dice: Mutex<Dice>,
}

/// How likely each fault is, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// A call fails, and nothing is done.
    pub errors: f64,
    /// A call is done, and its answer is lost: it fails all the same.
    pub lost_replies: f64,
    /// Bytes come back cut.
    pub truncations: f64,
    /// Bytes come back with a bit flipped.
    pub flips: f64,
    /// A call takes longer, by [`delay`](Self::delay).
    pub delays: f64,
    /// By how much.
    pub delay: Duration,
}

impl Faults {
    /// No faults.
    pub const NONE: Faults = Faults {
        errors: 0.0,
        lost_replies: 0.0,
        truncations: 0.0,
        flips: 0.0,
        delays: 0.0,
        delay: Duration::ZERO,
    };
}

/// What a fault does to a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Spared,
    Fails,
    LosesReply,
}

impl<S: ByteStore> ChaosStore<S> {
    /// A store that fails so often; by the same seed, in the same places.
    pub fn new(store: S, faults: Faults, seed: u64) -> Self {
        ChaosStore {
            store,
            faults,
            dice: Mutex::new(Dice(seed)),
        }
    }

    /// The store that is behind it, without faults.
    pub fn inner(&self) -> &S {
        &self.store
    }

    fn fate(&self) -> Fate {
        let mut dice = self.dice.lock();
        let is_delayed = dice.is(self.faults.delays);
        let fate = match (
            dice.is(self.faults.errors),
            dice.is(self.faults.lost_replies),
        ) {
            (true, _) => Fate::Fails,
            (_, true) => Fate::LosesReply,
            _ => Fate::Spared,
        };
        drop(dice);
        if is_delayed {
            std::thread::sleep(self.faults.delay);
        }
        fate
    }

    /// Runs a call, or not, and answers with what it answers, or not.
    fn call<R>(&self, run: impl FnOnce(&S) -> Result<R, StoreError>) -> Result<R, StoreError> {
        match self.fate() {
            Fate::Spared => run(&self.store),
            Fate::Fails => Err(fault("it was not done")),
            Fate::LosesReply => {
                _ = run(&self.store)?;
                Err(fault("it was done, and the reply was lost"))
            }
        }
    }

    fn spoil(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let mut dice = self.dice.lock();
        if dice.is(self.faults.truncations) {
            let end = dice.below(bytes.len());
            bytes.truncate(end);
        }
        if dice.is(self.faults.flips) && !bytes.is_empty() {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        bytes
    }
}

fn fault(what: &'static str) -> StoreError {
    StoreError::new("a call that chaos chose", what)
}

impl<S: ByteStore> ByteStore for ChaosStore<S> {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.call(|store| store.get(key))?;
        Ok(found.map(|bytes| self.spoil(bytes)))
    }

    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError> {
        self.call(|store| store.put(key, bytes, expires))
    }

    fn put_if_absent(
        &self,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<Option<bool>, StoreError> {
        self.call(|store| store.put_if_absent(key, bytes, expires))
    }

    fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<bool, StoreError> {
        self.call(|store| store.replace(key, old, new, expires))
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.call(|store| store.delete(key))
    }

    fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let found = self.call(|store| store.get_many(keys))?;
        let spoiled = found.into_iter();
        Ok(spoiled
            .map(|bytes| bytes.map(|bytes| self.spoil(bytes)))
            .collect())
    }

    fn keys(&self, prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
        self.call(|store| store.keys(prefix))
    }

    fn delete_prefix(&self, prefix: &str) -> Result<(), StoreError> {
        self.call(|store| store.delete_prefix(prefix))
    }

    fn clear(&self) -> Result<(), StoreError> {
        self.call(S::clear)
    }

    fn sweep(&self, now: SystemTime) -> Result<usize, StoreError> {
        self.call(|store| store.sweep(now))
    }

    fn tidy(&self, now: SystemTime) -> usize {
        self.store.tidy(now)
    }

    fn leases(&self) -> Option<&dyn Leases> {
        self.store.leases().map(|_| self as &dyn Leases)
    }

    fn watch(
        &self,
        told: Box<dyn Fn(Change<'_>) + Send + Sync>,
    ) -> Result<Option<Watch>, StoreError> {
        self.store.watch(told)
    }

    fn native_ttl(&self, key: &str) -> Result<Option<Duration>, StoreError> {
        self.call(|store| store.native_ttl(key))
    }
}

impl<S: ByteStore> Leases for ChaosStore<S> {
    fn acquire<'l>(
        &'l self,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Lease + 'l>>, StoreError> {
        let Some(leases) = self.store.leases() else {
            return Ok(None);
        };
        let acquired = self.call(|_| leases.acquire(key, timeout))?;
        Ok(acquired.map(|lease| -> Box<dyn Lease + 'l> { Box::new(Held { lease, chaos: self }) }))
    }
}

struct Held<'l, S> {
    lease: Box<dyn Lease + 'l>,
    chaos: &'l ChaosStore<S>,
}

impl<S: ByteStore> Lease for Held<'_, S> {
    fn publish(&self, bytes: &[u8], expires: Option<SystemTime>) -> Result<bool, StoreError> {
        self.chaos.call(|_| self.lease.publish(bytes, expires))
    }
}

/// SplitMix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators" (OOPSLA 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Whether something of this likelihood happens.
    fn is(&mut self, likelihood: f64) -> bool {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < likelihood
    }

    /// A number below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % (end as u64).max(1)) as usize
    }
}

impl<S> fmt::Debug for ChaosStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChaosStore({:?})", self.faults)
    }
}
