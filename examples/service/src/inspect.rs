//! What the page shows, as data.

use crate::cache::{ARTICLES, Cache, IN_REDIS, Level, Listing, Place};
use crate::pages;
use crate::tally::{Answers, Tally};
use crate::upstream::{Asked, Behaviour, Upstream};
use mementos::{AnyValue, Entry, Memoized, Registry, Snapshot, Stats};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// All of it.
#[derive(Serialize)]
pub(crate) struct Inspection {
    stores: Vec<StoreRow>,
    functions: Vec<FunctionRow>,
    registry: Snapshot,
    slowest: Vec<SlowRow>,
    building: Vec<BuildingRow>,
    keys: Vec<KeyRow>,
    /// How many keys are not among `keys`.
    more_keys: usize,
    upstream: UpstreamRow,
}

#[derive(Serialize)]
struct StoreRow {
    name: &'static str,
    /// What it failed with just now.
    fails: Option<String>,
    entries: Option<usize>,
    faults: u64,
    last_fault: Option<String>,
    last_fault_ms: Option<u128>,
}

#[derive(Serialize)]
struct FunctionRow {
    name: &'static str,
    store: &'static str,
    entries: Option<usize>,
    building: usize,
    /// Of what is asked by requests: Redis is asked by builds.
    answers: Option<Answers>,
    stats: Stats,
}

#[derive(Serialize)]
struct SlowRow {
    store: &'static str,
    function: String,
    took_ms: f64,
    ago_ms: u128,
}

#[derive(Serialize)]
struct BuildingRow {
    store: &'static str,
    key: String,
    for_ms: u128,
}

#[derive(Serialize)]
struct KeyRow {
    key: String,
    stores: Vec<&'static str>,
    etag: Option<String>,
    age_ms: Option<u128>,
    /// How long it is fresh still. Less than nothing, if it is stale.
    fresh_ms: Option<i128>,
    build_ms: Option<f64>,
}

#[derive(Serialize)]
struct UpstreamRow {
    #[serde(flatten)]
    behaviour: Behaviour,
    #[serde(flatten)]
    asked: Asked,
}

/// What is counted of requests.
#[derive(Default)]
pub(crate) struct Tallies {
    pub(crate) articles: Tally,
    pub(crate) pages: Tally,
}

/// So many keys are shown.
const MOST_KEYS: usize = 200;

/// Looks at everything. Blocks: Redis is asked for its keys.
pub(crate) fn inspect(cache: &Cache, tallies: &Tallies, upstream: &Upstream) -> Inspection {
    let levels: Vec<(&Level, Listing)> = cache
        .levels()
        .map(|level| (level, level.place.keys()))
        .collect();
    let (keys, more_keys) = keys(&levels);
    Inspection {
        stores: levels.iter().map(store).collect(),
        functions: functions(&levels, tallies),
        registry: Registry::global().snapshot(),
        slowest: slowest(&levels),
        building: levels
            .iter()
            .flat_map(|(level, _)| building(level))
            .collect(),
        keys,
        more_keys,
        upstream: UpstreamRow {
            behaviour: upstream.behaviour(),
            asked: upstream.asked(),
        },
    }
}

fn store((level, listed): &(&Level, Listing)) -> StoreRow {
    let fault = level.watch.last_fault();
    let by_function = level.memo.functions().into_iter().map(|(_, stats)| stats);
    let all = by_function.chain([level.memo.stats()]);
    StoreRow {
        name: level.place.name(),
        fails: listed.as_ref().err().map(ToString::to_string),
        entries: listed.as_ref().ok().map(Vec::len),
        faults: all.map(|stats| stats.store_faults).sum(),
        last_fault_ms: fault.as_ref().map(|fault| fault.at.elapsed().as_millis()),
        last_fault: fault.map(|fault| fault.what),
    }
}

/// A row for each function in each store. What is asked by hand is articles.
fn functions(levels: &[(&Level, Listing)], tallies: &Tallies) -> Vec<FunctionRow> {
    let mut rows = Vec::new();
    for (level, listed) in levels {
        let building = level.store.building();
        let row = |name, answers, stats, is_own: &dyn Fn(&str) -> bool| FunctionRow {
            name,
            store: level.place.name(),
            entries: listed.as_ref().ok().map(|keys| count(keys, is_own)),
            building: count(&building, is_own),
            answers,
            stats,
        };
        let (name, answers) = match level.place {
            Place::Memory(_) => (ARTICLES, Some(tallies.articles.answers())),
            Place::Redis(_) => (IN_REDIS, None),
        };
        let is_article = |key: &str| key.starts_with("article:");
        rows.push(row(name, answers, level.memo.stats(), &is_article));
        for (function, stats) in level.memo.functions() {
            let is_own = |key: &str| {
                let rest = key.strip_prefix(function);
                rest.is_some_and(|rest| rest.starts_with('('))
            };
            let answers = (function == pages::page::NAME).then(|| tallies.pages.answers());
            rows.push(row(function, answers, stats, &is_own));
        }
    }
    rows
}

fn count<T>(keys: &[(String, T)], is_own: &dyn Fn(&str) -> bool) -> usize {
    keys.iter().filter(|(key, _)| is_own(key)).count()
}

fn slowest(levels: &[(&Level, Listing)]) -> Vec<SlowRow> {
    let all = levels.iter().flat_map(|(level, _)| {
        let slowest = level.watch.slowest().into_iter();
        slowest.map(|slow| SlowRow {
            store: level.place.name(),
            function: slow.function,
            took_ms: millis(slow.took),
            ago_ms: slow.at.elapsed().as_millis(),
        })
    });
    let mut rows: Vec<_> = all.collect();
    rows.sort_by(|a, b| b.took_ms.total_cmp(&a.took_ms));
    rows
}

fn building(level: &Level) -> impl Iterator<Item = BuildingRow> {
    let building = level.store.building().into_iter();
    building.map(|(key, since)| BuildingRow {
        store: level.place.name(),
        key,
        for_ms: since.elapsed().as_millis(),
    })
}

/// The first keys by name, and how many more there are.
fn keys(levels: &[(&Level, Listing)]) -> (Vec<KeyRow>, usize) {
    let now = SystemTime::now();
    let mut found = BTreeMap::new();
    for (level, listed) in levels {
        for (key, entry) in listed.iter().flatten() {
            let row = found
                .entry(key.as_str())
                .or_insert_with(|| KeyRow::of(key, entry.as_ref(), now));
            row.stores.push(level.place.name());
        }
    }
    let more = found.len().saturating_sub(MOST_KEYS);
    (found.into_values().take(MOST_KEYS).collect(), more)
}

impl KeyRow {
    fn of(key: &str, entry: Option<&Entry<AnyValue>>, now: SystemTime) -> Self {
        let millis_until = |time: SystemTime| match time.duration_since(now) {
            Ok(left) => left.as_millis() as i128,
            Err(past) => -(past.duration().as_millis() as i128),
        };
        KeyRow {
            key: key.to_owned(),
            stores: Vec::new(),
            etag: entry.and_then(|entry| Some(entry.etag()?.to_string())),
            age_ms: entry.map(|entry| {
                let age = now.duration_since(entry.created());
                age.unwrap_or_default().as_millis()
            }),
            fresh_ms: entry.and_then(|entry| entry.expires().map(millis_until)),
            build_ms: entry.map(|entry| millis(entry.build_time())),
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
