use crate::store::StoreError;
use crate::store::threads::Threads;
use ::opendal::options::{ListOptions, ReadOptions, WriteOptions};
use ::opendal::{Buffer, Error, ErrorKind, Operator};
use std::future::Future;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, SystemTime};
use tokio::task::JoinHandle;

/// An operator, for callers that wait, and wait no longer than they want.
///
/// Operators are asynchronous. What they do runs on threads of our own, and the
/// caller waits by a channel and not by a runtime: that works in a plain thread and
/// also within somebody's runtime, where entering another one panics.
pub(super) struct Remote {
    operator: Operator,
    pub(super) limit: Duration,
}

/// For all operators. They are few: they only start what the service then does.
static THREADS: Threads = Threads::new("mementos-opendal", 2);

/// What is done in case something is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Anything,
    Nothing,
}

impl Remote {
    pub(super) fn new(operator: Operator) -> Self {
        const LIMIT: Duration = Duration::from_secs(10);
        Remote {
            operator,
            limit: LIMIT,
        }
    }

    pub(super) fn operator(&self) -> &Operator {
        &self.operator
    }

    pub(super) fn writes_if_absent(&self) -> bool {
        self.operator.info().capability().write_with_if_not_exists
    }

    pub(super) fn lists(&self) -> bool {
        self.operator.info().capability().list
    }

    /// Does something on our threads, without waiting for it.
    pub(super) fn start<T: Send + 'static>(
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<JoinHandle<T>, StoreError> {
        THREADS.start(work)
    }

    fn wait<T: Send + 'static>(
        &self,
        did: &'static str,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, is_done) = mpsc::sync_channel(1);
        let task = Remote::start(async move {
            // The caller may have given up.
            let _ = done.send(work.await);
        })?;
        match is_done.recv_timeout(self.limit) {
            Ok(outcome) => outcome.map_err(|cause| StoreError::new(did, cause)),
            Err(RecvTimeoutError::Timeout) => {
                task.abort();
                let cause = format!("the service took longer than {:?}", self.limit);
                Err(StoreError::new(did, cause))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(StoreError::new(did, "the service panicked"))
            }
        }
    }

    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (operator, path) = (self.operator.clone(), path.to_owned());
        self.wait("reading", async move { found(operator.read(&path).await) })
    }

    /// The first bytes of an object, or all where they are fewer.
    pub(super) fn read_first(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let (operator, path) = (self.operator.clone(), path.to_owned());
        let options = ReadOptions {
            range: (..most).into(),
            ..ReadOptions::default()
        };
        self.wait("reading", async move {
            match operator.read_options(&path, options).await {
                // It is shorter than that.
                Err(error) if error.kind() == ErrorKind::RangeNotSatisfied => Ok(None),
                outcome => found(outcome),
            }
        })
    }

    /// Several objects, some of them at a time.
    pub(super) fn read_many(&self, paths: Vec<String>) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        const AT_A_TIME: usize = 16;
        let mut all = Vec::with_capacity(paths.len());
        for some in paths.chunks(AT_A_TIME) {
            let (operator, some) = (self.operator.clone(), some.to_vec());
            all.extend(self.wait("reading", read_each(operator, some))?);
        }
        Ok(all)
    }

    /// Writes an object; answers whether it was written.
    pub(super) fn write(&self, path: &str, bytes: Vec<u8>, over: Over) -> Result<bool, StoreError> {
        let (operator, path) = (self.operator.clone(), path.to_owned());
        let options = WriteOptions {
            if_not_exists: over == Over::Nothing,
            ..WriteOptions::default()
        };
        self.wait("writing", async move {
            let written = operator.write_options(&path, Buffer::from(bytes), options);
            match written.await {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == ErrorKind::ConditionNotMatch => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    pub(super) fn exists(&self, path: &str) -> Result<bool, StoreError> {
        let (operator, path) = (self.operator.clone(), path.to_owned());
        self.wait("looking", async move { operator.exists(&path).await })
    }

    /// When an object was written, where the service tells.
    pub(super) fn written_at(&self, path: &str) -> Result<Option<SystemTime>, StoreError> {
        let (operator, path) = (self.operator.clone(), path.to_owned());
        self.wait("looking", async move {
            match operator.stat(&path).await {
                Ok(metadata) => Ok(metadata.last_modified().map(SystemTime::from)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    pub(super) fn delete(&self, path: &str) -> Result<(), StoreError> {
        let (operator, path) = (self.operator.clone(), path.to_owned());
        self.wait(
            "deleting",
            async move { gone(operator.delete(&path).await) },
        )
    }

    /// The files whose paths begin so.
    pub(super) fn list(&self, begin: &str) -> Result<Vec<String>, StoreError> {
        let (operator, begin) = (self.operator.clone(), begin.to_owned());
        let options = ListOptions {
            recursive: true,
            ..ListOptions::default()
        };
        let entries = self.wait("listing", async move {
            operator.list_options(&begin, options).await
        })?;
        let files = entries.iter().filter(|entry| !entry.metadata().is_dir());
        Ok(files.map(|entry| entry.path().to_owned()).collect())
    }
}

async fn read_each(operator: Operator, paths: Vec<String>) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let reads: Vec<_> = paths
        .into_iter()
        .map(|path| (operator.clone(), path))
        .map(|(operator, path)| tokio::spawn(async move { found(operator.read(&path).await) }))
        .collect();
    let mut all = Vec::with_capacity(reads.len());
    for read in reads {
        let panicked =
            |cause| Error::new(ErrorKind::Unexpected, "a read panicked").set_source(cause);
        all.push(read.await.map_err(panicked)??);
    }
    Ok(all)
}

fn found(outcome: Result<Buffer, Error>) -> Result<Option<Vec<u8>>, Error> {
    match outcome {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Two that delete the same object both did so: some services tell the second one
/// that it is not there.
fn gone(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
