//! Registries: every type's instances, partitioned by type and by factory.

mod claim;
mod home;
mod id;
mod inner;
mod partition;
mod snapshot;

pub use claim::{Claim, Claimed};
pub use id::FactoryId;
pub use partition::{Building, Partition};
pub use snapshot::{Row, Snapshot};

pub(crate) use home::Home;
pub(crate) use inner::Inner;

use crate::held::Held;
use crate::key::{Key, hash_of};
use crate::scope::{self, Scope, scoped};
use crate::store::{Kept, StoreError};
use crate::table::Lasting;
use id::PartitionId;
use inner::AnyPartition;
use once_cell::sync::Lazy;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where instances are registered: one partition per type and factory.
///
/// There is one global registry, which calls mean unless they are made inside a
/// [`scope`](Self::scope). This is a handle: a clone is the same registry. An
/// owned registry goes, with all it keeps, when its last handle is dropped.
///
/// ```
/// use mementos::{Registry, memento};
/// use std::sync::Arc;
///
/// struct Thing;
///
/// #[memento]
/// impl Thing {
///     fn new(_name: &str) -> Self { Thing }
/// }
///
/// let outside = Thing::memento("one");
/// Registry::new().scope(|| {
///     assert!(!Arc::ptr_eq(&outside, &Thing::memento("one")));
/// });
/// assert!(Arc::ptr_eq(&outside, &Thing::memento("one")));
/// ```
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

struct Shared {
    partitions: Lasting<PartitionId, Held<dyn AnyPartition>>,
    counting_hits: AtomicBool,
}

scoped!(Registry);

static GLOBAL: Lazy<Registry> = Lazy::new(Registry::new);

impl Registry {
    /// A registry of one's own, with nothing in it.
    pub fn new() -> Self {
        Registry(Arc::new(Shared {
            partitions: Lasting::new(),
            counting_hits: AtomicBool::new(false),
        }))
    }

