//! What the service answers, and what becomes of that when its upstream or Redis fails.

mod support;

use mementos_service::catalogue::Catalogue;
use std::time::Duration;
use support::{Redis, Service, eventually, row};

/// Nothing is published anew while a test runs, and nothing expires.
const STILL: [&str; 6] = [
    "--publish-every",
    "1000days",
    "--max-age",
    "1h",
    "--upstream-latency",
    "0s",
];

fn still(more: &[&'static str]) -> Vec<&'static str> {
    [&STILL, more].concat()
}

#[tokio::test]
async fn an_article_is_built_once_and_then_a_hit() {
    let service = Service::start(&still(&[]));
    let first = service.article(7).await;
    assert_eq!(first.how(), "built");
    let second = service.article(7).await;
    assert_eq!(second.how(), "hit");
    assert_eq!(first.body, second.body);
    let catalogue = Catalogue::new(200, Duration::from_secs(1000 * 86_400));
    let article = catalogue.article(7, first.version()).unwrap();
    assert_eq!(first.json(), serde_json::to_value(article).unwrap());
    let seen = service.inspect().await;
    assert_eq!(seen["upstream"]["requests"], 1);
}

#[tokio::test]
async fn who_has_an_article_is_not_sent_it() {
    let service = Service::start(&still(&[]));
    let etag = service.article(7).await.header("etag").to_owned();
    let mut connection = service.connect().await;
    for known in [&etag, &format!("\"x\", W/{etag}"), "*"] {
        let answer = connection.get_unless("/articles/7", known).await;
        assert_eq!((answer.status, answer.how()), (304, "hit"), "{known}");
        assert_eq!(answer.header("etag"), etag);
        // An age would be subtracted from what is still to come.
        assert!(answer.header("cache-control").starts_with("max-age=3"));
        assert!(!answer.headers.contains_key("age"));
        assert!(answer.body.is_empty());
    }
    let other = connection.get_unless("/articles/8", &etag).await;
    assert_eq!(other.status, 200);
    assert_ne!(other.header("etag"), etag);
}

#[tokio::test]
async fn what_is_not_there_is_not_asked_for_again() {
    let service = Service::start(&still(&[]));
    for how in ["built", "hit"] {
        let answer = service.get("/articles/200").await;
        assert_eq!((answer.status, answer.how()), (404, how));
    }
    assert_eq!(service.inspect().await["upstream"]["requests"], 1);
}

#[tokio::test]
async fn pages_are_kept_by_their_numbers() {
    let service = Service::start(&still(&[]));
    for how in ["built", "hit"] {
        let page = service.get("/pages/1").await;
        assert_eq!((page.status, page.how()), (200, how));
        assert_eq!(
            page.json(),
            serde_json::json!([10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
        );
    }
    assert_eq!(service.get("/pages/20").await.status, 404);
    let seen = service.inspect().await;
    let pages = row(&seen, "functions", "name", "mementos_service::pages::page");
    assert_eq!(pages["answers"]["kept"], 1, "{pages}");
    // That there is no such page is kept as well.
    assert_eq!(pages["entries"], 2, "{pages}");
    let clients = row(
        &seen["registry"],
        "rows",
        "type_name",
        "mementos_service::client::Client",
    );
    assert_eq!(
        (&clients["len"], &clients["stats"]["builds"]),
        (&1.into(), &1.into())
    );
}

#[tokio::test]
async fn what_is_deleted_is_built_anew() {
    let service = Service::start(&still(&[]));
    service.article(7).await;
    service.get("/pages/1").await;
    let seen = service.inspect().await;
    let keys = seen["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "{seen:#}");
    for key in keys {
        let key = key["key"].as_str().unwrap();
        assert_eq!(service.delete(key).await.status, 204, "{key}");
        assert_eq!(service.delete(key).await.status, 404, "{key}");
    }
    assert_eq!(service.article(7).await.how(), "built");
    assert_eq!(service.get("/pages/1").await.how(), "built");
}

#[tokio::test]
async fn metrics_can_be_read_and_count() {
    let service = Service::start(&still(&[]));
    for _ in 0..3 {
        service.article(7).await;
    }
    let text = service.get("/metrics").await;
    assert!(text.header("content-type").starts_with("text/plain"));
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    let mut samples = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            assert!(
                comment.starts_with("HELP ") || comment.starts_with("TYPE "),
                "{line}"
            );
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        samples.push((series, value.parse::<f64>().unwrap()));
    }
    let value = |series: &str| {
        let sample = samples.iter().find(|(known, _)| *known == series);
        sample.unwrap_or_else(|| panic!("no {series}:\n{text}")).1
    };
    let of = r#"{function="get",region="articles"}"#;
    assert_eq!(value(&format!("mementos_hits_total{of}")), 2.0);
    assert_eq!(value(&format!("mementos_builds_total{of}")), 1.0);
    assert_eq!(
        value(&format!("mementos_build_duration_seconds_count{of}")),
        1.0
    );
    assert_eq!(
        value(r#"service_answers_total{route="articles",how="hit"}"#),
        2.0
    );
}

#[tokio::test]
async fn an_upstream_that_is_down_is_not_seen_while_articles_are_stale() {
    let service = Service::start(&[
        "--publish-every",
        "50ms",
        "--max-age",
        "100ms",
        "--retry-after",
        "50ms",
        "--upstream-latency",
        "0s",
    ]);
    service.article(7).await;
    service.behave(Duration::ZERO, 1.0).await;
    // A refresh that began before may still end well.
    let stale = eventually("it is stale, since builds fail", async || {
        let answer = service.article(7).await;
        (answer.how() == "fallback").then_some(answer)
    })
    .await;
    for _ in 0..20 {
        let answer = service.article(7).await;
        assert_eq!(answer.version(), stale.version());
        assert!(["stale", "fallback"].contains(&answer.how()), "{answer:?}");
        assert_eq!(answer.header("cache-control"), "max-age=0");
    }
    assert_eq!(
        service.get("/articles/8").await.status,
        502,
        "nothing is kept of it"
    );
    let seen = service.inspect().await;
    let articles = row(&seen, "functions", "name", "articles");
    assert!(
        articles["answers"]["stale"].as_u64() >= Some(20),
        "{articles}"
    );

    service.behave(Duration::ZERO, 0.0).await;
    eventually("it is fresh again", async || {
        let answer = service.article(7).await;
        (answer.version() > stale.version() && answer.how() == "hit").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_upstream_that_fails_half_the_time_fails_nobody() {
    let service = Service::start(&["--upstream-latency", "1ms", "--upstream-failing", "0.5"]);
    let mut connection = service.connect().await;
    for id in 0..200 {
        let answer = connection.get(&format!("/articles/{id}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let seen = service.inspect().await;
    assert!(seen["upstream"]["failed"].as_u64() > Some(50), "{seen:#}");
}

#[tokio::test]
async fn an_upstream_that_is_too_slow_is_not_waited_for() {
    let service = Service::start(&["--upstream-latency", "1h", "--hard-timeout", "100ms"]);
    assert_eq!(service.get("/articles/7").await.status, 504);
    let seen = service.inspect().await;
    let flight = row(&seen, "building", "key", "article:7");
    assert!(flight["for_ms"].as_u64() >= Some(90), "{flight}");
}

#[tokio::test]
async fn a_refresh_asks_whether_what_is_kept_holds() {
    let service = Service::start(&[
        "--publish-every",
        "1000days",
        "--max-age",
        "100ms",
        "--upstream-latency",
        "0s",
    ]);
    let etag = service.article(7).await.header("etag").to_owned();
    eventually("it is found to hold", async || {
        assert_eq!(service.article(7).await.header("etag"), etag);
        let seen = service.inspect().await;
        let articles = row(&seen, "functions", "name", "articles");
        let held = articles["stats"]["not_modified"].as_u64();
        // It says so before the build has ended.
        assert!(
            seen["upstream"]["not_modified"].as_u64() >= held,
            "{seen:#}"
        );
        (held >= Some(2)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_one_process_has_built_another_finds_in_redis() {
    let redis = Redis::start().await;
    let url = redis.url();
    let process = || Service::start(&[&STILL[..], &["--redis", &url]].concat());
    let (one, other) = (process(), process());
    let built = one.article(7).await;
    let found = other.article(7).await;
    assert_eq!(built.body, found.body);
    assert_eq!(built.header("etag"), found.header("etag"));
    let seen = other.inspect().await;
    assert_eq!(seen["upstream"]["requests"], 0, "{seen:#}");
    assert_eq!(
        row(&seen, "keys", "key", "article:7")["stores"],
        serde_json::json!(["memory", "redis"])
    );
    assert_eq!(other.delete("article:7").await.status, 204);
    assert_eq!(
        row(&one.inspect().await, "stores", "name", "redis")["entries"],
        0
    );
}

#[tokio::test]
async fn redis_that_is_down_is_shown_and_fails_nobody() {
    let mut redis = Redis::start().await;
    let url = redis.url();
    let service = Service::start(&[&STILL[..], &["--redis", &url]].concat());
    service.article(7).await;
    redis.stop();
    for id in 7..20 {
        service.article(id).await;
    }
    let seen = service.inspect().await;
    let store = row(&seen, "stores", "name", "redis");
    assert!(store["fails"].is_string(), "{store}");
    assert!(store["faults"].as_u64() > Some(0), "{store}");
    assert!(
        store["last_fault"]
            .as_str()
            .unwrap()
            .contains("redis at 127.0.0.1"),
        "{store}"
    );
    // It may still be there.
    assert_eq!(service.delete("article:7").await.status, 503);
    redis.start_again().await;
    eventually("it is found to be back", async || {
        let seen = service.inspect().await;
        row(&seen, "stores", "name", "redis")["fails"]
            .is_null()
            .then_some(())
    })
    .await;
    assert_eq!(service.delete("article:8").await.status, 204);
}

#[tokio::test]
async fn a_request_under_way_is_answered_when_the_service_is_asked_to_end() {
    let service = Service::start(&["--upstream-latency", "500ms"]);
    let mut connection = service.connect().await;
    let asked = tokio::spawn(async move { connection.get("/articles/7").await });
    eventually("it is being built", async || {
        let seen = service.inspect().await;
        (seen["upstream"]["requests"] == 1).then_some(())
    })
    .await;
    service.terminate();
    assert_eq!(asked.await.unwrap().status, 200);
    assert!(service.ended().await.success());
}
