//! The connection of a device, over WebSocket or polling. Whatever breaks is told by `None`: the gateway may be dead.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::Dial;
use crate::support::http::{Answer, try_ask};
use crate::support::polling::packets;
use crate::support::site_server::PATIENCE;

/// So long a device waits for a packet before it looks up.
const QUIET: Duration = Duration::from_millis(200);

type Socket = WebSocketStream<TcpStream>;

/// How a device is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Socket(u8),
    Polling,
    /// Polling at first, and a WebSocket that takes over.
    Climbing,
}

pub enum Line {
    Socket(Box<Socket>),
    Polling { port: u16, url: String },
}

impl Line {
    /// Connects and asks to join a site.
    pub async fn open(port: u16, carrier: Carrier, site: &str, token: &str, device: &str) -> Option<Self> {
        let dial = if carrier == Carrier::Socket(3) { Dial::v3() } else { Dial::v4() };
        let dial = dial.who(token, device);
        let mut line = match carrier {
            Carrier::Socket(_) => Self::Socket(Box::new(socket(port, &dial.url("websocket")).await?)),
            Carrier::Polling | Carrier::Climbing => {
                let url = dial.url("polling");
                let answer = ok(try_ask(port, "GET", &url, &[], b"").await)?;
                let (_, rest) = answer.split_once("\"sid\":\"")?;
                Self::Polling { port, url: format!("{url}&sid={}", rest.split('"').next()?) }
            }
        };
        line.say(&format!("40/{site},")).await.then_some(line)
    }

    /// The next packets of Engine.IO. None, after a while, where none come.
    pub async fn next(&mut self) -> Option<Vec<String>> {
        let next = async {
            match self {
                Self::Socket(socket) => match tokio::time::timeout(QUIET, socket.next()).await {
                    Ok(Some(Ok(Message::Text(text)))) => Some(vec![text.as_str().to_owned()]),
                    Ok(Some(Ok(_))) | Err(_) => Some(Vec::new()),
                    Ok(Some(Err(_)) | None) => None,
                },
                Self::Polling { port, url } => poll(*port, url).await,
            }
        };
        tokio::time::timeout(PATIENCE, next).await.ok().flatten()
    }

    /// Says a packet of Engine.IO. Whether it was written; over polling, taken.
    pub async fn say(&mut self, packet: &str) -> bool {
        match self {
            Self::Socket(socket) => socket.send(Message::text(packet)).await.is_ok(),
            Self::Polling { port, url } => {
                ok(try_ask(*port, "POST", url, &[], packet.as_bytes()).await).is_some()
            }
        }
    }

    /// Lets a WebSocket take over from polling. What the last GET brought; `None` when the connection broke. Where only the
    /// socket could not be had, polling goes on.
    pub async fn climb(&mut self) -> Option<Vec<String>> {
        let Self::Polling { port, url } = self else { return Some(Vec::new()) };
        let (port, upgrade) = (*port, url.replace("transport=polling", "transport=websocket"));
        let (polled, probed) = tokio::join!(poll(port, url), probed(port, &upgrade));
        let polled = polled?;
        if let Some(mut socket) = probed {
            socket.send(Message::text("5")).await.ok()?;
            *self = Self::Socket(Box::new(socket));
        }
        Some(polled)
    }

    /// Ends the connection properly: everything said before has been read. Whether it went so.
    pub async fn close(mut self) -> bool {
        match &mut self {
            Self::Polling { .. } => self.say("1").await,
            Self::Socket(socket) => {
                let closed = tokio::time::timeout(PATIENCE, closed(socket)).await;
                closed.unwrap_or(false)
            }
        }
    }
}

async fn socket(port: u16, url: &str) -> Option<Socket> {
    let opened = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let url = format!("ws://127.0.0.1:{port}{url}");
        Some(tokio_tungstenite::client_async(url, stream).await.ok()?.0)
    };
    tokio::time::timeout(PATIENCE, opened).await.ok().flatten()
}

/// A WebSocket for a connection that polls, as far as the answer to its probe.
async fn probed(port: u16, url: &str) -> Option<Socket> {
    let mut socket = socket(port, url).await?;
    socket.send(Message::text("2probe")).await.ok()?;
    match tokio::time::timeout(PATIENCE, socket.next()).await {
        Ok(Some(Ok(Message::Text(text)))) if text.as_str() == "3probe" => Some(socket),
        _ => None,
    }
}

async fn poll(port: u16, url: &str) -> Option<Vec<String>> {
    let answer = try_ask(port, "GET", url, &[], b"").await;
    answer.filter(|answer| answer.status == 200).map(|answer| packets(&answer))
}

async fn closed(socket: &mut Socket) -> bool {
    if socket.close(None).await.is_err() {
        return false;
    }
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(_))) => return true,
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return false,
        }
    }
}

fn ok(answer: Option<Answer>) -> Option<String> {
    answer.filter(|answer| answer.status == 200).map(|answer| answer.text())
}
