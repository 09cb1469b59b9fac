//! Where articles come from that are not in memory: from Redis, or from the upstream.

use crate::cache::{IN_REDIS, Times};
use crate::client::{Client, Marked, Refused, Said};
use mementos::{BuildError, Built, Detailed, Kept, Memoizer, Options};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An article with its mark, or that there is none of that number.
pub(crate) type Found = Option<Arc<Marked>>;

/// For which part of the hard timeout the upstream is asked again and again.
const PATIENCE: f64 = 0.8;
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Where an article comes from that is not in memory.
#[derive(Clone)]
pub(crate) struct Source {
    /// What keeps articles in Redis, if something does.
    pub(crate) far: Option<Memoizer>,
    pub(crate) client: Arc<Client>,
    pub(crate) times: Times,
    pub(crate) id: u64,
}

impl Source {
    /// What memory is to keep.
    pub(crate) async fn article(self, kept: Option<Kept<Found>>) -> Result<Built<Found>, Refused> {
        let tries = match &kept {
            Some(_) => Tries::Once,
            None => Tries::For(self.times.hard_timeout.mul_f64(PATIENCE)),
        };
        match self.far.clone() {
            Some(far) => self.by_redis(far, kept, tries).await,
            None => self.by_upstream(kept, None, tries).await,
        }
    }

    async fn by_redis(
        self,
        far: Memoizer,
        near: Option<Kept<Found>>,
        tries: Tries,
    ) -> Result<Built<Found>, Refused> {
        let (key, retry_after) = (key(self.id), self.times.retry_after);
        let options = Options::new().region(IN_REDIS);
        let known = near.as_ref().map(|near| near.value().clone());
        let build = move |kept| {
            let (source, known) = (self.clone(), known.clone());
            async move { source.by_upstream(kept, known, tries).await }
        };
        let got = far.get_conditional_async(&key, options, build).await;
        let Detailed { value, how } = got.map_err(|error| match error {
            BuildError::Failed(failed) => failed.error().clone(),
            other => Refused::Unreachable(other.to_string()),
        })?;
        Ok(match near {
            // What is stale in Redis may be older than what is stale here.
            Some(_) if how.is_stale() => return Err(Refused::Stale),
            Some(near) if *near.value() == value => near.not_modified(),
            _ if how.is_stale() => built(value).max_age(retry_after),
            _ => built(value),
        })
    }

    /// Asks the upstream for what is not what is kept here, or what is known.
    async fn by_upstream(
        &self,
        kept: Option<Kept<Found>>,
        known: Option<Found>,
        tries: Tries,
    ) -> Result<Built<Found>, Refused> {
        let at_hand = kept.as_ref().map(Kept::value).or(known.as_ref());
        let marked = at_hand.and_then(Option::as_ref);
        let mark = marked.and_then(|marked| marked.mark.as_deref());
        let said = tries.of(|| self.client.article(self.id, mark)).await?;
        Ok(match (said, kept) {
            (Said::NotModified, Some(kept)) => kept.not_modified(),
            (Said::NotModified, None) => built(known.flatten()),
            (Said::Current(marked), _) => built(Some(Arc::new(marked))),
            (Said::Nothing, _) => built(None),
        })
    }
}

fn built(found: Found) -> Built<Found> {
    match found {
        None => Built::negative(None),
        Some(marked) => {
            let mark = marked.mark.clone();
            Built::new(Some(marked)).etag(mark)
        }
    }
}

/// How often the upstream is asked that fails.
#[derive(Clone, Copy)]
enum Tries {
    /// There is something stale to fall back on, and another request will ask again.
    Once,
    /// There is nothing: as often as there is time for.
    For(Duration),
}

impl Tries {
    async fn of<T, F: Future<Output = Result<T, Refused>>>(
        self,
        ask: impl Fn() -> F,
    ) -> Result<T, Refused> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(5);
        loop {
            match (ask().await, self) {
                (Err(_), Tries::For(time)) if begin.elapsed() + pause < time => {
                    tokio::time::sleep(pause).await;
                    pause = LONGEST_PAUSE.min(2 * pause);
                }
                (answer, _) => return answer,
            }
        }
    }
}

/// The key of an article, in memory and in Redis.
pub(crate) fn key(id: u64) -> String {
    format!("article:{id}")
}
