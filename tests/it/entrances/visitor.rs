//! Clients of either kind of socket.

use std::path::PathBuf;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::http::request;
use crate::support::site_server::PATIENCE;

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where a server listens.
#[derive(Debug, Clone)]
pub enum Place {
    Port(u16),
    File(PathBuf),
}

impl Place {
    pub async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Port(port) => Box::new(TcpStream::connect(("127.0.0.1", *port)).await?),
            Self::File(path) => Box::new(UnixStream::connect(path).await?),
        })
    }

    /// One request on a connection of its own: status and body.
    pub async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.ask_with(method, path, &[], body).await
    }

    /// The same with further header lines.
    pub async fn ask_with(&self, method: &str, path: &str, headers: &[&str], body: &str) -> (u16, String) {
        let mut stream = self.connect().await.unwrap();
        let headers = [headers, &["Connection: close"]].concat();
        stream.write_all(&request(method, path, &headers, body.as_bytes())).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        read.expect("an answer must come").unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// A WebSocket; or the status of the refusal.
    pub async fn socket(&self, path: &str, sid: Option<&str>) -> Result<Socket, u16> {
        let sid = sid.map(|sid| format!("&sid={sid}")).unwrap_or_default();
        let url = format!("ws://gateway.invalid{path}?EIO=4&transport=websocket{sid}");
        let upgrade = tokio_tungstenite::client_async(url, self.connect().await.unwrap());
        match tokio::time::timeout(PATIENCE, upgrade).await.expect("an answer must come") {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a connection by polling; its id, or the status of the refusal.
    pub async fn poll(&self, path: &str) -> Result<String, u16> {
        let (status, body) = self.ask("GET", &format!("{path}?EIO=4&transport=polling"), "").await;
        if status != 200 {
            return Err(status);
        }
        let sid = body.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
        Ok(sid.to_owned())
    }
}

/// A client's end of a WebSocket.
pub struct Socket(WebSocketStream<Box<dyn Stream>>);

impl Socket {
    pub async fn say(&mut self, packet: &str) {
        self.0.send(Message::text(packet)).await.unwrap();
    }

    /// The next text; `None` when the connection was closed.
    pub async fn hear(&mut self) -> Option<String> {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something must come");
        match next {
            Some(Ok(Message::Text(text))) => Some(text.as_str().to_owned()),
            _ => None,
        }
    }
}
