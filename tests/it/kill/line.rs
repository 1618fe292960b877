//! The connection of a device, over WebSocket or polling. Whatever breaks is told by `None`: the gateway may be dead.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::Dial;
use crate::support::http::{Answer, try_ask};
use crate::support::polling::packets;
use crate::support::site_server::PATIENCE;

/// So long a device waits for a packet before it looks up.
const QUIET: std::time::Duration = std::time::Duration::from_millis(200);

/// How a device is carried.
#[derive(Debug, Clone, Copy)]
pub enum Carrier {
    Socket(u8),
    Polling,
}

pub enum Line {
    Socket(Box<WebSocketStream<TcpStream>>),
    Polling { port: u16, url: String },
}

impl Line {
    /// Connects and asks to join the site.
    pub async fn open(port: u16, carrier: Carrier, token: &str, device: &str) -> Option<Self> {
        let dial = match carrier {
            Carrier::Socket(3) => Dial::v3(),
            Carrier::Socket(_) | Carrier::Polling => Dial::v4(),
        };
        let dial = dial.who(token, device);
        let mut line = match carrier {
            Carrier::Socket(_) => {
                let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
                stream.set_nodelay(true).ok()?;
                let url = format!("ws://127.0.0.1:{port}{}", dial.url("websocket"));
                Self::Socket(Box::new(tokio_tungstenite::client_async(url, stream).await.ok()?.0))
            }
            Carrier::Polling => {
                let url = dial.url("polling");
                let answer = ok(try_ask(port, "GET", &url, &[], b"").await)?;
                let (_, rest) = answer.split_once("\"sid\":\"")?;
                Self::Polling { port, url: format!("{url}&sid={}", rest.split('"').next()?) }
            }
        };
        line.say("40/demo,").await.then_some(line)
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
                Self::Polling { port, url } => {
                    let answer = try_ask(*port, "GET", url, &[], b"").await;
                    answer.filter(|answer| answer.status == 200).map(|answer| packets(&answer))
                }
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

    /// Ends the connection properly: everything said before has been read. Whether it went so.
    pub async fn close(mut self) -> bool {
        match &mut self {
            Self::Polling { .. } => self.say("1").await,
            Self::Socket(socket) => {
                if WebSocketStream::close(socket, None).await.is_err() {
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
        }
    }
}

fn ok(answer: Option<Answer>) -> Option<String> {
    answer.filter(|answer| answer.status == 200).map(|answer| answer.text())
}
