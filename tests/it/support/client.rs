//! A client of Socket.IO over a WebSocket, protocols 4 (`EIO=3`) and 5 (`EIO=4`), that shows every packet.

use std::future::Future;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderName;
use tokio_tungstenite::tungstenite::http::header::HOST;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::gateway::Gateway;
use super::packet::{Packet, packet};
use super::site_server::PATIENCE;

/// How a client connects.
#[derive(Clone)]
pub struct Dial {
    pub eio: u8,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub path: String,
}

impl Dial {
    /// `EIO=4`, with nothing that says who it is.
    pub fn v4() -> Self {
        Self { eio: 4, query: String::new(), headers: Vec::new(), path: "/socket.io/".to_owned() }
    }

    /// `EIO=3`.
    pub fn v3() -> Self {
        Self { eio: 3, ..Self::v4() }
    }

    /// As the clients of the original do it: token and deviceId in the URL.
    pub fn who(mut self, token: &str, device: &str) -> Self {
        self.query.push_str(&format!("&token={}&deviceId={}", escape(token), escape(device)));
        self
    }

    /// `key=value`, as it stands.
    pub fn query(mut self, pair: &str) -> Self {
        self.query.push('&');
        self.query.push_str(pair);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The path and query of a request of this client.
    pub fn url(&self, transport: &str) -> String {
        format!("{}?EIO={}&transport={transport}{}", self.path, self.eio, self.query)
    }
}

/// A connected client. Heartbeats are answered without being shown.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    eio: u8,
    /// The open packet.
    pub open: Value,
    /// Answer the pings of the server.
    pub answers_pings: bool,
    /// Pings of the server so far.
    pub pings: usize,
}

/// How a connection ended: code and text of the close frame, if there was one.
pub type End = Option<(u16, String)>;

/// What came last.
enum Incoming {
    Text(String),
    Binary(Vec<u8>),
    Pong,
    End(End),
}

impl Client {
    /// Opens the connection, and nothing else. Clients of `EIO=3` are then in the root namespace.
    pub async fn dial(gateway: &Gateway, dial: &Dial) -> Self {
        Self::dial_at(gateway.port, dial).await
    }

    /// The same, at a port of 127.0.0.1.
    pub async fn dial_at(port: u16, dial: &Dial) -> Self {
        let url = dial.url("websocket");
        let socket = upgrade_at(port, &url, &dial.headers).await.unwrap_or_else(|error| panic!("{error}"));
        let mut client = Self { socket, eio: dial.eio, open: Value::Null, answers_pings: true, pings: 0 };
        let open = client.text().await;
        client.open = serde_json::from_str(open.strip_prefix('0').expect("an open packet")).unwrap();
        if dial.eio == 3 {
            assert_eq!(client.text().await, "40");
        }
        client
    }

    /// Connects and joins a site as the clients of the original do it.
    pub async fn join(gateway: &Gateway, dial: Dial, site: &str) -> Self {
        let mut client = Self::dial(gateway, &dial).await;
        client.connect(site, None).await;
        client.joined(site).await;
        client
    }

    /// `EIO=4`, in the site, with this token and deviceId.
    pub async fn v4(gateway: &Gateway, site: &str, token: &str, device: &str) -> Self {
        Self::join(gateway, Dial::v4().who(token, device), site).await
    }

    /// `EIO=3`, likewise.
    pub async fn v3(gateway: &Gateway, site: &str, token: &str, device: &str) -> Self {
        Self::join(gateway, Dial::v3().who(token, device), site).await
    }

    /// A WebSocket that takes over from polling; the probe is not sent yet.
    pub async fn probing(gateway: &Gateway, dial: &Dial, sid: &str) -> Self {
        Self::probing_at(gateway.port, dial, sid).await
    }

    /// The same, at a port of 127.0.0.1.
    pub async fn probing_at(port: u16, dial: &Dial, sid: &str) -> Self {
        let url = format!("{}&sid={sid}", dial.url("websocket"));
        let socket = upgrade_at(port, &url, &dial.headers).await.unwrap_or_else(|error| panic!("{error}"));
        Self { socket, eio: dial.eio, open: Value::Null, answers_pings: true, pings: 0 }
    }

