//! The Redis of a bench, step by step: what a realtime server needs of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisError, RedisResult,
};
use tokio::time::timeout;

use crate::domain::Secret;
use crate::protocol::frappe::bench::{EVENTS, NEIGHBOURS, SECRET_KEY};

/// How long connecting, or one answer, may take.
const STEP: Duration = Duration::from_secs(3);

/// Why a step failed. No text holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisTrouble {
    /// The name of the host is not known.
    #[error("the name of its host is not known")]
    UnknownName,
    /// Nobody listens there.
    #[error("nobody answers there")]
    Refused,
    /// It wants another login, or one at all.
    #[error("it does not accept the login")]
    Login,
    /// It lets nobody with this login do that.
    #[error("this login may not do it")]
    Forbidden,
    /// No TLS with it.
    #[error("no TLS connection: {0}")]
    Tls(String),
    /// It did not answer in time.
    #[error("no answer in time")]
    Late,
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl RedisTrouble {
    fn of(error: &RedisError, tls: bool) -> Self {
        let text = error.to_string().lines().next().unwrap_or_default().to_owned();
        match error.code() {
            Some("NOAUTH" | "WRONGPASS") => return Self::Login,
            Some("NOPERM") => return Self::Forbidden,
            _ => {}
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Login,
            _ if error.is_timeout() => Self::late(tls),
            _ if error.is_connection_refusal() || text.contains("No such file") => Self::Refused,
            _ if text.contains("lookup address") => Self::UnknownName,
            ErrorKind::Io | ErrorKind::InvalidClientConfig if tls => Self::Tls(text),
            _ => Self::Other(text),
        }
    }
}

impl RedisTrouble {
    /// A Redis without TLS waits for the end of a line that never comes.
    fn late(tls: bool) -> Self {
        if tls { Self::Tls("no answer in time".to_owned()) } else { Self::Late }
    }
}

/// The Redis of a bench, connected.
pub struct BenchRedis {
    client: Client,
    connection: MultiplexedConnection,
    tls: bool,
}

impl BenchRedis {
    /// Its address, without a login.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn address(queue: &Secret) -> Result<String, String> {
        let info = queue.expose().into_connection_info();
        let info = info.map_err(|error| error.detail().unwrap_or("it cannot be read").to_owned())?;
        Ok(info.addr().to_string())
    }

    /// Connects, logs in, and has it answer.
    ///
    /// # Errors
    /// Why it could not.
    pub async fn reach(queue: &Secret) -> Result<Self, RedisTrouble> {
        let info = queue.expose().into_connection_info().map_err(|error| RedisTrouble::of(&error, false))?;
        let tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = Client::open(info.set_redis_settings(settings));
        let client = client.map_err(|error| RedisTrouble::of(&error, tls))?;
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(STEP)).set_response_timeout(Some(STEP));
        let dial = async {
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            redis::cmd("PING").query_async::<()>(&mut connection).await?;
            Ok(connection)
        };
        let connection = within(tls, dial).await?;
        Ok(Self { client, connection, tls })
    }

    /// Its version, if it says.
    pub async fn version(&self) -> Option<String> {
        let mut connection = self.connection.clone();
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await.ok()?;
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
        field("valkey_version:")
            .map(|version| format!("Valkey {version}"))
            .or_else(|| field("redis_version:").map(|version| format!("Redis {version}")))
    }

    /// Whether the events of the bench may be heard. Nothing is published there.
    ///
    /// # Errors
    /// Why not.
    pub async fn hears_events(&self) -> Result<(), RedisTrouble> {
        within(self.tls, async {
            let mut ear = self.client.get_async_pubsub().await?;
            ear.subscribe(EVENTS).await
        })
        .await
    }

    /// Whether a letter on the channel of the Postrooms comes back: their own pay no heed to it.
    ///
    /// # Errors
    /// Why not.
    pub async fn carries_letters(&self) -> Result<(), RedisTrouble> {
        let letter = letter();
        let mut connection = self.connection.clone();
        within(self.tls, async {
            let mut ear = self.client.get_async_pubsub().await?;
            ear.subscribe(NEIGHBOURS).await?;
            let mut publish = redis::cmd("PUBLISH");
            publish.arg(NEIGHBOURS).arg(&letter).query_async::<()>(&mut connection).await?;
            let mut stream = ear.into_on_message();
            while let Some(message) = stream.next().await {
                if message.get_payload_bytes() == letter.as_bytes() {
                    return Ok(());
                }
            }
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
        })
        .await
    }

    /// The secret of the web server, if there is one.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn secret(&self) -> Result<Option<Secret>, RedisTrouble> {
        let mut connection = self.connection.clone();
        let mut command = redis::cmd("GET");
        let asked = command.arg(SECRET_KEY).query_async::<Option<String>>(&mut connection);
        within(self.tls, asked).await.map(|secret| secret.map(Secret::new))
    }
}

/// One that nobody else writes at the same time.
fn letter() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!(r#"{{"doctor":"{}-{now}"}}"#, std::process::id())
}

async fn within<T>(tls: bool, step: impl Future<Output = RedisResult<T>>) -> Result<T, RedisTrouble> {
    let Ok(done) = timeout(STEP, step).await else { return Err(RedisTrouble::late(tls)) };
    done.map_err(|error| RedisTrouble::of(&error, tls))
}
