//! What the service answers to.

use crate::cache::{Answer, Cache};
use crate::client::Refused;
use crate::etags;
use crate::inspect::{Tallies, inspect};
use crate::upstream::{Behaviour, Upstream};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use mementos::{Answered, BuildError, Detailed, MemoError};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// What the routes share.
pub(crate) struct Service {
    pub(crate) cache: Cache,
    pub(crate) tallies: Tallies,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) metrics: PrometheusHandle,
}

/// Says how the answer came about: `hit`, `early`, `stale`, `fallback`, `joined`, `built`,
/// `not_modified`, `store_fault`.
const ANSWERED: HeaderName = HeaderName::from_static("answered");

pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/articles/{id}", get(article))
        .route("/pages/{number}", get(page))
        .route("/metrics", get(metrics))
        .route("/api/inspect", get(inspection))
        .route("/api/keys/{key}", delete(delete_key))
        .route("/api/upstream", put(behave))
        .route(
            "/",
            get(file!("../page/index.html", "text/html; charset=utf-8")),
        )
        .route(
            "/style.css",
            get(file!("../page/style.css", "text/css; charset=utf-8")),
        )
        .route(
            "/script.js",
            get(file!("../page/script.js", "text/javascript; charset=utf-8")),
        )
        .with_state(service)
}

/// A part of the page. It loads nothing that does not come from here, and runs no script
/// that is written into it.
macro_rules! file {
    ($path:literal, $kind:literal) => {
        async || {
            let headers = [
                (header::CONTENT_TYPE, $kind),
                (header::CACHE_CONTROL, "no-cache"),
                (
                    header::CONTENT_SECURITY_POLICY,
                    "default-src 'self'; img-src data:; frame-ancestors 'none'",
                ),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, include_str!($path))
        }
    };
}
use file;

async fn article(
    State(service): State<Arc<Service>>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Response {
    let tally = &service.tallies.articles;
    match service.cache.article(id).await {
        Err(error) => {
            tally.failed("articles");
            refused(&error)
        }
        Ok(answer) => {
            tally.count("articles", answer.how);
            found(&answer, &headers)
        }
    }
}

/// The article, unless the request says that its sender has it.
fn found(answer: &Answer, request: &HeaderMap) -> Response {
    let Answer {
        article,
        how,
        facts,
    } = answer;
    let mut response = match (
        article,
        facts.as_ref().and_then(|facts| facts.etag.as_ref()),
    ) {
        (None, _) => nothing(),
        (Some(_), Some(etag)) if etags::is_among(etag.as_str(), request) => {
            StatusCode::NOT_MODIFIED.into_response()
        }
        (Some(marked), _) => Json(&marked.article).into_response(),
    };
    let headers = response.headers_mut();
    if let Some(facts) = facts {
        // From now on: an `Age` beside it would be subtracted once more (RFC 9111, 4.2).
        let fresh = format!("max-age={}", facts.fresh_for.as_secs());
        headers.extend(fresh.try_into().map(|fresh| (header::CACHE_CONTROL, fresh)));
        let etag = facts.etag.as_ref().map(|etag| etags::quoted(etag.as_str()));
        headers.extend(etag.map(|etag| (header::ETAG, etag)));
    }
    came_about(response, *how)
}

async fn page(State(service): State<Arc<Service>>, Path(number): Path<u64>) -> Response {
    let tally = &service.tallies.pages;
    let (listed, how) = match service.cache.page(number).await {
        Ok(Detailed { value, how }) => (value.map_err(|refused| bad_gateway(&refused)), how),
        Err(error) => (Err(refused(&error)), Answered::Built),
    };
    match listed {
        Err(response) => {
            tally.failed("pages");
            response
        }
        Ok(listed) => {
            tally.count("pages", how);
            let response = listed.map_or_else(nothing, |ids| Json(ids).into_response());
            came_about(response, how)
        }
    }
}

fn came_about(mut response: Response, how: Answered) -> Response {
    let name = header::HeaderValue::from_static(how.name());
    response.headers_mut().insert(ANSWERED, name);
    response
}

fn nothing() -> Response {
    said(StatusCode::NOT_FOUND, &"there is nothing of that number")
}

fn refused<E: fmt::Display>(error: &BuildError<E>) -> Response {
    match error {
        BuildError::TimedOut(_) => said(StatusCode::GATEWAY_TIMEOUT, error),
        BuildError::Failed(_) => said(StatusCode::BAD_GATEWAY, error),
        _ => said(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

fn bad_gateway(refused: &Refused) -> Response {
    said(StatusCode::BAD_GATEWAY, refused)
}

fn said(status: StatusCode, message: &impl ToString) -> Response {
    (status, Json(json!({ "error": message.to_string() }))).into_response()
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    service.metrics.run_upkeep();
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (kind, service.metrics.render()).into_response()
}

async fn inspection(State(service): State<Arc<Service>>) -> Response {
    let looked = spawn_blocking(move || {
        Json(inspect(&service.cache, &service.tallies, &service.upstream)).into_response()
    });
    let headers = [(header::CACHE_CONTROL, "no-store")];
    match looked.await {
        Ok(response) => (headers, response).into_response(),
        Err(error) => said(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

async fn delete_key(State(service): State<Arc<Service>>, Path(key): Path<String>) -> Response {
    match spawn_blocking(move || service.cache.delete(&key)).await {
        Ok(Ok(true)) => StatusCode::NO_CONTENT.into_response(),
        Ok(Ok(false)) => said(StatusCode::NOT_FOUND, &"there is no such key"),
        Ok(Err(error @ MemoError::Store(_))) => said(StatusCode::SERVICE_UNAVAILABLE, &error),
        Ok(Err(error)) => said(StatusCode::INTERNAL_SERVER_ERROR, &error),
        Err(error) => said(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

async fn behave(State(service): State<Arc<Service>>, Json(behaviour): Json<Behaviour>) -> Response {
    if !(0.0..=1.0).contains(&behaviour.failing) {
        return said(StatusCode::BAD_REQUEST, &"failing is a number from 0 to 1");
    }
    service.upstream.behave(behaviour);
    StatusCode::NO_CONTENT.into_response()
}
