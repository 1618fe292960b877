//! One connection for POSTs, kept open.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http::{self, Answer};

/// Longer than this an answer is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection for POSTs; opened when it is needed.
pub struct Lane {
    port: u16,
    stream: Option<TcpStream>,
    inbox: Vec<u8>,
}

impl Lane {
    /// A lane to a port of 127.0.0.1.
    pub fn new(port: u16) -> Self {
        Self { port, stream: None, inbox: Vec::new() }
    }

    /// Sends a request and waits for its answer. After an error the next one has a new connection.
    pub async fn post(&mut self, request: &[u8]) -> Result<Answer> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        let (answer, stream) =
            timeout(PATIENCE, self.exchange(stream, request)).await.context("no answer")??;
        if answer.keeps {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    /// Connects before the first POST, so that this is not part of it.
    pub async fn warm(&mut self) -> Result<()> {
        self.stream = Some(self.connect().await?);
        Ok(())
    }

    async fn connect(&mut self) -> Result<TcpStream> {
        self.inbox.clear();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn exchange(&mut self, mut stream: TcpStream, request: &[u8]) -> Result<(Answer, TcpStream)> {
        stream.write_all(request).await?;
        loop {
            if let Some((answer, length)) = http::parse(&self.inbox)? {
                self.inbox.drain(..length);
                return Ok((answer, stream));
            }
            if stream.read_buf(&mut self.inbox).await? == 0 {
                bail!("the connection was closed in place of an answer");
            }
        }
    }
}
