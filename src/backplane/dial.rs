//! Making a connection, and what one can do with it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ProtocolVersion, PushInfo, Value};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::server::Place;
use super::trouble::LATE;
use super::{Options, ServerUrl, Servers, Trouble, tls};

/// What somebody who connects has to know.
pub(super) struct Dialer {
    tls: Option<Arc<ClientConfig>>,
    timeout: Duration,
}

impl Dialer {
    /// # Errors
    /// When the certificates cannot be read.
    pub(super) fn new(options: &Options) -> Result<Self, String> {
        let wants_tls = match &options.servers {
            Servers::Single(server) => server.is_tls(),
            Servers::Cluster(servers) | Servers::Sentinel { sentinels: servers, .. } => {
                servers.iter().any(ServerUrl::is_tls)
            }
        };
        let tls = wants_tls.then(|| tls::config(options.ca.as_deref()).map(Arc::new)).transpose()?;
        Ok(Self { tls, timeout: options.timeout })
    }

    /// Connects and logs in. With `pushes` the connection is one for subscriptions (RESP3), which go there.
    pub(super) async fn dial(
        &self,
        to: &ServerUrl,
        pushes: Option<UnboundedSender<PushInfo>>,
    ) -> Result<Connection, Trouble> {
        // Rare and large: not a part of the futures of all who might connect.
        let dialing = Box::pin(async {
            match &to.place {
                Place::Unix(path) => self.open(unix(path).await?, to, pushes).await,
                Place::Tcp { host, port, tls: false } => self.open(tcp(host, *port).await?, to, pushes).await,
                Place::Tcp { host, port, tls: true } => {
                    let stream = tcp(host, *port).await?;
                    let name = ServerName::try_from(host.clone())
                        .map_err(|_| Trouble::Refused(format!("{host} cannot stand in a certificate")))?;
                    let config = self.tls.clone().ok_or(Trouble::Refused("TLS is not set up".into()))?;
                    let secured = TlsConnector::from(config).connect(name, stream).await;
                    self.open(secured.map_err(|error| distrust(&error))?, to, pushes).await
                }
            }
        });
        tokio::time::timeout(self.timeout, dialing).await.unwrap_or_else(|_| {
            let tls = if to.is_tls() { "; does the server speak TLS at this port?" } else { "" };
            Err(Trouble::Broken(format!("no connection within {:?}{tls}", self.timeout)))
        })
    }

    async fn open<S>(
        &self,
        stream: S,
        to: &ServerUrl,
        pushes: Option<UnboundedSender<PushInfo>>,
    ) -> Result<Connection, Trouble>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut settings = to.login.settings();
        let mut config = AsyncConnectionConfig::new().set_response_timeout(Some(self.timeout));
        if let Some(pushes) = pushes {
            settings = settings.set_protocol(ProtocolVersion::RESP3);
            config = config.set_push_sender(pushes);
        }
        let opening = MultiplexedConnection::new_with_config(&settings, stream, config);
        let (multiplexed, driver) =
            opening.await.map_err(Trouble::of).map_err(|trouble| at_first(to, trouble))?;
        let driver = tokio::task::spawn_local(driver).abort_handle();
        Ok(Connection { multiplexed, driver })
    }
}

/// A connection that breaks before anything was answered may lead to something else.
pub(super) fn at_first(to: &ServerUrl, trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Broken(why) if !to.is_tls() && why != LATE => {
            Trouble::Broken(format!("{why}; is it Redis, and without TLS (`redis://`)?"))
        }
        other => other,
    }
}

async fn unix(path: &Path) -> Result<UnixStream, Trouble> {
    UnixStream::connect(path).await.map_err(|error| lost(&error))
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, Trouble> {
    let stream = TcpStream::connect((host, port)).await.map_err(|error| lost(&error))?;
    stream.set_nodelay(true).map_err(|error| lost(&error))?;
    Ok(stream)
}

fn lost(error: &io::Error) -> Trouble {
    Trouble::Broken(error.to_string())
}

/// A certificate that is not trusted is something that somebody has to mend.
fn distrust(error: &io::Error) -> Trouble {
    let reason = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match reason {
        Some(rustls::Error::InvalidCertificate(why)) => Trouble::Refused(format!(
            "the server's certificate is not trusted ({why}): name the authority's file"
        )),
        _ => lost(error),
    }
}

/// One connection. Ends when dropped.
pub(super) struct Connection {
    multiplexed: MultiplexedConnection,
    driver: AbortHandle,
}

impl Connection {
    /// Sends commands; each has its own answer.
    pub(super) async fn send(
        &self,
        commands: &redis::Pipeline,
    ) -> Result<Vec<Result<Value, Trouble>>, Trouble> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.multiplexed.clone();
        let sending = connection.send_packed_commands(commands, 0, commands.len());
        let replies = sending.await.map_err(Trouble::of)?;
        Ok(replies.into_iter().map(reply).collect())
    }

    /// It cannot be used any more.
    pub(super) fn is_over(&self) -> bool {
        self.driver.is_finished()
    }

    /// Ends it for all who use it.
    pub(super) fn end(&self) {
        self.driver.abort();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end();
    }
}

fn reply(value: Value) -> Result<Value, Trouble> {
    match value {
        Value::ServerError(error) => Err(Trouble::of_reply(&error)),
        value => Ok(value),
    }
}
