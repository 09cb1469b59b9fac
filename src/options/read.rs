//! Options as they are written in a file.

use super::freshness::Freshness;
use super::{OnLockTimeout, Options, Setting};
use crate::etag::Etag;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The fields that can be written down: all but stores, locks and functions.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    max_age: Setting<Age>,
    expiry: Setting<Time>,
    etag: Setting<String>,
    region: Setting<String>,
    parent: Setting<String>,
    namespace: Setting<String>,
    timeout: Setting<Age>,
    on_lock_timeout: Setting<OnLockTimeout>,
    jitter: Setting<Age>,
    error_age: Setting<Age>,
    none_age: Setting<Age>,
    schema: Setting<u64>,
    tags: Setting<Vec<String>>,
    grouped: Setting<bool>,
    stale_for: Setting<Age>,
    only_fresh: Setting<bool>,
    retry_after: Setting<Age>,
    soft_timeout: Setting<Age>,
    hard_timeout: Setting<Age>,
    early_from: Setting<f64>,
    early_beta: Setting<f64>,
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(from)?;
        let age = |age: Age| age.0;
        let name = Arc::<str>::from;
        let freshness = Freshness {
            stale_for: written.stale_for.map(age),
            only_fresh: written.only_fresh,
            retry_after: written.retry_after.map(age),
            soft_timeout: written.soft_timeout.map(age),
            hard_timeout: written.hard_timeout.map(age),
            early_from: written.early_from,
            early_beta: written.early_beta,
            ..Freshness::OPEN
        };
        Ok(Options {
            max_age: written.max_age.map(age),
            expiry: written.expiry.map(|time| time.0),
            etag: written.etag.map(Etag::new),
            region: written.region.map(name),
            parent: written.parent.map(name),
            namespace: written.namespace.map(name),
            timeout: written.timeout.map(age),
            on_lock_timeout: written.on_lock_timeout,
            jitter: written.jitter.map(age),
            error_age: written.error_age.map(age),
            none_age: written.none_age.map(age),
            schema: written.schema,
            tags: written
                .tags
                .map(|tags| tags.into_iter().map(name).collect()),
            grouped: written.grouped,
            freshness: freshness.shared(),
            ..Options::new()
        })
    }
}

impl<T> Setting<T> {
    fn map<U>(self, f: impl FnOnce(T) -> U) -> Setting<U> {
        match self {
            Setting::Inherit => Setting::Inherit,
            Setting::Set(value) => Setting::Set(f(value)),
            Setting::None => Setting::None,
        }
    }
}

/// `null` and `"none"` are explicitly none. A field that is not there inherits.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Setting<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OrNone<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OrNone<T> {
            type Value = Setting<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, or \"none\"")
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Setting::None)
            }

            fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Setting::None)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "none" => Ok(Setting::None),
                    text => T::deserialize(text.into_deserializer()).map(Setting::Set),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                T::deserialize(SeqAccessDeserializer::new(list)).map(Setting::Set)
            }

            fn visit_bool<E: Error>(self, yes: bool) -> Result<Self::Value, E> {
                T::deserialize(yes.into_deserializer()).map(Setting::Set)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                T::deserialize(number.into_deserializer()).map(Setting::Set)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                T::deserialize(number.into_deserializer()).map(Setting::Set)
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                T::deserialize(number.into_deserializer()).map(Setting::Set)
            }
        }

        from.deserialize_any(OrNone(PhantomData))
    }
}

/// `"1m 30s"`, or seconds.
struct Age(Duration);

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match TextOrSeconds::deserialize(from)? {
            TextOrSeconds::Text(text) => {
                let age = humantime::parse_duration(&text);
                age.map_err(|error| wrong(r#"a duration such as "1m 30s""#, &text, &error))
            }
            TextOrSeconds::Seconds(seconds) => {
                Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)
            }
        }
        .map(Age)
    }
}

