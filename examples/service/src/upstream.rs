//! The server that the service asks: slow, failing, and changing as it is told.

use crate::catalogue::Catalogue;
use crate::etags;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// How it behaves. It can be changed while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Behaviour {
    /// How long each answer takes, in milliseconds.
    pub(crate) latency_ms: u64,
    /// How many of the answers are a failure: 0 is none, 1 is all.
    pub(crate) failing: f64,
}

/// What it has been asked so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// How many requests there were.
    pub(crate) requests: u64,
    /// To how many the answer was a failure.
    pub(crate) failed: u64,
    /// To how many, that what the client has holds.
    pub(crate) not_modified: u64,
}

/// The state of the server.
#[derive(Debug)]
pub(crate) struct Upstream {
    catalogue: Catalogue,
    behaviour: RwLock<Behaviour>,
    requests: AtomicU64,
    failed: AtomicU64,
    not_modified: AtomicU64,
}

impl Upstream {
    /// One that publishes this, and behaves so at first.
    pub(crate) fn new(catalogue: Catalogue, behaviour: Behaviour) -> Self {
        Upstream {
            catalogue,
            behaviour: RwLock::new(behaviour),
            requests: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            not_modified: AtomicU64::new(0),
        }
    }

    /// How it behaves now.
    pub(crate) fn behaviour(&self) -> Behaviour {
        *self
            .behaviour
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it behaves so.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self
            .behaviour
            .write()
            .unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// What it has been asked so far.
    pub(crate) fn asked(&self) -> Asked {
        Asked {
            requests: self.requests.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            not_modified: self.not_modified.load(Ordering::Relaxed),
        }
    }

    /// Takes its time, and fails as often as it is told.
    async fn labour(&self) -> Result<(), StatusCode> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let Behaviour {
            latency_ms,
            failing,
        } = self.behaviour();
        tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        if scattered(number) >= failing {
            return Ok(());
        }
        self.failed.fetch_add(1, Ordering::Relaxed);
        Err(StatusCode::SERVICE_UNAVAILABLE)
    }
}

/// The server's routes.
pub(crate) fn router(upstream: Arc<Upstream>) -> Router {
    Router::new()
        .route("/articles/{id}", get(article))
        .route("/pages/{number}", get(page))
        .with_state(upstream)
}

async fn article(
    State(upstream): State<Arc<Upstream>>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    upstream.labour().await?;
    let version = upstream.catalogue.version(id, SystemTime::now());
    let article = upstream.catalogue.article(id, version);
    let article = article.ok_or(StatusCode::NOT_FOUND)?;
    let mark = format!("{id}-{version}");
    let etag = [(header::ETAG, etags::quoted(&mark))];
    if etags::is_among(&mark, &headers) {
        upstream.not_modified.fetch_add(1, Ordering::Relaxed);
        return Ok((StatusCode::NOT_MODIFIED, etag).into_response());
    }
    Ok((etag, Json(article)).into_response())
}

async fn page(
    State(upstream): State<Arc<Upstream>>,
    Path(number): Path<u64>,
) -> Result<Json<Vec<u64>>, StatusCode> {
    upstream.labour().await?;
    let page = upstream.catalogue.page(number);
    page.map(Json).ok_or(StatusCode::NOT_FOUND)
}

/// A number from 0 on and below 1, which looks as if it had nothing to do with `number`:
/// the output function of SplitMix64 (G. Steele, D. Lea, C. Flood, *Fast Splittable
/// Pseudorandom Number Generators*, 2014).
fn scattered(number: u64) -> f64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_as_many_as_they_are_to_be() {
        for failing in [0.0, 0.25, 0.5, 1.0] {
            let failed = (0..10_000).filter(|&n| scattered(n) < failing).count();
            let expected = failing * 10_000.0;
            assert!(
                (failed as f64 - expected).abs() < 200.0,
                "{failed} of {expected}"
            );
        }
    }
}
