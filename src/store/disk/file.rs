use super::backoff::Backoff;
use super::opening;
use super::{Check, DiskError, DiskFault, DiskOptions};
use parking_lot::{MappedRwLockReadGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use redb::{
    Database, Error, ReadTransaction, ReadableDatabase, TransactionError, WriteTransaction,
};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How long a file that could not be opened again is left alone.
const REST: Duration = Duration::from_secs(1);

/// The open file. After a failure it is closed, and the next call opens it again.
pub(super) struct File {
    options: DiskOptions,
    state: RwLock<State>,
}

enum State {
    Open(Database),
    /// Why, from when on it is worth opening, and how carefully.
    Shut(DiskError, Instant, Check),
}

/// What a write transaction did.
pub(super) enum Did {
    Something,
    /// So there is nothing to wait for the disk for.
    Nothing,
}

impl File {
    pub(super) fn open(options: DiskOptions) -> Result<Self, DiskError> {
        let db = opening::open(&options)?;
        Ok(File {
            options,
            state: RwLock::new(State::Open(db)),
        })
    }

    pub(super) fn options(&self) -> &DiskOptions {
        &self.options
    }

    /// Reads what was committed before the call.
    pub(super) fn read<R>(
        &self,
        run: impl FnOnce(&ReadTransaction) -> Result<R, Error>,
    ) -> Result<R, DiskError> {
        self.with(|db| run(&db.begin_read()?))
    }

    /// Changes all or nothing. What it changed is on the disk when this returns.
    pub(super) fn write<R>(
        &self,
        run: impl FnOnce(&WriteTransaction) -> Result<(R, Did), Error>,
    ) -> Result<R, DiskError> {
        self.with(|db| {
            let transaction = self.begin(db)?;
            let (answer, did) = run(&transaction)?;
            match did {
                Did::Something => transaction.commit()?,
                Did::Nothing => transaction.abort()?,
            }
            Ok(answer)
        })
    }

    /// Moves what is kept together, and cuts the rest of the file off. No transaction
    /// of this process is open meanwhile.
    pub(super) fn compact(&self) -> Result<bool, DiskError> {
        let mut state = self.state.write();
        self.reopen(&mut state)?;
        let compacted = match &mut *state {
            State::Open(db) => guarded(|| {
                // The library waits for another process's writing without a limit.
                self.begin(db)?.abort()?;
                // Nor would it come to an end in a file that is damaged in some places.
                db.check_integrity()?;
                Ok(db.compact()?)
            }),
            State::Shut(..) => unreachable!("it has just been opened"),
        };
        drop(state);
        compacted.map_err(|error| self.failed(error))
    }

    /// One process writes at a time. One that was stopped in the middle must not stop
    /// the others for ever, so this asks again and again rather than to be woken.
    fn begin(&self, db: &Database) -> Result<WriteTransaction, Error> {
        let mut tries = Backoff::new(
            Duration::from_micros(50),
            Duration::from_millis(5),
            self.options.wait,
        );
        loop {
            match db.try_begin_write() {
                Err(TransactionError::WouldBlock) if tries.pause() => {}
                outcome => return Ok(outcome?),
            }
        }
    }

    fn with<R>(&self, run: impl FnOnce(&Database) -> Result<R, Error>) -> Result<R, DiskError> {
        let db = self.opened()?;
        let outcome = guarded(|| run(&db));
        drop(db);
        outcome.map_err(|error| self.failed(error))
    }

    fn opened(&self) -> Result<MappedRwLockReadGuard<'_, Database>, DiskError> {
        let open = |state: &State| matches!(state, State::Open(_));
        let mut state = self.state.read();
        if !open(&state) {
            drop(state);
            let mut shut = self.state.write();
            self.reopen(&mut shut)?;
            state = RwLockWriteGuard::downgrade(shut);
        }
        Ok(RwLockReadGuard::map(state, |state| match state {
            State::Open(db) => db,
            State::Shut(..) => unreachable!("it has just been opened"),
        }))
    }

    fn reopen(&self, state: &mut State) -> Result<(), DiskError> {
        let State::Shut(error, again, check) = &*state else {
            return Ok(());
        };
        if Instant::now() < *again {
            return Err(error.clone());
        }
        let check = *check;
        let options = self.options.clone().check(check);
        match opening::open(&options) {
            Ok(db) => {
                *state = State::Open(db);
                Ok(())
            }
            Err(error) => {
                *state = State::Shut(error.clone(), Instant::now() + REST, check);
                Err(error)
            }
        }
    }

    /// After these failures the library refuses all further work until the file is
    /// opened again. A thread that comes late may close what another has reopened in
    /// between: that costs one more opening, and no harm.
    fn failed(&self, error: Error) -> DiskError {
        let error = DiskError::of(&self.options.path, error);
        let check = match error.fault() {
            DiskFault::Busy | DiskFault::TooLarge => return error,
            DiskFault::Damaged | DiskFault::Foreign => Check::Whole,
            DiskFault::Failed | DiskFault::Unreachable => self.options.check,
        };
        self.shut(State::Shut(error.clone(), Instant::now(), check));
        error
    }

    fn shut(&self, shut: State) {
        let mut state = self.state.write();
        if matches!(*state, State::Open(_)) {
            let open = std::mem::replace(&mut *state, shut);
            let _ = guarded(|| {
                drop(open);
                Ok(())
            });
        }
    }
}

impl Drop for File {
    /// Closing writes too, so it may meet damage.
    fn drop(&mut self) {
        let error = DiskError::new(&self.options.path, DiskFault::Failed, "closed");
        self.shut(State::Shut(error, Instant::now(), Check::Quick));
    }
}

/// Runs the file's library, which may panic on what it did not write itself. What a
/// panic leaves behind is not used again: the file is closed.
pub(super) fn guarded<R>(run: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|panic| Err(Error::Corrupted(message(&*panic))))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("reading it panicked").to_owned()
}
