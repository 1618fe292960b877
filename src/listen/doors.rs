//! The server: one or more doors, as many workers as cores.

use std::io;
use std::time::Duration;

use actix_server::{Server, ServerHandle};
use tokio::sync::watch;

use super::door::{Behind, Door};
use super::listener::Listener;
use super::socket_file::SocketFile;
use crate::transport::engine::Entrance;

/// One door: where it is, and who comes in by it.
#[derive(Debug)]
pub struct Opening {
    /// Where connections arrive.
    pub listener: Listener,
    /// By which way those come in who come by it.
    pub entrance: Entrance,
}

/// All doors of a server.
pub struct Doors {
    server: ServerHandle,
    files: Vec<SocketFile>,
}

/// Opens the doors. The server runs on its own threads once the returned future is polled. Once `stopping` turns
/// true, HTTP connections end behind the answer they wait for, and idle ones at once: else a backend that keeps its
/// connection would hold up a stop for as long as it may take.
///
/// # Errors
/// When a socket cannot be used.
pub fn open(
    openings: Vec<Opening>,
    workers: usize,
    stop_timeout: Duration,
    stopping: &watch::Receiver<bool>,
    door: &impl Door,
) -> io::Result<(Server, Doors)> {
    let mut builder =
        Server::build().workers(workers).disable_signals().shutdown_timeout(stop_timeout.as_secs().max(1));
    let mut files = Vec::new();
    for Opening { listener, entrance } in openings {
        let behind = Behind { door: door.clone(), entrance, stopping: stopping.clone() };
        builder = match listener {
            Listener::Tcp(listener) => builder.listen("postroom", listener, move || behind.tcp())?,
            Listener::Unix(file, listener) => {
                files.push(file);
                builder.listen_uds("postroom", listener, move || behind.unix())?
            }
        };
    }
    let server = builder.run();
    let doors = Doors { server: server.handle(), files };
    Ok((server, doors))
}

impl Doors {
    /// Lets nobody new in. The files of Unix sockets go now, while the sockets are still open: so they cannot be those of
    /// somebody else, and a proxy is refused at once instead of waiting for somebody who does not come.
    pub async fn shut(&mut self) {
        self.files.clear();
        self.server.pause().await;
    }

    /// Stops the server: where `graceful`, when the requests under way are answered.
    pub async fn stop(&self, graceful: bool) {
        self.server.stop(graceful).await;
    }
}
