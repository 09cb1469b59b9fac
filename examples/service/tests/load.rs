//! The service under load, while Redis is stopped and started twice, keys are deleted, and
//! the upstream fails half the time from the beginning. Nobody gets an error, or a value
//! that is wrong or too old.
//!
//! `MEMENTOS_SOAK=1` makes it a minute; `--nocapture` shows the figures.

mod support;

use mementos_service::catalogue::{Article, Catalogue};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant, SystemTime};
use support::{Answer, Connection, Redis, Service};

const ARTICLES: u64 = 100;
const CONNECTIONS: u64 = 32;
const PERIOD: Duration = Duration::from_secs(1);

/// How long after the next version has been published one may still be served: half a second
/// while it is fresh and two while it is stale, in Redis and then in memory; and one more.
/// Between what the upstream says and when its age begins, and
/// between the service and who asks, each of the processes may be kept from its processor.
const BOUND: Duration = Duration::from_secs(6);

/// What one connection has seen.
#[derive(Default)]
struct Seen {
    /// How long each answer took, in microseconds.
    took: Vec<u32>,
    /// By `Answered`, and the status.
    ways: BTreeMap<String, u64>,
    /// How long the oldest had not been current any more.
    oldest: Duration,
    errors: Vec<String>,
    wrong: Vec<String>,
}

