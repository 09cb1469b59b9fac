//! What is asked for on the command line.

use crate::cache::Times;
use crate::catalogue::Catalogue;
use crate::upstream::Behaviour;
use mementos::store::redis::{RedisBuilder, RedisStore};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// How the program is used.
pub const USAGE: &str = "usage: mementos-service [OPTION VALUE]..

  --listen ADDRESS            where the service listens: 127.0.0.1:8080
  --redis URL                 keeps articles in Redis too: redis://127.0.0.1
  --prefix TEXT               what names in Redis begin with: mementos-service:
  --max-age TIME              how long articles are fresh: 2s
  --stale-for TIME            for how long after that they are served: 60s
  --soft-timeout TIME         how long a request waits if there is a stale one: 0s
  --hard-timeout TIME         how long it waits if there is none: 3s
  --retry-after TIME          the time between two refreshes, if they fail: 250ms
  --upstream-listen ADDRESS   where the upstream listens: 127.0.0.1:0
  --upstream-latency TIME     how long each of its answers takes: 100ms
  --upstream-failing PART     how many of them are failures, from 0 to 1: 0
  --articles NUMBER           how many articles it has: 200
  --publish-every TIME        how often it publishes each anew: 10s";

/// What the command line asks for.
#[derive(Debug)]
pub enum Asked {
    /// To run so.
    Run(Box<Settings>),
    /// To say how the program is used.
    Help,
}

/// How the service is to run.
#[derive(Debug)]
pub struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) redis: Option<RedisBuilder>,
    pub(crate) times: Times,
    pub(crate) upstream: SocketAddr,
    pub(crate) behaviour: Behaviour,
    pub(crate) catalogue: Catalogue,
}

impl Settings {
    /// Reads options and their values.
    ///
    /// # Errors
    ///
    /// What is wrong with them, in words.
    pub fn read<A: Into<OsString>>(
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Asked, String> {
        let mut settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            redis: None,
            times: Times::default(),
            upstream: SocketAddr::from(([127, 0, 0, 1], 0)),
            behaviour: Behaviour {
                latency_ms: 100,
                failing: 0.0,
            },
            catalogue: Catalogue::new(0, Duration::ZERO),
        };
        let mut prefix = "mementos-service:".to_owned();
        let (mut articles, mut period) = (200, Duration::from_secs(10));
        let mut arguments = arguments.into_iter().map(Into::into);
        while let Some(option) = arguments.next() {
            let option = option.to_string_lossy().into_owned();
            let mut value = || text(&option, arguments.next());
            match option.as_str() {
                "--help" => return Ok(Asked::Help),
                "--listen" => settings.listen = parsed(&option, &value()?)?,
                "--redis" => settings.redis = Some(redis(&value()?)?),
                "--prefix" => prefix = value()?,
                "--max-age" => settings.times.max_age = time(&option, &value()?)?,
                "--stale-for" => settings.times.stale_for = time(&option, &value()?)?,
                "--soft-timeout" => settings.times.soft_timeout = time(&option, &value()?)?,
                "--hard-timeout" => settings.times.hard_timeout = time(&option, &value()?)?,
                "--retry-after" => settings.times.retry_after = time(&option, &value()?)?,
                "--upstream-listen" => settings.upstream = parsed(&option, &value()?)?,
                "--upstream-latency" => {
                    let latency = time(&option, &value()?)?;
                    settings.behaviour.latency_ms = latency.as_millis() as u64;
                }
                "--upstream-failing" => settings.behaviour.failing = part(&option, &value()?)?,
                "--articles" => articles = parsed(&option, &value()?)?,
                "--publish-every" => period = time(&option, &value()?)?,
                _ => return Err(format!("unknown option {option}\n{USAGE}")),
            }
        }
        settings.redis = settings.redis.map(|redis| redis.prefix(prefix));
        settings.catalogue = Catalogue::new(articles, period);
        Ok(Asked::Run(Box::new(settings)))
    }
}

fn text(option: &str, value: Option<OsString>) -> Result<String, String> {
    let text = value.and_then(|value| value.into_string().ok());
    text.ok_or_else(|| format!("{option} needs a value\n{USAGE}"))
}

fn parsed<T: FromStr>(option: &str, value: &str) -> Result<T, String> {
    let parsed = value.parse();
    parsed.map_err(|_| format!("{option} can't be {value}\n{USAGE}"))
}

fn time(option: &str, value: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(value);
    time.map_err(|error| format!("{option} can't be {value}: {error}\n{USAGE}"))
}

fn part(option: &str, value: &str) -> Result<f64, String> {
    let part: f64 = parsed(option, value)?;
    match (0.0..=1.0).contains(&part) {
        true => Ok(part),
        false => Err(format!("{option} is from 0 to 1\n{USAGE}")),
    }
}

/// The address may have a password, and is not repeated.
fn redis(url: &str) -> Result<RedisBuilder, String> {
    RedisStore::at(url).map_err(|error| format!("--redis: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Asked, String> {
        Settings::read(line.split_whitespace())
    }

    #[test]
    fn options_are_read() {
        let line = "--listen 127.0.0.1:1 --max-age 5s --upstream-failing 0.5 --redis redis://r";
        let Ok(Asked::Run(settings)) = read(line) else {
            panic!("it is right");
        };
        assert_eq!(settings.listen.port(), 1);
        assert_eq!(settings.times.max_age, Duration::from_secs(5));
        assert_eq!(settings.behaviour.failing, 0.5);
        assert!(settings.redis.is_some());
        assert!(matches!(read("--help"), Ok(Asked::Help)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, said) in [
            ("--lisen 1", "unknown option --lisen"),
            ("--listen", "--listen needs a value"),
            ("--listen here", "--listen can't be here"),
            ("--max-age soon", "--max-age can't be soon"),
            ("--upstream-failing 2", "--upstream-failing is from 0 to 1"),
            ("--articles -1", "--articles can't be -1"),
        ] {
            let message = read(line).unwrap_err();
            assert!(message.starts_with(said), "{message}");
        }
        let secret = read("--redis http://me:secret@host").unwrap_err();
        assert!(!secret.contains("secret"), "{secret}");
    }
}
