//! Where digests are kept, as the command line says it.

use crate::arguments::USAGE;
use mementos::store::SharedStore;

/// The store that is named; nothing, for the function's own memory.
///
/// # Errors
///
/// Why there is no such store, in words.
pub(crate) fn open(name: &str) -> Result<Option<SharedStore>, String> {
    let store = match name.split_once(':') {
        None if name == "memory" => return Ok(None),
        Some(("disk", path)) => disk(path),
        Some(("fs", directory)) => fs(directory),
        Some(("redis" | "rediss" | "redis+unix", _)) => redis(name),
        _ => return Err(format!("there is no store {name}; {USAGE}")),
    };
    store.map(Some)
}

#[cfg(feature = "disk")]
fn disk(path: &str) -> Result<SharedStore, String> {
    use mementos::store::{bytes::Encoded, disk::DiskStore};
    let store = DiskStore::open(path).map_err(|error| error.to_string())?;
    Ok(Encoded::new(store).into())
}

#[cfg(not(feature = "disk"))]
fn disk(_: &str) -> Result<SharedStore, String> {
    without("disk")
}

#[cfg(feature = "redis")]
fn redis(url: &str) -> Result<SharedStore, String> {
    use mementos::store::{bytes::Encoded, redis::RedisStore};
    let store = RedisStore::at(url).and_then(|store| store.prefix("digest:").open());
    let store = store.map_err(|error| error.to_string())?;
    Ok(Encoded::new(store).into())
}

#[cfg(not(feature = "redis"))]
fn redis(_: &str) -> Result<SharedStore, String> {
    without("redis")
}

#[cfg(all(feature = "opendal", feature = "testing"))]
fn fs(directory: &str) -> Result<SharedStore, String> {
    use mementos::store::{bytes::Encoded, opendal::OpendalStore};
    let service = opendal::services::Fs::default().root(directory);
    let operator = opendal::Operator::new(service).map_err(|error| error.to_string())?;
    Ok(Encoded::new(OpendalStore::new(operator)).into())
}

#[cfg(not(all(feature = "opendal", feature = "testing")))]
fn fs(_: &str) -> Result<SharedStore, String> {
    without("opendal,testing")
}

#[cfg(not(all(
    feature = "disk",
    feature = "redis",
    feature = "opendal",
    feature = "testing"
)))]
fn without(feature: &str) -> Result<SharedStore, String> {
    Err(format!(
        "this program was built without that store; add `--features {feature}`"
    ))
}
