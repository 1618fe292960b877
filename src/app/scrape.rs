//! Metrics: where they come from, and the port at which they are scraped.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer};
use anyhow::Context as _;

use crate::api;
use crate::store::{Counters, Store};
use crate::telemetry::{Books, Metrics};

/// All metrics of a process.
pub(super) fn metrics(store: &Arc<dyn Store>) -> Arc<Metrics> {
    let mut metrics = Metrics::default();
    let store = Arc::clone(store);
    metrics.watch_books(move || books(&store.counters()));
    Arc::new(metrics)
}

fn books(counters: &Counters) -> Books {
    let Counters { accepted, acked, expired, resynced, dropped, queued, devices, online, acks_forgotten } =
        *counters;
    Books { accepted, acked, expired, resynced, dropped, queued, acks_forgotten, devices, online }
}

/// Opens the port, before anything else is done.
pub(super) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| {
        format!(
            "cannot listen on {address} for metrics; is another process using the port? Set `metrics.listen` in config.yml"
        )
    })
}

/// Answers scrapes until it is stopped: through the whole of a drain, which is what one wants to watch.
pub(super) fn open(listener: TcpListener, metrics: Arc<Metrics>) -> std::io::Result<(Server, ServerHandle)> {
    let app = move || App::new().configure(|config| api::configure_metrics(config, &metrics));
    let address = listener.local_addr()?;
    let server = HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run();
    let handle = server.handle();
    tracing::info!(%address, "metrics at /metrics");
    Ok((server, handle))
}
