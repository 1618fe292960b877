//! Somebody who listens to a channel of the bench's Redis, as the watcher of a developer's editor does.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::redis::RedisServer;
use crate::support::site_server::PATIENCE;

/// Hears a channel until it is dropped.
pub struct Channel {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Channel {
    /// It is heard when this returns.
    pub async fn listen(redis: &RedisServer, name: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap();
        stream.write_all(format!("SUBSCRIBE {name}\r\n").as_bytes()).await.unwrap();
        let mut channel = Self { stream, heard: Vec::new() };
        channel.until("subscribe").await;
        channel
    }

    /// Waits until this text has come; all that came so far.
    pub async fn until(&mut self, text: &str) -> String {
        let coming = async {
            while !String::from_utf8_lossy(&self.heard).contains(text) {
                assert!(self.stream.read_buf(&mut self.heard).await.unwrap() > 0, "Redis hung up");
            }
        };
        let came = tokio::time::timeout(PATIENCE, coming).await.is_ok();
        let heard = String::from_utf8_lossy(&self.heard).into_owned();
        assert!(came, "{text} was due on the channel, where {heard} came");
        heard
    }
}
