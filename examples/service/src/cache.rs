//! What is kept, and where: in the memory of this process, and in Redis if there is one.
//!
//! ```text
//!   request ─► memory ── fresh ────────────────────────────────► the article
//!                │  └─── stale ── refreshed in the background ─► the article, at once
//!                │ builds
//!                ▼
//!              Redis ─── fresh ── what another process has built
//!                │ builds, one process at a time
//!                ▼
//!             upstream ── If-None-Match: what is kept may still hold
//! ```
//!
//! Each of the two is a memoizer, and a build of the first asks the second. So what is in
//! memory stays there, stale, while Redis is down. (`Tiered` gives its memory up as soon as
//! it does not hear Redis, so that no process serves what another has deleted. Here that
//! may be served for as long as it is fresh or stale in memory.)

use crate::client::{Client, Marked, Refused};
use crate::pages;
use crate::source::{Found, Source, key};
use crate::watch::Watch;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::store::redis::RedisStore;
use mementos::store::{MemoryStore, SharedStore, Store, StoreError};
use mementos::{
    Answered, AnyValue, BuildError, Detailed, Entry, Etag, Function, MemoError, Memoizer,
    MetricsObserver, Options,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long articles are fresh, and what is done about those that are not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// How long they are fresh, in memory and in Redis.
    pub(crate) max_age: Duration,
    /// For how long after that they are served from memory.
    pub(crate) stale_for: Duration,
    /// How long a request waits for a refresh, if there is a stale article for it.
    pub(crate) soft_timeout: Duration,
    /// How long it waits if there is nothing for it.
    pub(crate) hard_timeout: Duration,
    /// How long the upstream is left alone about an article after it has failed.
    pub(crate) retry_after: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times {
            max_age: Duration::from_secs(2),
            stale_for: Duration::from_secs(60),
            soft_timeout: Duration::ZERO,
            hard_timeout: Duration::from_secs(3),
            retry_after: Duration::from_millis(250),
        }
    }
}

/// What is kept.
pub(crate) struct Cache {
    near: Level,
    far: Option<Level>,
    times: Times,
    upstream: Arc<str>,
}

/// A memoizer, with its store.
#[derive(Clone)]
pub(crate) struct Level {
    pub(crate) memo: Memoizer,
    pub(crate) store: SharedStore,
    pub(crate) place: Place,
    pub(crate) watch: Arc<Watch>,
}

/// The same store, for whoever looks on.
#[derive(Clone)]
pub(crate) enum Place {
    Memory(Arc<MemoryStore<String, Entry<AnyValue>>>),
    Redis(Arc<RedisStore>),
}

/// The keys in a store, with what is known of them there.
pub(crate) type Listing = Result<Vec<(String, Option<Entry<AnyValue>>)>, StoreError>;

/// An answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What is asked for, unless there is no such thing.
    pub(crate) article: Found,
    /// How it came about.
    pub(crate) how: Answered,
    /// What is known of it, if it is kept.
    pub(crate) facts: Option<Facts>,
}

/// What is known of an article that is kept.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Its mark.
    pub(crate) etag: Option<Etag>,
    /// How long it will still be fresh.
    pub(crate) fresh_for: Duration,
}

/// The region of articles.
pub(crate) const ARTICLES: &str = "articles";
/// The region of what Redis keeps of them.
pub(crate) const IN_REDIS: &str = "articles in redis";

impl Cache {
    /// A cache of what the upstream at this address has. It is made in the runtime that is
    /// to do its work.
    pub(crate) fn new(upstream: &str, redis: Option<RedisStore>, times: Times) -> Self {
        let in_memory = Options::new()
            .max_age(times.max_age)
            .stale_for(times.stale_for)
            .soft_timeout(times.soft_timeout)
            .hard_timeout(times.hard_timeout)
            .retry_after(times.retry_after)
            .none_age(times.max_age)
            .early_from(0.8);
        let in_redis = Options::new()
            .max_age(times.max_age)
            .stale_for(times.stale_for)
            .no_soft_timeout()
            .retry_after(times.retry_after)
            .none_age(times.max_age);
        let store = Arc::new(MemoryStore::new());
        let near = Level::new(
            Place::Memory(Arc::clone(&store)),
            SharedStore::new(store),
            &[(ARTICLES, &in_memory), (pages::REGION, &in_memory)],
        );
        Function::<pages::page>::of(&near.memo).count_hits(true);
        let far = redis.map(|redis| {
            let redis = Arc::new(redis);
            let encoded = Encoded::new(Arc::clone(&redis)).knows::<Arc<Marked>>();
            Level::new(
                Place::Redis(redis),
                encoded.into(),
                &[(IN_REDIS, &in_redis)],
            )
        });
        Cache {
            near,
            far,
            times,
            upstream: upstream.into(),
        }
    }