/// `"2027-01-01T00:00:00Z"`, or seconds since 1970.
struct Time(SystemTime);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match TextOrSeconds::deserialize(from)? {
            TextOrSeconds::Text(text) => {
                let time = humantime::parse_rfc3339_weak(&text);
                time.map_err(|error| {
                    wrong(r#"a time such as "2027-01-01T00:00:00Z""#, &text, &error)
                })
            }
            TextOrSeconds::Seconds(seconds) => {
                let since = Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)?;
                let time = SystemTime::UNIX_EPOCH.checked_add(since);
                time.ok_or_else(|| D::Error::custom(format!("{seconds} is too late a time")))
            }
        }
        .map(Time)
    }
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum TextOrSeconds {
    Text(String),
    Seconds(f64),
}

fn wrong<E: Error>(expected: &str, text: &str, error: &dyn fmt::Display) -> E {
    E::custom(format!("{text:?} is not {expected}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::Regions;

    #[test]
    fn regions_are_read_from_toml() {
        let regions: Regions = toml::from_str(
            r#"
            [short]
            max_age = "1m 30s"
            namespace = "s"

            [long]
            parent = "short"
            max_age = 3600
            namespace = "none"
            on_lock_timeout = "error"
            expiry = "2027-01-01T00:00:00Z"
            tags = ["one", "two"]
            grouped = true
            stale_for = "1h"
            retry_after = 30
            soft_timeout = "none"
            hard_timeout = "2s"
            only_fresh = false
            early_from = 0.8
            early_beta = 1
            "#,
        )
        .unwrap();
        regions.check().unwrap();
        let (short, long) = (regions.get("short").unwrap(), regions.get("long").unwrap());
        assert_eq!(short.max_age, Setting::Set(Duration::from_secs(90)));
        assert_eq!(long.max_age, Setting::Set(Duration::from_secs(3600)));
        assert_eq!(long.namespace, Setting::None);
        assert_eq!(long.on_lock_timeout, Setting::Set(OnLockTimeout::Error));
        assert_eq!(long.jitter, Setting::Inherit);
        let tags = long.tags.value().map(|tags| tags.join(" "));
        assert_eq!(tags.as_deref(), Some("one two"));
        assert_eq!(long.grouped, Setting::Set(true));
        let fresh = long.freshness();
        assert_eq!(fresh.stale_for, Setting::Set(Duration::from_secs(3600)));
        assert_eq!(fresh.retry_after, Setting::Set(Duration::from_secs(30)));
        assert_eq!(fresh.soft_timeout, Setting::None);
        assert_eq!(fresh.hard_timeout, Setting::Set(Duration::from_secs(2)));
        assert_eq!(fresh.only_fresh, Setting::Set(false));
        assert_eq!(fresh.early_from, Setting::Set(0.8));
        assert_eq!(fresh.early_beta, Setting::Set(1.0));
        let new_year = SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_761_600);
        assert_eq!(long.expiry, Setting::Set(new_year));
    }

    #[test]
    fn regions_are_read_from_json() {
        let regions: Regions = serde_json::from_str(
            r#"{"short": {"max_age": 0.5, "etag": null, "tags": "none", "grouped": false}}"#,
        )
        .unwrap();
        let short = regions.get("short").unwrap();
        assert_eq!(short.max_age, Setting::Set(Duration::from_millis(500)));
        assert_eq!(short.etag, Setting::None);
        assert_eq!(short.tags, Setting::None);
        assert_eq!(short.grouped, Setting::Set(false));
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told() {
        let read = |text: &str| toml::from_str::<Regions>(text).unwrap_err().to_string();
        assert!(read("[a]\nmax_aeg = 1").contains("max_aeg"));
        assert!(read("[a]\nmax_age = \"soon\"").contains(r#"a duration such as "1m 30s""#));
        assert!(read("[a]\non_lock_timeout = \"wait\"").contains("wait"));
        assert!(read("[a]\nexpiry = 1e19").contains("too late"));
        assert!(read("[a]\nmax_age = -1").contains("negative"));
    }
}
