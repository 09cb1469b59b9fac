//! The service while it runs.

use crate::arguments::Settings;
use crate::cache::Cache;
use crate::inspect::Tallies;
use crate::routes::{self, Service};
use crate::upstream::{self, Upstream};
use axum::Router;
use mementos::Registry;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The service and its upstream, which serve until they are stopped.
pub struct Running {
    service: Serving,
    upstream: Serving,
    state: Arc<Service>,
}

/// A server.
struct Serving {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

/// How long builds take, in seconds: the bounds of the histogram's buckets.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

impl Running {
    /// Starts both.
    ///
    /// # Errors
    ///
    /// If one of them can't listen where it is to; or if somebody else records the metrics
    /// of this process.
    pub async fn start(settings: Settings) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let metrics = recorder()?;
        Registry::global().count_hits(true);
        let redis = settings.redis.map(|redis| redis.open()).transpose()?;
        let behind = Arc::new(Upstream::new(settings.catalogue, settings.behaviour));
        let upstream = serve(settings.upstream, upstream::router(Arc::clone(&behind))).await?;
        let state = Arc::new(Service {
            cache: Cache::new(&upstream.address.to_string(), redis, settings.times),
            tallies: Tallies::default(),
            upstream: behind,
            metrics,
        });
        let service = serve(settings.listen, routes::router(Arc::clone(&state))).await?;
        Ok(Running {
            service,
            upstream,
            state,
        })
    }

    /// Where the service listens.
    pub fn address(&self) -> SocketAddr {
        self.service.address
    }

    /// Where the upstream listens.
    pub fn upstream(&self) -> SocketAddr {
        self.upstream.address
    }

    /// Stops them: requests under way are answered, and what is done in the background is
    /// done to its end.
    pub async fn stop(self) {
        self.service.end().await;
        self.state.cache.drain().await;
        self.upstream.end().await;
    }
}

impl Serving {
    async fn end(self) {
        // One that has ended has nobody who hears it.
        _ = self.stop.send(());
        _ = self.ended.await;
    }
}

async fn serve(address: SocketAddr, router: Router) -> std::io::Result<Serving> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async {
        // To drop the sender is to stop, too.
        _ = stopped.await;
    });
    let ended = tokio::spawn(async {
        // It ends with an error never: what fails to be accepted is tried again.
        _ = serving.await;
    });
    Ok(Serving {
        address,
        stop,
        ended,
    })
}

/// What records the metrics of this process: one, however many services it has.
fn recorder() -> Result<PrometheusHandle, Box<dyn Error + Send + Sync>> {
    static HANDLE: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut handle = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*handle {
        return Ok(handle.clone());
    }
    let made = install()?;
    *handle = Some(made.clone());
    Ok(made)
}

fn install() -> Result<PrometheusHandle, BuildError> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(seconds, &BUCKETS)?
        .install_recorder()
}
