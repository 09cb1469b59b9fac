//! Functions that are awaited. Each turn is driven as a whole, as a task is: what is
//! measured is an await, and no runtime.

use super::by_number::answer;
use crate::ENTRIES;
use mementos::memoize;
use once_cell::sync::Lazy;
use std::time::{Duration, Instant};

/// Asks for each key, one after another, after a pass that is not timed.
fn pass<F: Future<Output = u64>>(keys: &[u64], passes: usize, ask: impl Fn(u64) -> F) -> Duration {
    pollster::block_on(async {
        for key in keys {
            std::hint::black_box(ask(*key).await);
        }
        let began = Instant::now();
        for _ in 0..passes {
            for key in keys {
                std::hint::black_box(ask(std::hint::black_box(*key)).await);
            }
        }
        began.elapsed()
    })
}

pub fn mementos(keys: &[u64], passes: usize) -> Duration {
    #[memoize]
    async fn kept(key: u64) -> u64 {
        answer(key)
    }
    pass(keys, passes, kept)
}

/// The same function, but for callers that block.
pub fn blocking(keys: &[u64], passes: usize) -> Duration {
    #[memoize]
    fn kept(key: u64) -> u64 {
        answer(key)
    }
    pass(keys, passes, async |key| kept(key))
}

pub fn cached(keys: &[u64], passes: usize) -> Duration {
    #[cached::macros::cached]
    async fn kept(key: u64) -> u64 {
        answer(key)
    }
    pass(keys, passes, kept)
}

pub fn moka(keys: &[u64], passes: usize) -> Duration {
    static CACHE: Lazy<moka::future::Cache<u64, u64>> =
        Lazy::new(|| moka::future::Cache::new(2 * ENTRIES as u64));
    pass(keys, passes, |key| {
        CACHE.get_with(key, async move { answer(key) })
    })
}
