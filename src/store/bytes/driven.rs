use super::{AsyncByteStore, AsyncLease, AsyncLeases, ByteStore, Lease, Leases};
use crate::drive::block_on;
use crate::store::StoreError;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A store of bytes that is awaited, as one for all callers: whoever blocks drives its
/// futures on its own thread, and whoever awaits has it as it is.
///
/// For a store that has nothing but an [`AsyncByteStore`] to give. Its keys cannot be
/// listed, nor can it be watched, or swept from outside.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use mementos::Memoizer;
/// use mementos::store::bytes::{Driven, Encoded, Unblocked};
/// use mementos::testing::HeapBytes;
///
/// let awaited = Unblocked::new(HeapBytes::new());
/// let memo = Memoizer::new(Encoded::new(Driven::new(awaited)));
/// assert_eq!(memo.get("key", || 1_u32).unwrap(), 1);
/// # }
/// ```
pub struct Driven<A>(A);

impl<A: AsyncByteStore> Driven<A> {
    /// This store, for callers that block as well.
    pub fn new(store: A) -> Self {
        Driven(store)
    }

    /// The store.
    pub fn inner(&self) -> &A {
        &self.0
    }
}

impl<A: AsyncByteStore> ByteStore for Driven<A> {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        block_on(self.0.get(key))
    }

    fn put(&self, key: &str, bytes: &[u8], expires: Option<SystemTime>) -> Result<(), StoreError> {
        block_on(self.0.put(key, bytes, expires))
    }

    fn put_if_absent(
        &self,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<Option<bool>, StoreError> {
        block_on(self.0.put_if_absent(key, bytes, expires))
    }

    fn replace(
        &self,
        key: &str,
        old: &[u8],
        new: &[u8],
        expires: Option<SystemTime>,
    ) -> Result<bool, StoreError> {
        block_on(self.0.replace(key, old, new, expires))
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        block_on(self.0.delete(key))
    }

    fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        block_on(self.0.get_many(keys))
    }

    fn delete_prefix(&self, prefix: &str) -> Result<(), StoreError> {
        block_on(self.0.delete_prefix(prefix))
    }

    fn clear(&self) -> Result<(), StoreError> {
        block_on(self.0.clear())
    }

    fn tidy(&self, now: SystemTime) -> usize {
        block_on(self.0.tidy(now)).unwrap_or(0)
    }

    fn leases(&self) -> Option<&dyn Leases> {
        self.0.leases().map(|_| self as &dyn Leases)
    }

    fn awaited(&self) -> Option<&dyn AsyncByteStore> {
        Some(&self.0)
    }

    fn native_ttl(&self, key: &str) -> Result<Option<Duration>, StoreError> {
        block_on(self.0.native_ttl(key))
    }
}

/// What a lease is of.
struct Of<'l> {
    leases: &'l dyn AsyncLeases,
    key: String,
}

type Leased<'a> = Box<dyn AsyncLease + 'a>;

self_cell::self_cell!(
    /// A lease, and the key that it is of.
    struct Held<'l> {
        owner: Of<'l>,
        #[not_covariant]
        dependent: Leased,
    }
);

impl<A: AsyncByteStore> Leases for Driven<A> {
    fn acquire<'l>(
        &'l self,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Lease + 'l>>, StoreError> {
        let Some(leases) = self.0.leases() else {
            return Ok(None);
        };
        let key = key.to_owned();
        let held = Held::try_new(Of { leases, key }, |of| {
            match block_on(of.leases.acquire(&of.key, timeout)) {
                Ok(Some(lease)) => Ok(lease),
                Ok(None) => Err(None),
                Err(fault) => Err(Some(fault)),
            }
        });
        match held {
            Ok(held) => Ok(Some(Box::new(held))),
            Err(None) => Ok(None),
            Err(Some(fault)) => Err(fault),
        }
    }
}

impl Lease for Held<'_> {
    fn publish(&self, bytes: &[u8], expires: Option<SystemTime>) -> Result<bool, StoreError> {
        self.with_dependent(|_, lease| block_on(lease.publish(bytes, expires)))
    }
}

impl<A: fmt::Debug> fmt::Debug for Driven<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Driven({:?})", self.0)
    }
}
