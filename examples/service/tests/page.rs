//! The page, in a browser.

mod support;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use mementos::store::bytes::ByteStore;
use mementos::store::redis::RedisStore;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::{Connection, Redis, Service, eventually};

/// Chromium without a window, and what drives it. It reaches nothing but this machine.
struct Browser {
    driver: Child,
    address: SocketAddr,
    client: Client,
}

impl Browser {
    async fn open(url: &str) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            // So that the browser can be ended with it, also where a test has failed.
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| match error.kind() {
                ErrorKind::NotFound => panic!(
                    "there is no chromedriver; install it: apt-get install chromium chromium-driver"
                ),
                _ => panic!("{error}"),
            });
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("it says its port")));
        // It goes on to say things, and must not wait for who reads them.
        std::thread::spawn(move || lines.for_each(drop));
        let client = session(address).await;
        client.goto(url).await.unwrap();
        Browser {
            driver,
            address,
            client,
        }
    }

    async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// The texts in the row of a table whose first cell says `name`.
    async fn row(&self, table: &str, name: &str) -> Option<Vec<String>> {
        let script = "const rows = [...document.getElementById(arguments[0]).tBodies[0].rows];
            const row = rows.find((row) => row.cells[0].textContent === arguments[1]);
            return row === undefined ? null : [...row.cells].map((cell) => cell.textContent);";
        let asked = self.client.execute(script, vec![json!(table), json!(name)]);
        serde_json::from_value(asked.await.unwrap()).unwrap()
    }

    /// Waits until the row is there, and as it is to be.
    async fn row_that(
        &self,
        table: &str,
        name: &str,
        is_as_expected: impl Fn(&[String]) -> bool,
    ) -> Vec<String> {
        eventually(&format!("{name} in {table}"), async || {
            let row = self.row(table, name).await?;
            is_as_expected(&row).then_some(row)
        })
        .await
    }

    async fn click(&self, css: &str) {
        let found = self.client.find(Locator::Css(css)).await.unwrap();
        found.click().await.unwrap();
    }

    async fn write(&self, css: &str, text: &str) {
        let field = self.client.find(Locator::Css(css)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    async fn text(&self, css: &str) -> String {
        let found = self.client.find(Locator::Css(css)).await.unwrap();
        found.text().await.unwrap()
    }

    /// What the console has been told.
    async fn log(&self) -> Vec<Value> {
        let id = self.client.session_id().await.unwrap().unwrap();
        let path = format!("/session/{id}/se/log");
        let headers = [("content-type", "application/json")];
        let mut driver = Connection::to(self.address).await;
        let answer = driver
            .ask("POST", &path, &headers, r#"{"type": "browser"}"#)
            .await;
        answer.json()["value"].as_array().unwrap().clone()
    }

    /// Ends the session, and with it the browser.
    async fn close(self) {
        self.client.clone().close().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = format!("-{}", self.driver.id());
        _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        _ = self.driver.wait();
    }
}

async fn session(driver: SocketAddr) -> Client {
    let mut options = json!({
        "args": [
            "--headless=new",
            // It loads nothing but our own page, and root may not have a sandbox.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ],
    });
    // Where Debian puts it.
    if Path::new("/usr/bin/chromium").exists() {
        options["binary"] = json!("/usr/bin/chromium");
    }
    let capabilities = json!({
        "goog:chromeOptions": options,
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    let Value::Object(capabilities) = capabilities else {
        unreachable!("it is one");
    };
    let connected = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(&format!("http://{driver}"))
        .await;
    connected.expect("chromium starts: apt-get install chromium chromium-driver")
}

const NAME: &str = "mementos_service::pages::page";

/// In the table of functions.
const ENTRIES: usize = 2;
const HIT_RATE: usize = 3;
const ANSWERS: usize = 4;

#[tokio::test]
async fn the_page_shows_what_happens_and_deletes_keys() {
    let service = Service::start(&["--max-age", "1h", "--upstream-latency", "0s"]);
    service.article(7).await;
    let browser = Browser::open(&service.url()).await;
    browser
        .row_that("stores", "memory", |row| row[1..4] == ["ok", "1", "0"])
        .await;
    let articles = browser.row_that("functions", "articles", |_| true).await;
    assert_eq!(articles[1..=ANSWERS], ["memory", "1", "0.0 %", "1"]);
    browser
        .row_that("registry", "mementos_service::client::Client", |row| {
            row[2] == "1"
        })
        .await;
    browser
        .row_that("slowest", "get (articles)", |_| true)
        .await;

    // What happens while somebody looks is seen, without a click.
    for _ in 0..3 {
        service.article(7).await;
    }
    service.get("/pages/1").await;
    browser
        .row_that("functions", "articles", |row| {
            row[HIT_RATE] == "75.0 %" && row[ANSWERS] == "4"
        })
        .await;
    browser
        .row_that("functions", NAME, |row| row[ENTRIES] == "1")
        .await;

    // A key is deleted by its button, and by its name.
    let kept = browser.row_that("keys", "article:7", |_| true).await;
    assert!(kept[2].starts_with("fresh for"), "{kept:?}");
    browser
        .click("#keys button[aria-label='Delete article:7']")
        .await;
    eventually("it is gone", async || {
        browser
            .row("keys", "article:7")
            .await
            .is_none()
            .then_some(())
    })
    .await;
    assert_eq!(service.article(7).await.how(), "built");
    let key = service.inspect().await["keys"][1]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(key.starts_with(NAME), "{key}");
    browser.write("#key", &key).await;
    browser.click("#delete button").await;
    eventually("that is said", async || {
        let said = browser.text("#deleted").await;
        (said == format!("Deleted {key}.")).then_some(())
    })
    .await;
    assert_eq!(service.get("/pages/1").await.how(), "built");

    let problems = browser.log().await;
    assert!(problems.is_empty(), "{problems:?}");
    let loaded =
        "return performance.getEntriesByType('resource').map((it) => new URL(it.name).origin)
        .concat(location.origin).filter((it, at, all) => all.indexOf(it) === at);";
    let from = browser.run(loaded).await;
    assert_eq!(
        from,
        json!([service.url().trim_end_matches('/')]),
        "all is from here"
    );
    browser.close().await;
}

#[tokio::test]
async fn the_page_tells_the_upstream_how_to_behave() {
    let service = Service::start(&["--upstream-latency", "0s"]);
    let browser = Browser::open(&service.url()).await;
    eventually("it is asked how it behaves", async || {
        let latency = browser
            .run("return document.getElementById('latency').value;")
            .await;
        (latency == "0").then_some(())
    })
    .await;
    browser.write("#latency", "30").await;
    browser.write("#failing", "100").await;
    browser.click("#upstream button").await;
    eventually("it behaves so", async || {
        let seen = service.inspect().await;
        let upstream = &seen["upstream"];
        (upstream["latency_ms"] == 30 && upstream["failing"] == 1.0).then_some(())
    })
    .await;
    let problems = browser.log().await;
    assert!(problems.is_empty(), "{problems:?}");
    browser.close().await;
}

#[tokio::test]
async fn what_the_page_shows_is_text_whatever_is_in_it() {
    let redis = Redis::start().await;
    let url = redis.url();
    let service = Service::start(&["--redis", &url, "--prefix", "p:"]);
    service.article(7).await;
    let name = r#"<img src=x onerror="document.title='run'">"#;
    let store = RedisStore::at(&url).unwrap().prefix("p:").open().unwrap();
    store.put(name, b"x", None).unwrap();

    let browser = Browser::open(&service.url()).await;
    browser
        .row_that("keys", name, |row| row[1] == "redis")
        .await;
    assert_eq!(browser.run("return document.images.length;").await, 0);
    assert_eq!(
        browser.client.title().await.unwrap(),
        "mementos: what is kept"
    );
    let problems = browser.log().await;
    assert!(problems.is_empty(), "{problems:?}");
    browser.close().await;
}

#[tokio::test]
async fn the_page_says_that_redis_fails_and_is_no_wider_than_a_phone() {
    let mut redis = Redis::start().await;
    let url = redis.url();
    let service = Service::start(&["--redis", &url]);
    service.article(7).await;
    let browser = Browser::open(&service.url()).await;
    browser
        .row_that("stores", "redis", |row| row[1] == "ok")
        .await;
    redis.stop();
    let row = browser
        .row_that("stores", "redis", |row| row[1].starts_with("fails: "))
        .await;
    assert!(row[1].contains("redis at 127.0.0.1"), "{row:?}");
    // What it is told by is not its colour alone, and no row makes the page scroll.
    browser.client.set_window_size(390, 800).await.unwrap();
    let widths = browser
        .run("return [document.documentElement.scrollWidth, innerWidth];")
        .await;
    assert!(widths[0].as_u64() <= widths[1].as_u64(), "{widths}");
    if let Some(path) = std::env::var_os("MEMENTOS_SCREENSHOT") {
        std::fs::write(path, browser.client.screenshot().await.unwrap()).unwrap();
    }
    browser.close().await;
}
