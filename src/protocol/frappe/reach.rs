//! The connections to the Redis of a bench: one that hears, one that asks.
//!
//! Not those of the backplane: a bench's Redis is foreign ground, of any version from 5 on, and nothing of ours is kept in it.

use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisResult};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::Secret;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(1);
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(500);

/// The way to one Redis.
pub(super) struct Reach {
    client: Client,
    asking: Mutex<Asking>,
}

/// The connection that asks, and when one was opened last.
#[derive(Default)]
struct Asking {
    connection: Option<MultiplexedConnection>,
    tried: Option<Instant>,
}

impl Reach {
    /// To the Redis at this address; connects to nothing yet.
    pub(super) fn new(url: &Secret) -> Result<Self, String> {
        let info = url.expose().into_connection_info().map_err(|error| mend(&error))?;
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = Client::open(info.set_redis_settings(settings)).map_err(|error| mend(&error))?;
        Ok(Self { client, asking: Mutex::default() })
    }

    /// A connection that hears a channel, and another one if that is allowed.
    pub(super) async fn hear(&self, channel: &str, other: &str) -> RedisResult<PubSub> {
        let dial = async {
            let mut ear = self.client.get_async_pubsub().await?;
            ear.subscribe(channel).await?;
            match ear.subscribe(other).await {
                Err(error) if error.is_io_error() || error.is_connection_dropped() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, channel = other, "viewers are not shared with other processes of this bench");
                }
                Ok(()) => {}
            }
            Ok(ear)
        };
        tokio::time::timeout(CONNECT, dial).await.unwrap_or_else(|_| Err(late()))
    }

    /// The connection that asks is opened anew: the server has been away, and it is of no use any more.
    pub(super) async fn renew(&self) {
        *self.asking.lock().await = Asking::default();
    }

    /// Carries out a command. A connection that fails is given up.
    pub(super) async fn ask<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> RedisResult<T> {
        let mut connection = self.connection().await?;
        let answer = command.query_async(&mut connection).await;
        if let Err(error) = &answer
            && (error.is_io_error() || error.is_connection_dropped() || error.is_timeout())
        {
            self.asking.lock().await.connection = None;
        }
        answer
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut asking = self.asking.lock().await;
        if let Some(connection) = &asking.connection {
            return Ok(connection.clone());
        }
        // Whoever comes meanwhile does without: else all of them would wait for one attempt after the other.
        if asking.tried.is_some_and(|tried| tried.elapsed() < RETRY) {
            return Err(away());
        }
        asking.tried = Some(Instant::now());
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        asking.connection = Some(connection.clone());
        Ok(connection)
    }
}

fn away() -> redis::RedisError {
    std::io::Error::new(std::io::ErrorKind::NotConnected, "it is away").into()
}

fn late() -> redis::RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time").into()
}

/// Without the address, which may hold a password.
fn mend(error: &redis::RedisError) -> String {
    let what = error.detail().unwrap_or("it cannot be read").to_owned();
    format!("not an address of a Redis such as redis://127.0.0.1:11000 or unix:///run/redis.sock: {what}")
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_server_that_hangs_up_during_the_handshake_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(stream);
            }
        });
        for scheme in ["redis", "rediss"] {
            let reach = Reach::new(&Secret::new(format!("{scheme}://{address}"))).unwrap();
            assert!(reach.hear("a", "b").await.is_err(), "{scheme}");
            assert!(reach.ask::<()>(&redis::cmd("PING")).await.is_err(), "{scheme}");
        }
    }
}
