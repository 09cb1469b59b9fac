//! Threads for clients that need a runtime.

use super::StoreError;
#[cfg(all(feature = "async", feature = "redis"))]
use crate::{drive, store::bytes::Awaited};
use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Threads of this crate, made at the first use and there from then on. What runs on
/// them goes on when the runtime of whoever wants it is gone, and needs none.
pub(crate) struct Threads {
    name: &'static str,
    count: usize,
    runtime: OnceCell<Runtime>,
}

impl Threads {
    pub(crate) const fn new(name: &'static str, count: usize) -> Self {
        Threads {
            name,
            count,
            runtime: OnceCell::new(),
        }
    }

    /// Does something there, without waiting for it. It goes on if the answer is
    /// dropped.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<JoinHandle<T>, StoreError> {
        let runtime = self.runtime.get_or_try_init(|| {
            Builder::new_multi_thread()
                .worker_threads(self.count)
                .thread_name(self.name)
                .enable_all()
                .build()
        });
        let runtime = runtime.map_err(|cause| StoreError::new("starting threads", cause))?;
        Ok(runtime.spawn(work))
    }

    /// Does something there while this is wanted, once it is polled. Any runtime may.
    ///
    /// Where there is one thread, nothing of it is done after this was dropped, but for
    /// what that thread was just doing: it does not go on to anything else before.
    #[cfg(all(feature = "async", feature = "redis"))]
    pub(crate) fn run<T: Send + 'static>(
        &'static self,
        did: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Awaited<'static, T> {
        Box::pin(async move {
            let mut wanted = Wanted(self.start(drive::boxed(work))?);
            let done = (&mut wanted.0).await;
            done.map_err(|panicked| StoreError::new(did, panicked))?
        })
    }

    /// Does something there once this is polled, and then to its end, whether or not
    /// anybody still polls this. Any runtime may.
    #[cfg(all(feature = "async", feature = "redis"))]
    pub(crate) fn carry<T: Send + 'static>(
        &'static self,
        did: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Awaited<'static, T> {
        Box::pin(async move {
            let done = self.start(drive::boxed(work))?.await;
            done.map_err(|panicked| StoreError::new(did, panicked))?
        })
    }
}

/// What is done for as long as this is there.
#[cfg(all(feature = "async", feature = "redis"))]
struct Wanted<T>(JoinHandle<T>);

#[cfg(all(feature = "async", feature = "redis"))]
impl<T> Drop for Wanted<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(all(test, feature = "async", feature = "redis"))]
mod tests {
    use super::*;
    use crate::drive::block_on;
    use std::sync::mpsc::channel;
    use std::task::{Context, Waker};

    static THREADS: Threads = Threads::new("mementos-test", 1);

    #[test]
    fn what_panics_there_is_an_error_here() {
        let work = async { panic!("on purpose") };
        let done: Result<(), _> = block_on(THREADS.carry("working", work));
        let said = done.unwrap_err().to_string();
        assert!(said.contains("working failed"), "{said}");
    }

    #[test]
    fn what_is_not_wanted_any_more_is_left() {
        let (mut keep, kept) = tokio::sync::oneshot::channel::<()>();
        let mut work = THREADS.run("working", async move {
            kept.await.unwrap();
            unreachable!("nothing is sent");
        });
        let mut context = Context::from_waker(Waker::noop());
        let polled: std::task::Poll<Result<(), _>> = work.as_mut().poll(&mut context);
        assert!(polled.is_pending());
        drop(work);
        block_on(keep.closed());
    }

    #[test]
    fn what_is_carried_is_done_though_nobody_waits_for_it() {
        let (begin, begun) = tokio::sync::oneshot::channel();
        let (tell, told) = channel();
        let mut work = THREADS.carry("working", async move {
            begun.await.unwrap();
            tell.send(()).unwrap();
            Ok(())
        });
        let mut context = Context::from_waker(Waker::noop());
        assert!(work.as_mut().poll(&mut context).is_pending());
        drop(work);
        begin.send(()).unwrap();
        told.recv().unwrap();
    }

    #[test]
    fn what_is_never_polled_is_not_begun() {
        let (tell, told) = channel::<()>();
        let work = THREADS.carry("working", async move {
            tell.send(()).unwrap();
            Ok(())
        });
        drop(work);
        assert!(told.recv().is_err(), "it is gone, and was not done");
    }
}