    /// Asks to join a site.
    pub async fn connect(&mut self, site: &str, auth: Option<Value>) {
        let auth = auth.map(|auth| auth.to_string()).unwrap_or_default();
        self.say(&packet('0', &namespace(site), None, &auth)).await;
    }

    /// It was let in: the connect packet, and `_settings` right behind it; its `device_ttl`.
    pub async fn joined(&mut self, site: &str) -> Value {
        let connect = self.packet().await;
        assert_eq!(
            (connect.kind, connect.namespace.as_str()),
            ('0', namespace(site).as_str()),
            "{connect:?}"
        );
        assert_eq!(connect.json["sid"].is_string(), self.eio == 4, "{connect:?}");
        let settings = self.event("_settings").await;
        assert_eq!((settings.ack, settings.args().len()), (None, 1));
        settings.args()[0]["device_ttl"].clone()
    }

    /// It was not let in: the text, which stands differently in the two protocols.
    pub async fn refused(&mut self, site: &str) -> String {
        let refusal = self.packet().await;
        assert_eq!(
            (refusal.kind, refusal.namespace.as_str()),
            ('4', namespace(site).as_str()),
            "{refusal:?}"
        );
        let text = if self.eio == 4 { &refusal.json["message"] } else { &refusal.json };
        text.as_str().unwrap_or_else(|| panic!("{refusal:?}")).to_owned()
    }

    /// The next packet, which must be this event.
    pub async fn event(&mut self, name: &str) -> Packet {
        let packet = self.packet().await;
        assert!(packet.kind == '2' && packet.name() == name, "{name} was due, not {}", packet.raw);
        packet
    }

    /// The next packet, which must be this event; acknowledged.
    pub async fn acked(&mut self, name: &str) -> Packet {
        let packet = self.event(name).await;
        self.ack(&packet).await;
        packet
    }

    /// Acknowledges an event.
    pub async fn ack(&mut self, event: &Packet) {
        let ack = event.ack.unwrap_or_else(|| panic!("no ack is wanted for {}", event.raw));
        self.say(&packet('3', &event.namespace, Some(ack), "[]")).await;
    }

    /// Leaves a site; the connection stays.
    pub async fn leave(&mut self, site: &str) {
        self.say(&packet('1', &namespace(site), None, "")).await;
    }

    /// Says a packet of Socket.IO.
    pub async fn say(&mut self, packet: &str) {
        self.raw(&format!("4{packet}")).await;
    }

    /// Says a packet of Engine.IO.
    pub async fn raw(&mut self, packet: &str) {
        // That the other side has gone is for the reading to find out.
        let _ = self.socket.send(Message::text(packet)).await;
    }

    /// Sends bytes.
    pub async fn raw_binary(&mut self, bytes: &[u8]) {
        let _ = self.socket.send(Message::binary(bytes.to_vec())).await;
    }

    /// Everything said so far has been read by the gateway: it has answered a ping that came behind it. Nothing may
    /// have come meanwhile.
    pub async fn settled(&mut self) {
        self.socket.send(Message::Ping(b"settled".to_vec().into())).await.unwrap();
        match self.next().await {
            Incoming::Pong => {}
            Incoming::Text(text) => panic!("nothing was due, not {text}"),
            Incoming::Binary(bytes) => panic!("nothing was due, not {bytes:?}"),
            Incoming::End(end) => panic!("the connection ended: {end:?}"),
        }
    }

    /// Nothing comes while `other` goes on; what that comes to.
    pub async fn nothing_while<T>(&mut self, other: impl Future<Output = T>) -> T {
        tokio::pin!(other);
        tokio::select! {
            outcome = &mut other => outcome,
            incoming = self.next() => match incoming {
                Incoming::Text(text) => panic!("nothing was due, not {text}"),
                Incoming::Binary(bytes) => panic!("nothing was due, not {bytes:?}"),
                Incoming::Pong => panic!("nothing was due, not a pong"),
                Incoming::End(end) => panic!("the connection ended: {end:?}"),
            },
        }
    }

    /// The next packet of Socket.IO.
    pub async fn packet(&mut self) -> Packet {
        let text = self.text().await;
        Packet::parse(text.strip_prefix('4').unwrap_or_else(|| panic!("a message was due, not {text}")))
    }