    /// An article.
    ///
    /// # Errors
    ///
    /// If there is none in time, or the upstream fails, and none is kept.
    pub(crate) async fn article(&self, id: u64) -> Result<Answer, BuildError<Refused>> {
        let key = key(id);
        let Detailed { value, how } = match self.ask(&key, id).await {
            // It may have joined a refresh that has something to fall back on, and so asks
            // the upstream but once. This request has not: it was deleted, or is too old by
            // now. So it asks for itself.
            Err(BuildError::Failed(_)) => self.ask(&key, id).await?,
            asked => asked?,
        };
        // What is kept may be newer by now: then that is the answer, so that it and its
        // mark belong together.
        let kept: Option<Entry<Found>> = self.near.memo.entry(&key)?;
        Ok(match kept {
            None => Answer {
                article: value,
                how,
                facts: None,
            },
            Some(entry) => Answer {
                how,
                facts: Some(Facts::of(&entry)),
                article: entry.into_value(),
            },
        })
    }

    async fn ask(&self, key: &str, id: u64) -> Result<Detailed<Found>, BuildError<Refused>> {
        let options = Options::new().region(ARTICLES);
        let source = Source {
            far: self.far.as_ref().map(|far| far.memo.clone()),
            client: Client::memento(&self.upstream),
            times: self.times,
            id,
        };
        let build = move |kept| source.clone().article(kept);
        let memo = &self.near.memo;
        memo.get_conditional_async(key, options, build).await
    }

    /// The articles on a page, and how the answer came about.
    ///
    /// # Errors
    ///
    /// If there is no answer in time. The upstream's own failures are part of the answer.
    pub(crate) async fn page(
        &self,
        number: u64,
    ) -> Result<Detailed<pages::Listed>, BuildError<Infallible>> {
        let page = Function::<pages::page>::of(&self.near.memo);
        let of = (&*self.upstream, number);
        page.detailed_async(Options::new(), of).await
    }

    /// Forgets a key: in Redis first, or a build that has read it there could bring it back.
    /// Answers whether anything was kept. Blocks.
    ///
    /// # Errors
    ///
    /// If Redis fails: the value may still be there.
    pub(crate) fn delete(&self, key: &str) -> Result<bool, MemoError> {
        let far = self
            .far
            .as_ref()
            .map_or(Ok(false), |far| far.memo.delete(key));
        let near = self.near.memo.delete(key)?;
        far.map(|far| near || far)
    }

    /// Waits until nothing is being done in the background.
    pub(crate) async fn drain(&self) {
        for level in self.levels() {
            level.memo.drain_async().await;
        }
    }

    pub(crate) fn levels(&self) -> impl Iterator<Item = &Level> {
        [&self.near].into_iter().chain(&self.far)
    }
}

impl Level {
    fn new(place: Place, store: SharedStore, regions: &[(&'static str, &Options)]) -> Self {
        let watch = Arc::new(Watch::default());
        let memo = Memoizer::new(store.clone())
            .spawner(|task| drop(tokio::spawn(task)))
            .observer(Arc::clone(&watch))
            .observer(MetricsObserver::new());
        let memo = regions.iter().fold(memo, |memo, (name, options)| {
            memo.region(*name, Options::clone(options))
        });
        memo.count_hits(true);
        Level {
            memo,
            store,
            place,
            watch,
        }
    }
}

impl Place {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Place::Memory(_) => "memory",
            Place::Redis(_) => "redis",
        }
    }

    /// The keys that are there. Blocks.
    pub(crate) fn keys(&self) -> Listing {
        match self {
            Place::Memory(store) => {
                let entries = store.entries()?.into_iter();
                Ok(entries.map(|(key, entry)| (key, Some(entry))).collect())
            }
            Place::Redis(store) => {
                let keys = store.keys("")?.unwrap_or_default();
                Ok(keys.into_iter().map(|key| (key, None)).collect())
            }
        }
    }
}

impl Facts {
    fn of(entry: &Entry<Found>) -> Self {
        let now = SystemTime::now();
        let left = |time: SystemTime| time.duration_since(now).unwrap_or_default();
        Facts {
            etag: entry.etag().cloned(),
            fresh_for: entry.expires().map(left).unwrap_or_default(),
        }
    }
}