    /// The registry that calls mean outside every scope.
    pub fn global() -> &'static Registry {
        &GLOBAL
    }

    /// The registry that a call made here and now would mean.
    ///
    /// Hand it to a thread that is to work in the same one:
    ///
    /// ```
    /// use mementos::Registry;
    ///
    /// Registry::new().scope(|| {
    ///     let here = Registry::current();
    ///     std::thread::spawn(move || here.scope(|| { /* the same registry */ }));
    /// });
    /// ```
    pub fn current() -> Registry {
        scope::innermost().unwrap_or_else(|| Registry::global().clone())
    }

    /// Runs `run` with every memento on this thread being this registry's own.
    ///
    /// Scopes nest. Other threads are not in it, unless they are handed
    /// [`Registry::current`]. While any scope is open in the process, every hit
    /// looks up its registry and its partition, which takes about a tenth of a
    /// microsecond: scopes are for tests.
    pub fn scope<R>(&self, run: impl FnOnce() -> R) -> R {
        let here = scope::innermost();
        let is_here = here.as_ref().unwrap_or(Registry::global()).is(self);
        let _open = (!is_here).then(|| Scope::open(self));
        run()
    }

    /// Forgets all instances, but for those that are kept `static`.
    ///
    /// # Errors
    ///
    /// The first store of the user's own that failed. The others are cleared.
    pub fn clear(&self) -> Result<(), StoreError> {
        let each = self
            .0
            .partitions
            .iter()
            .map(|(_, partition)| partition.clear());
        each.fold(Ok(()), Result::and)
    }

    /// Gives up the entries of instances that have died, in every partition;
    /// answers with their number.
    pub fn sweep(&self) -> usize {
        self.0
            .partitions
            .iter()
            .map(|(_, partition)| partition.sweep())
            .sum()
    }

    /// Switches the counting of hits on or off, in every partition, those to
    /// come among them. See [`Partition::count_hits`].
    pub fn count_hits(&self, counting: bool) {
        self.0.counting_hits.store(counting, Ordering::Relaxed);
        for (_, partition) in self.0.partitions.iter() {
            partition.count_hits(counting);
        }
    }

    /// What is in every partition, and what has happened there.
    pub fn snapshot(&self) -> Snapshot {
        let mut rows: Vec<Row> = self
            .0
            .partitions
            .iter()
            .map(|(_, partition)| partition.row())
            .collect();
        rows.sort_by_key(|row| (row.type_name, row.factory));
        Snapshot { rows }
    }

    fn is(&self, other: &Registry) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn is_global(&self) -> bool {
        self.is(Registry::global())
    }

    /// The partition for a factory: in its home, if it has one and this is the
    /// global registry.
    pub(crate) fn partition<K, T, E>(
        &self,
        factory: FactoryId,
        home: Option<&'static Home<K, T, E>>,
        kept: impl FnOnce() -> Kept<K, T>,
    ) -> Made<K, T, E>
    where
        K: Key,
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        let Some(home) = home.filter(|_| self.is_global()) else {
            return self.partition_by(factory, kept);
        };
        if let Some(inner) = home.get() {
            return Made::Before(Held::Forever(inner));
        }
        let mut is_ours = false;
        let inner = home.get_or_init(|| {
            is_ours = true;
            self.furnish(kept(), factory)
        });
        self.register(factory, Held::Forever(inner as &'static dyn AnyPartition));
        Made::by(is_ours, Held::Forever(inner))
    }

    /// The partition for a factory, without a home.
    pub(crate) fn partition_by<K, T, E>(
        &self,
        factory: FactoryId,
        kept: impl FnOnce() -> Kept<K, T>,
    ) -> Made<K, T, E>
    where
        K: Key,
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        let typed =
            |held: &Held<dyn AnyPartition>| held.typed().expect("a partition's id names its type");
        let id = PartitionId::of::<Inner<K, T, E>>(factory);
        let partitions = &self.0.partitions;
        if let Some(registered) = partitions.get(hash_of(&id), |known| *known == id) {
            return Made::Before(typed(registered));
        }
        let ours: Arc<Inner<K, T, E>> = Arc::new(self.furnish(kept(), factory));
        let registered = self.register(factory, Held::Counted(Arc::clone(&ours) as _));
        let registered: Held<Inner<K, T, E>> = typed(registered);
        Made::by(std::ptr::eq(&*registered, &*ours), registered)
    }

    /// Answers with the partition that has the id: this one or an earlier one.
    fn register(
        &self,
        factory: FactoryId,
        partition: Held<dyn AnyPartition>,
    ) -> &Held<dyn AnyPartition> {
        let id = PartitionId {
            holds: partition.as_any().type_id(),
            factory,
        };
        self.0.partitions.get_or_insert(hash_of(&id), id, partition)
    }

    fn furnish<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static>(
        &self,
        kept: Kept<K, T>,
        factory: FactoryId,
    ) -> Inner<K, T, E> {
        let inner = Inner::new(kept, factory.name());
        inner
            .counters
            .count_hits(self.0.counting_hits.load(Ordering::Relaxed));
        inner
    }

    /// A partition that has been made before: a look-up without a lock.
    #[inline]
    pub(crate) fn known<K: Key, T: Send + Sync + 'static, E: Send + Sync + 'static>(
        &self,
        factory: FactoryId,
    ) -> Option<&Inner<K, T, E>> {
        let id = PartitionId::of::<Inner<K, T, E>>(factory);
        let registered = self.0.partitions.get(hash_of(&id), |known| *known == id)?;
        registered.as_any().downcast_ref()
    }
}

/// A partition, and who made it.
pub(crate) enum Made<K: 'static, T: 'static, E: 'static> {
    /// This call, over the store that it brought.
    Now(Held<Inner<K, T, E>>),
    /// An earlier one.
    Before(Held<Inner<K, T, E>>),
}

impl<K, T, E> Made<K, T, E> {
    fn by(is_ours: bool, held: Held<Inner<K, T, E>>) -> Self {
        if is_ours {
            Made::Now(held)
        } else {
            Made::Before(held)
        }
    }

    /// The partition, whoever made it.
    pub(crate) fn held(self) -> Held<Inner<K, T, E>> {
        match self {
            Made::Now(held) | Made::Before(held) => held,
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Registry::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.is_global() {
            "Registry::global"
        } else {
            "Registry"
        };
        write!(f, "{name}({} partitions)", self.0.partitions.len())
    }
}