    /// The next packet of Engine.IO that is no heartbeat.
    pub async fn text(&mut self) -> String {
        match self.next().await {
            Incoming::Text(text) => text,
            Incoming::Binary(bytes) => panic!("a text was due, not {bytes:?}"),
            Incoming::Pong => panic!("a text was due, not a pong"),
            Incoming::End(end) => panic!("the connection ended: {end:?}"),
        }
    }

    /// The next packet of Engine.IO that is no heartbeat; `None` where the connection ends instead.
    pub async fn text_or_end(&mut self) -> Option<String> {
        match self.next().await {
            Incoming::Text(text) => Some(text),
            Incoming::End(_) => None,
            Incoming::Binary(bytes) => panic!("a text was due, not {bytes:?}"),
            Incoming::Pong => panic!("a text was due, not a pong"),
        }
    }

    /// The connection is ended by the gateway, and nothing comes before that.
    pub async fn ended(&mut self) -> End {
        self.ended_within(PATIENCE).await
    }

    pub async fn ended_within(&mut self, limit: Duration) -> End {
        match self.next_within(limit).await {
            Incoming::End(end) => end,
            Incoming::Text(text) => panic!("the end was due, not {text}"),
            Incoming::Binary(bytes) => panic!("the end was due, not {bytes:?}"),
            Incoming::Pong => panic!("the end was due, not a pong"),
        }
    }

    /// The client closes the connection properly, and waits until the gateway has.
    pub async fn close(mut self) {
        let _ = self.socket.close(None).await;
        while let Incoming::Text(_) | Incoming::Binary(_) | Incoming::Pong = self.next().await {}
    }

    async fn next(&mut self) -> Incoming {
        self.next_within(PATIENCE).await
    }

    async fn next_within(&mut self, limit: Duration) -> Incoming {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.pinged().await,
                    Some(Ok(Message::Text(text))) => return Incoming::Text(text.as_str().to_owned()),
                    Some(Ok(Message::Binary(bytes))) => return Incoming::Binary(bytes.to_vec()),
                    Some(Ok(Message::Pong(_))) => return Incoming::Pong,
                    Some(Ok(Message::Close(frame))) => {
                        return Incoming::End(
                            frame.map(|frame| (frame.code.into(), frame.reason.as_str().to_owned())),
                        );
                    }
                    Some(Ok(Message::Ping(_) | Message::Frame(_))) => {}
                    Some(Err(_)) | None => return Incoming::End(None),
                }
            }
        };
        tokio::time::timeout(limit, next).await.expect("something must come")
    }

    async fn pinged(&mut self) {
        self.pings += 1;
        if self.answers_pings {
            self.raw("3").await;
        }
    }
}

/// Opens a WebSocket.
///
/// # Errors
/// What the gateway answers instead.
pub async fn upgrade(
    gateway: &Gateway,
    url: &str,
    headers: &[(String, String)],
) -> Result<WebSocketStream<TcpStream>, Error> {
    upgrade_at(gateway.port, url, headers).await
}

/// The same, at a port of 127.0.0.1. A `Host` among the headers stands in place of that.
///
/// # Errors
/// What is answered instead.
pub async fn upgrade_at(
    port: u16,
    url: &str,
    headers: &[(String, String)],
) -> Result<WebSocketStream<TcpStream>, Error> {
    let mut request = format!("ws://127.0.0.1:{port}{url}").into_client_request()?;
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        if name == HOST {
            request.headers_mut().insert(name, value.parse().unwrap());
        } else {
            request.headers_mut().append(name, value.parse().unwrap());
        }
    }
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let upgrade = tokio_tungstenite::client_async(request, stream);
    let (socket, _) = tokio::time::timeout(PATIENCE, upgrade).await.expect("an answer must come")?;
    Ok(socket)
}

/// The payload of CONNECT, as clients of protocol 5 send it.
pub fn auth(token: &str, device: &str) -> Value {
    json!({ "token": token, "deviceId": device })
}

/// The namespace of a site; `/` for the empty name.
pub fn namespace(site: &str) -> String {
    format!("/{site}")
}

fn escape(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
