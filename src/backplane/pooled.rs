//! A server as pools of connections want to know it: what is rare goes over a pool, and not over a line.

use std::path::Path;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, TlsCertificates};

use super::server::{Login, Place};
use super::{ServerUrl, Trouble, check};

impl ServerUrl {
    /// What makes a connection. With `ca` (PEM) only these certificates are trusted, else those of the system.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn connection(&self, ca: Option<&Path>) -> Result<ConnectionInfo, String> {
        let addr = match &self.place {
            Place::Tcp { host, port, tls: false } => ConnectionAddr::Tcp(host.clone(), *port),
            Place::Tcp { host, port, tls: true } => {
                ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
            }
            Place::Unix(path) => ConnectionAddr::Unix(path.clone()),
        };
        let info = addr.into_connection_info().map_err(|error| format!("{self}: {error}"))?;
        let info = info.set_redis_settings(self.login.settings());
        let (true, Some(ca)) = (self.is_tls(), ca) else { return Ok(info) };
        let failed = |why: String| format!("{}: {why}", ca.display());
        let root_cert = Some(std::fs::read(ca).map_err(|error| failed(error.to_string()))?);
        let trusting = Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert });
        Ok(trusting.map_err(|error| failed(error.to_string()))?.get_connection_info().clone())
    }

    /// Whether a server that says this of itself (INFO) may be used.
    ///
    /// # Errors
    /// Why not.
    pub fn suits(about: &str, in_cluster: bool) -> Result<(), Trouble> {
        check::suits(about, in_cluster)
    }

    /// Another server that this one has named, with TLS as here. Without a host it is the one here.
    #[must_use]
    pub fn elsewhere(&self, host: &str, port: u16, login: Login) -> Self {
        let here = match &self.place {
            Place::Tcp { host, .. } => host,
            Place::Unix(_) => "127.0.0.1",
        };
        Self::at(if host.is_empty() { here } else { host }, port, self.is_tls(), login)
    }
}
