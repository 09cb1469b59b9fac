use super::DiskStore;
use crate::store::StoreError;
use std::path::PathBuf;
use std::time::Duration;

/// What to do with a file that is damaged, or not a store's at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfDamaged {
    /// Answer with an error, and leave the file as it is.
    #[default]
    Fail,
    /// Rename it to `<name>.damaged-<n>`, and begin a new one.
    MoveAside,
}

/// How much of the file is checked when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// What is needed to go on where the last process stopped or died. It takes no
    /// time to speak of. Damage further in is an error when it is met.
    #[default]
    Quick,
    /// All of it, which takes as long as reading the file does. Where panics abort
    /// the process, this alone makes sure that damage is an error.
    Whole,
}

/// How a [`DiskStore`] is to be opened; [`DiskStore::at`] begins it.
///
/// ```
/// use mementos::store::disk::{DiskStore, IfDamaged};
/// use std::time::Duration;
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("cache.redb");
/// let store = DiskStore::at(path)
///     .cache(4 << 20)
///     .if_damaged(IfDamaged::MoveAside)
///     .lease(Duration::from_secs(30))
///     .open()?;
/// # Ok::<_, mementos::store::StoreError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is opened before `open`"]
pub struct DiskOptions {
    pub(super) path: PathBuf,
    pub(super) cache: usize,
    pub(super) if_damaged: IfDamaged,
    pub(super) check: Check,
    pub(super) lease: Duration,
    pub(super) wait: Duration,
}

impl DiskOptions {
    pub(super) fn new(path: PathBuf) -> Self {
        DiskOptions {
            path,
            cache: 16 << 20,
            if_damaged: IfDamaged::default(),
            check: Check::default(),
            lease: Duration::from_secs(10),
            wait: Duration::from_secs(5),
        }
    }

    /// How many bytes of the file this process holds in memory; 16 MiB unless set.
    /// The system has a cache of its own beneath.
    pub fn cache(mut self, bytes: usize) -> Self {
        self.cache = bytes;
        self
    }

    /// What to do if the file is damaged or not a store's; an error unless set.
    pub fn if_damaged(mut self, then: IfDamaged) -> Self {
        self.if_damaged = then;
        self
    }

    /// How much of the file is checked on opening; little unless set.
    pub fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    /// How long a lease lasts when its holder does not renew it any more: as long do
    /// others wait for a process that died. 10 seconds unless set; from 30 ms to a day.
    /// It is renewed at a third of this time.
    pub fn lease(mut self, life: Duration) -> Self {
        self.lease = life.clamp(Duration::from_millis(30), Duration::from_secs(86_400));
        self
    }

    /// How long a write waits for those of other processes before it is an error; 5
    /// seconds unless set. One that comes while another thread of this process waits
    /// may take twice that.
    pub fn wait(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// Opens the file, or begins it where there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or made, is damaged, is not a store's, or another
    /// process has it for itself. The [`DiskError`](super::DiskError) in it tells
    /// these apart.
    pub fn open(self) -> Result<DiskStore, StoreError> {
        DiskStore::with(self)
    }
}
