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
            format!(
                "cannot listen on the Unix socket {}; set `socketio_uds` in common_site_config.json",
                path.display()
            )
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::config::{Sources, load_server};

    const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

    fn server() -> Server {
        let server = load_server(&Sources::default()).unwrap_or_else(|problems| panic!("{problems}"));
        Server { listen: ANY.into(), ..server }
    }

    fn ways(entrances: &Entrances) -> Vec<Entrance> {
        entrances.0.iter().map(|opening| opening.entrance).collect()
    }

    /// What is said of a setting that cannot be.
    fn refused(server: &Server) -> String {
        format!("{:#}", Entrances::take(server).map(|_| ()).unwrap_err())
    }

    #[test]
    fn a_unix_socket_takes_the_place_of_the_port() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        // Were the port wanted, too, it could not be had.
        let server = Server { listen: taken.local_addr().unwrap(), socket: Some(path.clone()), ..server() };
        let entrances = Entrances::take(&server).unwrap();
        assert_eq!((ways(&entrances), entrances.address()), (vec![Entrance::Main], None));
        assert_eq!(entrances.0[0].listener.to_string(), path.to_str().unwrap());
        let said = refused(&server);
        assert!(said.contains("`socketio_uds`") && said.contains("another process answers on"), "{said}");
        drop(entrances);
        assert!(!path.exists());
    }

    #[test]
    fn tokens_have_a_port_of_their_own_beside_the_other() {
        let server = Server { token_listen: Some(ANY.into()), ..server() };
        let entrances = Entrances::take(&server).unwrap();
        assert_eq!(ways(&entrances), [Entrance::Main, Entrance::Tokens]);
        let [main, tokens] = [0, 1].map(|number| entrances.0[number].listener.address().unwrap());
        assert_eq!(entrances.address(), Some(main));
        assert_ne!(main, tokens);
    }

    #[test]
    fn a_port_in_use_is_named_with_its_setting() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let said = refused(&Server { listen: address, ..server() });
        assert!(said.contains("`port`") && said.contains(&address.to_string()), "{said}");
        let said = refused(&Server { token_listen: Some(address), ..server() });
        assert!(said.contains("`socketio_token_port`") && said.contains(&address.to_string()), "{said}");
    }
}
