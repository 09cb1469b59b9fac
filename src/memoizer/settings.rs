//! What holds for all calls of one memoizer, and can be changed while it is used.

use super::epochs::Epochs;
use super::observe::Observers;
use super::works::Works;
use crate::clock::Watch;
use crate::error::RegionError;
use crate::options::{Options, Terms};
use crate::region::Regions;
use once_cell::sync::OnceCell;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub(crate) struct Settings {
    /// Set once, before the memoizer is used.
    clock: OnceCell<Watch>,
    pub(crate) observers: Observers,
    /// What has been invalidated of what is in no store.
    pub(crate) epochs: Arc<Epochs>,
    /// What is done in the background.
    pub(crate) works: Works,
    book: RwLock<Book>,
    /// Grows with every change.
    version: AtomicU64,
}

#[derive(Clone, Default)]
pub(crate) struct Book {
    pub(crate) defaults: Options,
    pub(crate) regions: Regions,
}

impl Settings {
    pub(crate) fn clock(&self) -> &Watch {
        self.clock.get_or_init(|| Watch::Coarse)
    }

    /// Whether the clock could still be chosen.
    pub(crate) fn choose_clock(&self, clock: Watch) -> bool {
        self.clock.set(clock).is_ok()
    }

    pub(crate) fn read<R>(&self, read: impl FnOnce(&Book) -> R) -> R {
        read(&self.book.read())
    }

    /// Changes a copy, and puts it in place if `change` is content with it. What it
    /// replaces is dropped with nothing locked: it may own stores.
    pub(crate) fn change<R, E>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut book = self.book.write();
        let mut changed = book.clone();
        let done = change(&mut changed);
        let (done, old) = match done {
            Ok(done) => (Ok(done), std::mem::replace(&mut *book, changed)),
            Err(error) => (Err(error), changed),
        };
        self.touch();
        drop(book);
        drop(old);
        done
    }

    /// How often there has been a change.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Has those who have asked for what holds ask again.
    pub(crate) fn touch(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// What holds for a call that says all this itself.
    pub(crate) fn terms_for(&self, call: &Options) -> Result<Terms, RegionError> {
        Ok(self.terms(call)?.for_call(call))
    }

    /// What holds for a call of which `inner` is said.
    pub(crate) fn terms(&self, inner: &Options) -> Result<Terms, RegionError> {
        let options = self.read(|book| book.regions.resolve(inner, &book.defaults))?;
        Ok(Terms::from(&options))
    }
}
