//! The server: one port, as many workers as cores.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive};
use actix_server::{Server, ServerHandle};
use actix_service::{fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::web::ServiceConfig;
use tokio::sync::watch;

use super::hand_over::hand_over;
use crate::transport::engine::Engine;

/// How long an idle keep-alive connection of a backend is held.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// What stands behind the door, on the worker thread that asks.
pub trait Door: Clone + Send + 'static {
    /// The engine of this thread; called on each worker, as often as needed.
    fn engine(&self) -> Rc<Engine>;

    /// Adds the routes and what they need.
    fn configure(&self, config: &mut ServiceConfig);
}

/// Opens the door. The server runs on its own threads once the returned future is polled. Once `stopping` turns
/// true, HTTP connections end behind the answer they wait for, and idle ones at once: else a backend that keeps its
/// connection would hold up a stop for as long as it may take.
///
/// # Errors
/// When the socket cannot be used.
pub fn open(
    listener: TcpListener,
    workers: usize,
    stop_timeout: Duration,
    stopping: watch::Receiver<bool>,
    door: impl Door,
) -> io::Result<(Server, ServerHandle)> {
    let server = Server::build()
        .workers(workers)
        .disable_signals()
        .shutdown_timeout(stop_timeout.as_secs().max(1))
        .listen("postroom", listener, move || {
            let (routes, engine, stopping) = (door.clone(), door.engine(), stopping.clone());
            let app = App::new().configure(|config| routes.configure(config));
            HttpService::build()
                .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
                .client_request_timeout(HEAD_TIMEOUT)
                // A client that shuts its side down has gone: an aborted poll must not stay pending.
                .h1_allow_half_closed(false)
                .tcp_nodelay(true)
                .graceful_shutdown_signal(move || stopped(stopping.clone()))
                .upgrade(fn_service(move |(request, framed)| hand_over(Rc::clone(&engine), request, framed)))
                .finish(map_config(app, |()| AppConfig::default()))
                .tcp()
        })?
        .run();
    let handle = server.handle();
    Ok((server, handle))
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    if stopping.wait_for(|stopping| *stopping).await.is_err() {
        // Nobody is left who could stop the server.
        std::future::pending::<()>().await;
    }
}