/// What a connection has of an article.
struct Known {
    etag: String,
    version: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_an_error_or_a_wrong_value() {
    let is_soak = std::env::var_os("MEMENTOS_SOAK").is_some();
    let lasts = Duration::from_secs(if is_soak { 60 } else { 12 });
    let mut redis = Redis::start().await;
    let url = redis.url();
    let service = Service::start(&[
        "--redis",
        &url,
        "--articles",
        "100",
        "--publish-every",
        "1s",
        "--max-age",
        "500ms",
        "--stale-for",
        "2s",
        "--upstream-latency",
        "20ms",
        "--upstream-failing",
        "0.5",
    ]);
    let begin = Instant::now();
    let ends = begin + lasts;
    let asking: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let address = service.address;
            tokio::spawn(
                async move { ask_until(ends, Connection::to(address).await, number).await },
            )
        })
        .collect();

    let catalogue = Catalogue::new(ARTICLES, PERIOD);
    let mut deleted = BTreeMap::new();
    let mut looked = 0;
    for part in 0..6 {
        match part {
            1 | 3 => redis.stop(),
            2 | 4 => redis.start_again().await,
            _ => {}
        }
        let next = begin + lasts * (part + 1) / 6;
        let mut id = u64::from(part);
        while Instant::now() < next {
            id = (id + 37) % ARTICLES;
            let begun = SystemTime::now();
            let status = service.delete(&format!("article:{id}")).await.status;
            *deleted.entry(status).or_insert(0) += 1;
            if status == 204 {
                // What was read before it was deleted is nobody's who asks after that.
                let version = service.article(id).await.version();
                assert!(version >= catalogue.version(id, begun), "{id}: {version}");
            }
            assert_eq!(service.get("/metrics").await.status, 200);
            service.inspect().await;
            looked += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let mut all = Seen::default();
    for asked in asking {
        all.add(asked.await.unwrap());
    }
    let took = begin.elapsed();
    let seen = service.inspect().await;
    let redis_row = support::row(&seen, "stores", "name", "redis");
    all.report(took);
    println!("deletes by status: {deleted:?}; looks at the page's data and the metrics: {looked}");
    println!(
        "upstream: {}; faults of redis: {}",
        seen["upstream"], redis_row["faults"]
    );

    assert!(
        all.errors.is_empty(),
        "{} errors: {:?}",
        all.errors.len(),
        &all.errors[..all.errors.len().min(5)]
    );
    assert!(
        all.wrong.is_empty(),
        "{} wrong: {:?}",
        all.wrong.len(),
        &all.wrong[..all.wrong.len().min(5)]
    );
    // It was a load, and things were broken.
    assert!(
        all.took.len() as f64 > 500.0 * lasts.as_secs_f64(),
        "{}",
        all.took.len()
    );
    let ways: u64 = ["200 stale", "200 fallback", "304 stale", "304 fallback"]
        .iter()
        .filter_map(|way| all.ways.get(*way))
        .sum();
    assert!(ways > 0, "nothing was stale");
    let upstream = &seen["upstream"];
    assert!(upstream["failed"].as_u64() > upstream["requests"].as_u64().map(|all| all / 4));
    assert!(redis_row["faults"].as_u64() > Some(0));
    assert!(redis_row["fails"].is_null(), "it is back: {redis_row}");
    assert!(
        deleted[&204] > 0 && deleted[&503] > 0,
        "with redis and without: {deleted:?}"
    );
    service.terminate();
    assert!(service.ended().await.success());
}

async fn ask_until(ends: Instant, mut connection: Connection, number: u64) -> Seen {
    let catalogue = Catalogue::new(ARTICLES, PERIOD);
    let mut seen = Seen::default();
    let mut known: HashMap<u64, Known> = HashMap::new();
    for turn in 0_u64.. {
        if Instant::now() >= ends {
            break;
        }
        let id = scattered(number << 32 | turn) % ARTICLES;
        // Every other request says what it has.
        let has = known.get(&id).filter(|_| turn % 2 == 0);
        let etag = has.map(|known| ("if-none-match", known.etag.as_str()));
        let (before, asked) = (SystemTime::now(), Instant::now());
        let path = format!("/articles/{id}");
        let answer = connection.try_ask("GET", &path, etag.as_slice(), "").await;
        seen.took.push(asked.elapsed().as_micros() as u32);
        let answer = match answer {
            Ok(answer) if answer.status == 200 || (answer.status == 304 && has.is_some()) => answer,
            Ok(answer) => {
                seen.errors.push(format!("{id}: {answer:?}"));
                continue;
            }
            Err(error) => {
                seen.errors.push(format!("{id}: {error}"));
                break;
            }
        };
        *seen
            .ways
            .entry(format!("{} {}", answer.status, answer.how()))
            .or_default() += 1;
        match judge(&catalogue, id, before, known.get(&id), &answer) {
            Err(wrong) => seen.wrong.push(format!("{id}: {wrong}: {answer:?}")),
            Ok((version, old)) => {
                seen.oldest = seen.oldest.max(old);
                if let Some(etag) = answer.headers.get("etag") {
                    let etag = etag.to_str().unwrap().to_owned();
                    known.insert(id, Known { etag, version });
                } else {
                    known.remove(&id);
                }
            }
        }
    }
    seen
}

/// A number that looks as if it had nothing to do with `number`: so each key is asked for
/// at all times. (The mixer of MurmurHash3, A. Appleby.)
fn scattered(number: u64) -> u64 {
    let mixed = (number ^ (number >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

/// The version of an answer, and for how long it had not been current any more.
fn judge(
    catalogue: &Catalogue,
    id: u64,
    before: SystemTime,
    known: Option<&Known>,
    answer: &Answer,
) -> Result<(u64, Duration), &'static str> {
    let version = match known {
        Some(known) if answer.status == 304 => {
            if answer.header("etag") != known.etag {
                return Err("not modified, with another etag");
            }
            known.version
        }
        _ => {
            let article: Article =
                serde_json::from_slice(&answer.body).map_err(|_| "no article")?;
            if catalogue.article(id, article.version) != Some(article.clone()) {
                return Err("never published");
            }
            let mark = format!("\"{id}-{}\"", article.version);
            if answer.headers.get("etag").is_some_and(|etag| *etag != mark) {
                return Err("the etag of another version");
            }
            article.version
        }
    };
    if catalogue.published(id, version) > SystemTime::now() {
        return Err("not yet published");
    }
    if known.is_some_and(|known| version < known.version) {
        return Err("older than what this connection has had");
    }
    let ended = catalogue.published(id, version + 1);
    let old = before.duration_since(ended).unwrap_or_default();
    match old > BOUND {
        true => Err("too old"),
        false => Ok((version, old)),
    }
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.took.extend(other.took);
        for (way, count) in other.ways {
            *self.ways.entry(way).or_default() += count;
        }
        self.oldest = self.oldest.max(other.oldest);
        self.errors.extend(other.errors);
        self.wrong.extend(other.wrong);
    }

    fn report(&mut self, took: Duration) {
        self.took.sort_unstable();
        let all = self.took.len();
        let part = |part: f64| {
            let at = ((all as f64 * part) as usize).min(all.saturating_sub(1));
            self.took.get(at).copied().unwrap_or_default()
        };
        let rate = all as f64 / took.as_secs_f64();
        println!("{all} requests in {took:.1?}, {rate:.0} a second, on {CONNECTIONS} connections");
        println!(
            "in microseconds: half of them {}, 99 of 100 {}, 999 of 1000 {}, all {}",
            part(0.5),
            part(0.99),
            part(0.999),
            part(1.0)
        );
        println!("errors: {}, wrong: {}", self.errors.len(), self.wrong.len());
        println!(
            "the oldest was not current for {:.1?}; allowed are {BOUND:?}",
            self.oldest
        );
        for (way, count) in &self.ways {
            println!("{count:>9}  {way}");
        }
    }
}
