//! What stands behind a door, and the HTTP server in between.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_codec::{AsyncRead, AsyncWrite};
use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Protocol};
use actix_service::{ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::web::ServiceConfig;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;

use super::hand_over::hand_over;
use crate::transport::engine::{Engine, Entrance, Stream};

/// How long an idle keep-alive connection of a backend is held.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// What stands behind the doors, on the worker thread that asks.
pub trait Door: Clone + Send + 'static {
    /// The engine of this thread; called on each worker, as often as needed.
    fn engine(&self) -> Rc<Engine>;

    /// Adds the routes and what they need, for those who come in by this way.
    fn configure(&self, config: &mut ServiceConfig, entrance: Entrance);
}

/// What stands behind one of the doors.
#[derive(Clone)]
pub(super) struct Behind<D> {
    pub(super) door: D,
    pub(super) entrance: Entrance,
    /// Turns true when HTTP connections are to end.
    pub(super) stopping: watch::Receiver<bool>,
}

/// A connection as the HTTP server takes it.
type Incoming<S> = (S, Protocol, Option<SocketAddr>);

impl<D: Door> Behind<D> {
    /// Serves connections of a TCP port.
    pub(super) fn tcp(
        &self,
    ) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<D>
    {
        let incoming = |stream: TcpStream| async move {
            // Answers are small, and each of them is waited for.
            let _ = stream.set_nodelay(true);
            let peer = stream.peer_addr().ok();
            Ok::<Incoming<TcpStream>, DispatchError>((stream, Protocol::Http1, peer))
        };
        fn_service(incoming).and_then(self.http())
    }

    /// Serves connections of a Unix socket.
    pub(super) fn unix(
        &self,
    ) -> impl ServiceFactory<UnixStream, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<D>
    {
        let incoming = |stream: UnixStream| async move {
            Ok::<Incoming<UnixStream>, DispatchError>((stream, Protocol::Http1, None))
        };
        fn_service(incoming).and_then(self.http())
    }

    fn http<S: AsyncRead + AsyncWrite + Unpin + Into<Stream> + 'static>(
        &self,
    ) -> impl ServiceFactory<Incoming<S>, Config = (), Response = (), Error = DispatchError, InitError = ()>
    + use<S, D> {
        let Self { door, entrance, stopping } = self.clone();
        let engine = door.engine();
        let app = App::new().configure(|config| door.configure(config, entrance));
        HttpService::build()
            .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
            .client_request_timeout(HEAD_TIMEOUT)
            // A client that shuts its side down has gone: an aborted poll must not stay pending.
            .h1_allow_half_closed(false)
            .graceful_shutdown_signal(move || stopped(stopping.clone()))
            .upgrade(fn_service(move |(request, framed)| {
                hand_over(Rc::clone(&engine), entrance, request, framed)
            }))
            .finish(map_config(app, |()| AppConfig::default()))
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    if stopping.wait_for(|stopping| *stopping).await.is_err() {
        // Nobody is left who could stop the server.
        std::future::pending::<()>().await;
    }
}
