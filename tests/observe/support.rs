//! What the tests share.

use mementos::store::{Lock, Store, StoreError};
use mementos::{AnyValue, BuildError, Entry, Event, Memoizer, Observer, Options, Origin};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

/// A key that must not be seen anywhere.
pub(crate) const SECRET: &str = "secret";

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Writes down what is told.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Told>>>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) function: String,
    pub(crate) region: Option<String>,
    /// The name, and for events that say more, what they say.
    pub(crate) event: String,
}

impl Log {
    /// What was told since this was last asked.
    pub(crate) fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The same, the events alone.
    pub(crate) fn events(&self) -> Vec<String> {
        self.take().into_iter().map(|told| told.event).collect()
    }
}

impl Observer for Log {
    fn observe(&self, origin: &Origin<'_>, event: &Event<'_>) {
        let shown = format!("{origin:?} {event:?}");
        assert!(!shown.contains(SECRET), "there is a key in {shown}");
        let more = match event {
            Event::Built { took } => format!(" in {took:?}"),
            Event::Evicted { entries } => format!(" {entries}"),
            Event::LockWaited { waited, acquired } => match acquired {
                true => format!(" {waited:?}"),
                false => format!(" {waited:?} in vain"),
            },
            _ => String::new(),
        };
        self.0.lock().unwrap().push(Told {
            function: origin.function.to_owned(),
            region: origin.region.map(str::to_owned),
            event: format!("{}{more}", event.name()),
        });
    }
}

/// A store that fails as long as it is told to.
#[derive(Clone, Default)]
pub(crate) struct Faulty {
    kept: Arc<Mutex<BTreeMap<String, Entry<AnyValue>>>>,
    reads_fail: Arc<AtomicBool>,
    writes_fail: Arc<AtomicBool>,
}

impl Faulty {
    pub(crate) fn fail_reads(&self, fail: bool) {
        self.reads_fail.store(fail, Ordering::SeqCst);
    }

    pub(crate) fn fail_writes(&self, fail: bool) {
        self.writes_fail.store(fail, Ordering::SeqCst);
    }
}

fn check(fails: &AtomicBool, did: &'static str) -> Result<(), StoreError> {
    match fails.load(Ordering::SeqCst) {
        true => Err(StoreError::new(did, "out of order")),
        false => Ok(()),
    }
}

impl Store<String, Entry<AnyValue>> for Faulty {
    fn get(&self, key: &String) -> Result<Option<Entry<AnyValue>>, StoreError> {
        check(&self.reads_fail, "reading")?;
        self.kept.get(key)
    }

    fn put(
        &self,
        key: String,
        entry: Entry<AnyValue>,
        expires: Option<SystemTime>,
    ) -> Result<Option<Entry<AnyValue>>, StoreError> {
        check(&self.writes_fail, "writing")?;
        self.kept.put(key, entry, expires)
    }

    fn delete(&self, key: &String) -> Result<Option<Entry<AnyValue>>, StoreError> {
        self.kept.delete(key)
    }

    fn clear(&self) -> Result<(), StoreError> {
        Store::clear(&self.kept)
    }

    fn entries(&self) -> Result<Vec<(String, Entry<AnyValue>)>, StoreError> {
        self.kept.entries()
    }
}

/// Asks for what cannot be built.
#[track_caller]
pub(crate) fn fail(memo: &Memoizer, key: &str, options: &Options) {
    let failed: Result<u8, BuildError<&str>> = memo.get_with(key, options, || Err("no"));
    assert!(failed.is_err());
}

/// A lock of which the answer is a function's.
pub(crate) struct Answering<F>(pub(crate) F);

impl<F: Fn() -> Result<bool, StoreError> + Send + Sync> Lock for Answering<F> {
    fn acquire(&self, _key: &str, _timeout: Duration) -> Result<bool, StoreError> {
        (self.0)()
    }

    fn release(&self, _key: &str) {}
}

/// Runs `run` on a thread of its own, and fails if that hangs.
#[track_caller]
pub(crate) fn in_time<R: Send + 'static>(run: impl FnOnce() -> R + Send + 'static) -> R {
    let (sends, receives) = mpsc::channel();
    let thread = thread::spawn(move || sends.send(run()));
    match receives.recv_timeout(secs(20)) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().unwrap_err())
        }
    }
}
