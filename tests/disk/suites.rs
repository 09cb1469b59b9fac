//! The suites over the file.

use mementos::store::bytes::Encoded;
use mementos::store::disk::DiskStore;
use mementos::store::{SharedStore, Tiered};
use mementos::testing::{byte_stores, memoizers};
use std::cell::Cell;
use std::path::PathBuf;
use tempfile::TempDir;

/// Files that have not been there, one after another.
struct Files {
    folder: TempDir,
    next: Cell<usize>,
}

impl Files {
    fn new() -> Self {
        Files {
            folder: TempDir::new().unwrap(),
            next: Cell::new(0),
        }
    }

    fn path(&self) -> PathBuf {
        let number = self.next.replace(self.next.get() + 1);
        self.folder.path().join(number.to_string())
    }

    fn store(&self) -> DiskStore {
        DiskStore::open(self.path()).unwrap()
    }
}

#[test]
fn bytes() {
    let files = Files::new();
    byte_stores::conform(|| files.store());
}

#[test]
fn memoizers_over_a_file() {
    let files = Files::new();
    memoizers::conform(|| Encoded::new(files.store()).into());
}

#[test]
fn memoizers_over_memory_before_a_file() {
    let files = Files::new();
    let tiered = || -> SharedStore { Tiered::new(Encoded::new(files.store())).into() };
    memoizers::conform(tiered);
}
