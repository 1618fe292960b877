//! By which ways clients and backends come in: taken before anything else is done, since a port in use is the most common
//! mistake.

use std::net::SocketAddr;

use anyhow::Context as _;

use crate::config::Server;
use crate::listen::{Listener, Opening};
use crate::transport::engine::Entrance;

/// All ways in.
pub(super) struct Entrances(pub(super) Vec<Opening>);

impl Entrances {
    /// Takes all ports and sockets.
    ///
    /// # Errors
    /// When one cannot be had; the text names the setting.
    pub(super) fn take(server: &Server) -> anyhow::Result<Self> {
        let main = Opening { listener: main(server)?, entrance: Entrance::Main };
        let tokens = server.token_listen.map(tokens).transpose()?;
        let tokens = tokens.map(|listener| Opening { listener, entrance: Entrance::Tokens });
        Ok(Self(std::iter::once(main).chain(tokens).collect()))
    }

    /// The address at which everybody comes in, where that is a TCP port.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.0.iter().find(|opening| opening.entrance == Entrance::Main)?.listener.address()
    }

    /// Writes into the log where the process listens.
    pub(super) fn announcement(&self) -> impl FnOnce() + use<> {
        let places = self.0.iter().map(|opening| (opening.entrance, opening.listener.to_string()));
        let places: Vec<_> = places.collect();
        move || {
            for (entrance, address) in places {
                match entrance {
                    Entrance::Main => tracing::info!(%address, "listening"),
                    Entrance::Tokens => tracing::info!(%address, "listening for tokens"),
                }
            }
        }
    }
}

/// In place of the port there may be a Unix socket.
fn main(server: &Server) -> anyhow::Result<Listener> {
    if let Some(path) = &server.socket {
        return Listener::unix(path).with_context(|| {
            format!("cannot listen on the Unix socket {}; set `socketio_uds`", path.display())
        });
    }
    let address = server.listen;
    Listener::tcp(address).with_context(|| {
        format!("cannot listen on {address}; is another process using the port? Set `port` in config.yml")
    })
}

fn tokens(address: SocketAddr) -> anyhow::Result<Listener> {
    Listener::tcp(address).with_context(|| {
        format!(
            "cannot listen on {address} for tokens; is another process using the port? Set `socketio_token_port` in common_site_config.json"
        )
    })
}
