use super::file::File;
use super::group::Group;
use super::tables::Tables;
use super::{DiskError, DiskFault, DiskOptions};
use crate::store::StoreError;
use redb::Error;
use std::time::Duration;

/// The file could hold more, but a change that it refused would take those of other
/// threads down with it.
const LARGEST: usize = 1 << 30;

/// The file and the way to change it.
pub(super) struct Core {
    pub(super) file: File,
    group: Group,
}

impl Core {
    pub(super) fn open(options: DiskOptions) -> Result<Self, DiskError> {
        Ok(Core {
            file: File::open(options)?,
            group: Group::default(),
        })
    }

    /// Makes `change`; when this returns it is on the disk.
    pub(super) fn change(
        &self,
        change: impl FnOnce(&mut Tables<'_>) -> Result<usize, Error> + Send + 'static,
    ) -> Result<usize, DiskError> {
        self.group.commit(&self.file, change)
    }

    /// A change that puts `bytes` for `key`, of which it gets copies: another thread
    /// may make it.
    pub(super) fn put(
        &self,
        did: &'static str,
        (key, bytes): (&str, &[u8]),
        change: impl FnOnce(&mut Tables<'_>, &[u8], &[u8]) -> Result<usize, Error> + Send + 'static,
    ) -> Result<usize, StoreError> {
        self.fits(key.len().saturating_add(bytes.len()))
            .and_then(|()| {
                let (key, bytes) = (key.as_bytes().to_vec(), bytes.to_vec());
                self.change(move |tables| change(tables, &key, &bytes))
            })
            .map_err(|error| error.while_doing(did))
    }

    pub(super) fn lease(&self) -> Duration {
        self.file.options().lease
    }

    fn fits(&self, len: usize) -> Result<(), DiskError> {
        if len <= LARGEST {
            return Ok(());
        }
        let detail = format!("{len} bytes of at most {LARGEST}");
        let path = &self.file.options().path;
        Err(DiskError::new(path, DiskFault::TooLarge, detail))
    }
}
