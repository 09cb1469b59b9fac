//! What happens in a memoizer, as events of the `tracing` crate.

use super::observe::{Event, Observer, Origin};
use std::error::Error;
use std::time::Duration;

const TARGET: &str = "mementos";

/// Tells [`tracing`](https://docs.rs/tracing) what happens in a memoizer.
///
/// The target of all events is `mementos`. Each has the fields `function` and, if
/// there is one, `region`, but never the key.
///
/// | event | level | fields of its own |
/// |---|---|---|
/// | `hit`, `miss`, `expired`, `etag_changed`, `joined` | TRACE | |
/// | `built` | DEBUG | `took_ms` |
/// | `failed` | DEBUG | |
/// | `evicted` | DEBUG | `entries` |
/// | `lock_waited` | DEBUG, or WARN if it was not acquired | `waited_ms`, `acquired` |
/// | `store_fault` | WARN | `error`: what the store says |
///
/// A failure is no warning: its caller has the error, and knows what it means.
///
/// A hit takes the longer way of a call as soon as there is any observer. Beside
/// that, an event of a level that nobody listens to costs one comparison.
///
/// ```
/// use mementos::{Memoizer, TracingObserver};
///
/// let memo = Memoizer::in_memory().observer(TracingObserver::new());
/// // DEBUG mementos: built function="get" took_ms=0.002
/// memo.get("key", || 1).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver(());

impl TracingObserver {
    /// An observer for any memoizer.
    pub const fn new() -> Self {
        TracingObserver(())
    }
}

impl Observer for TracingObserver {
    fn observe(&self, origin: &Origin<'_>, event: &Event<'_>) {
        use tracing::{debug, trace, warn};
        let Origin { function, region } = *origin;
        let name = event.name();
        match *event {
            Event::Hit
            | Event::Miss
            | Event::Expired
            | Event::Early
            | Event::Stale
            | Event::NotModified
            | Event::EtagChanged
            | Event::Joined => {
                trace!(target: TARGET, function, region, "{name}");
            }
            Event::Built { took } => {
                debug!(target: TARGET, function, region, took_ms = millis(took), "{name}");
            }
            Event::Fallback | Event::Failed => debug!(target: TARGET, function, region, "{name}"),
            Event::Evicted { entries } => {
                debug!(target: TARGET, function, region, entries, "{name}");
            }
            Event::LockWaited { waited, acquired } => {
                let waited_ms = millis(waited);
                if acquired {
                    debug!(target: TARGET, function, region, waited_ms, acquired, "{name}");
                } else {
                    warn!(target: TARGET, function, region, waited_ms, acquired, "{name}");
                }
            }
            Event::StoreFault(fault) => {
                let error: &(dyn Error + 'static) = fault;
                warn!(target: TARGET, function, region, error, "{name}");
            }
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
