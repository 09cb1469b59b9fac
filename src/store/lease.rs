use super::StoreError;
use std::time::{Duration, SystemTime};

/// Locks in a shared store that expire: one caller, of all processes, builds what
/// the others wait for. A process that dies takes no key with it.
///
/// A lease protects work, not correctness. Its holder may be stopped for longer
/// than the lease lasts, and another then builds too; so what the first one brings
/// late is refused.
pub trait Leases: Send + Sync {
    /// Acquires the lease of `key`, waiting for at most `timeout`; nothing where it
    /// was held all that time. It is renewed until it is dropped.
    ///
    /// # Errors
    ///
    /// When the store cannot answer. That counts as not acquired.
    fn acquire<'l>(
        &'l self,
        key: &str,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Lease + 'l>>, StoreError>;
}

/// A lease that is held. Dropping it releases it, so a panic does too.
pub trait Lease: Send + Sync {
    /// Keeps `bytes` for the lease's key and releases the lease, in one step, if it
    /// is still held; answers whether it was. If not, nothing is kept: another
    /// caller has it, or the key was deleted.
    ///
    /// # Errors
    ///
    /// When the bytes could not be kept, or it is not known whether they were.
    fn publish(&self, bytes: &[u8], expires: Option<SystemTime>) -> Result<bool, StoreError>;
}
