//! Sockets at the front door: new connections, and those that take over from polling.

use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;

use bytes::Bytes;
use rustix::net::{SendFlags, Shutdown};

use super::connection::{Carrier, Connection, Fault};
use super::core::Engine;
use super::entrance::Entrance;
use super::exchange::Job;
use super::framing::text_frame;
use super::handshake::{Handshake, Protocol, Query};
use super::http::ErrorCode;
use super::sid::Sid;
use super::socket::{self, Socket};
use super::stream::{Loose, Stream};
use crate::hub::{CloseReason, Wire};

/// What a request for a WebSocket says.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// By which way it comes in, see [`Engine::entrance`].
    pub entrance: Entrance,
    /// The query of its URL.
    pub query: &'a str,
    /// Its `Origin` header.
    pub origin: Option<&'a str>,
    /// Its `Authorization` header.
    pub authorization: Option<&'a str>,
    /// Any of its headers, by name.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// A request that is let in.
#[derive(Debug)]
pub enum Accepted {
    /// A new connection.
    New(Handshake),
    /// A connection that began as polling.
    Existing(Sid),
}

/// A request that is not let in: status and JSON body of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// HTTP status.
    pub status: u16,
    /// JSON, as the official servers answer.
    pub body: &'static str,
}

/// A socket on its way to a connection: the answer to its request, not sent yet, and what came behind the request.
pub struct Arriving<S> {
    /// The socket.
    pub stream: S,
    /// What is to be written first: the answers to earlier requests, and `101 Switching Protocols`.
    pub head: Vec<u8>,
    /// Bytes that came behind the request.
    pub early: Bytes,
}

/// The answer that makes a connection a WebSocket. `accept` is the value of `Sec-WebSocket-Accept`.
#[must_use]
pub fn socket_head(accept: &[u8]) -> Vec<u8> {
    let mut head =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            .to_vec();
    head.extend_from_slice(accept);
    head.extend_from_slice(b"\r\n\r\n");
    head
}

impl Engine {
    /// Checks a request for a socket.
    ///
    /// # Errors
    /// [`Refused`] with the official error code.
    pub fn check(&self, request: Request<'_>) -> Result<Accepted, Refused> {
        if !self.options.origins.allows(request.origin) {
            return Err(ErrorCode::Forbidden.into());
        }
        let query = Query::parse(request.query);
        match query.transport.as_deref() {
            Some("websocket") => {}
            Some("polling") => return Err(ErrorCode::BadRequest.into()),
            _ => return Err(ErrorCode::TransportUnknown.into()),
        }
        let protocol = self.options.speaks(&query).ok_or(ErrorCode::UnsupportedProtocol)?;
        match &query.sid {
            Some(sid) => Sid::parse(sid).map(Accepted::Existing).ok_or(ErrorCode::UnknownSid.into()),
            None if self.is_draining() => Err(ErrorCode::Draining.into()),
            None => {
                let handshake = Handshake::new(request.query, query.b64, protocol, request.authorization);
                let handshake = handshake.with_headers(self.options.kept(request.header));
                Ok(Accepted::New(handshake.by(request.entrance)))
            }
        }
    }

    /// Takes a socket over from the front door. Must be called on this engine's thread.
    pub fn accept(self: &Rc<Self>, accepted: Accepted, arriving: Arriving<Stream>) {
        match accepted {
            Accepted::New(handshake) => self.open_socket(handshake, arriving),
            Accepted::Existing(sid) if !self.exchange.reaches(&sid) => {
                turn_away(arriving.stream.into(), &arriving.head);
            }
            Accepted::Existing(sid) => {
                let Arriving { stream, head, early } = arriving;
                match stream.loosen() {
                    Ok(stream) => {
                        let job = Job::Upgrade(sid, Arriving { stream, head, early });
                        // A worker that has stopped closes the socket by dropping it.
                        let _ = self.exchange.give(&sid, job);
                    }
                    Err(error) => tracing::debug!(%error, "socket lost on its way to its connection"),
                }
            }
        }
    }

    fn open_socket(self: &Rc<Self>, handshake: Handshake, arriving: Arriving<Stream>) {
        let Arriving { stream, mut head, early } = arriving;
        let stream = Rc::new(stream);
        let late = handshake.protocol == Protocol::V3;
        let connection = self.open(handshake, Carrier::Socket(Socket::new(Rc::clone(&stream))));
        let open = text_frame(&self.open_packet(&connection, false));
        if late {
            // Scripts of that time listen for messages only once the socket is open: not in the same write.
            connection.send_first(Rc::new(open));
        } else {
            head.extend_from_slice(open.bytes());
        }
        if write_whole(&stream, &head).is_err() {
            connection.close(CloseReason::Gone);
            return;
        }
        socket::begin(connection, stream, &early);
    }

    /// A socket wants to take over from polling.
    pub(super) fn upgrade(&self, sid: &Sid, arriving: Arriving<Loose>) {
        let Arriving { stream, head, early } = arriving;
        let Ok(stream) = stream.fasten().map(Rc::new) else { return };
        let free =
            self.by_sid(sid).filter(|connection| !connection.is_on_socket() && !connection.is_upgrading());
        let Some(connection) = free else {
            turn_away(stream, &head);
            return;
        };
        if write_whole(&stream, &head).is_ok() {
            let limit = self.options.upgrade_timeout;
            let (watched, watched_stream) = (Rc::clone(&connection), Rc::clone(&stream));
            tokio::task::spawn_local(async move {
                tokio::time::sleep(limit).await;
                if !watched.is_carried_by(&watched_stream) {
                    let _ = rustix::net::shutdown(watched_stream.as_fd(), Shutdown::Both);
                }
            });
            socket::begin(connection, stream, &early);
        }
    }
}

impl Connection {
    /// A text message on a socket that has not taken over yet.
    pub(super) fn probe_packet(&self, stream: &Rc<Stream>, packet: &str) -> Result<(), Fault> {
        match packet {
            "2probe" if self.begin_upgrade(stream) => write_whole(stream, text_frame("3probe").bytes())
                .map_err(|_| Fault("the probe cannot be answered")),
            "5" if self.finish_upgrade(stream) => Ok(()),
            _ => Err(Fault("unexpected packet before the upgrade")),
        }
    }

    pub(super) fn is_carried_by(&self, stream: &Rc<Stream>) -> bool {
        matches!(&*self.carrier.borrow(), Carrier::Socket(socket) if socket.is(stream))
    }
}

impl Refused {
    /// The whole HTTP answer, for a request that cannot be answered through the HTTP server any more.
    #[must_use]
    pub fn to_http(self) -> Vec<u8> {
        let Self { status, body } = self;
        let phrase = match status {
            403 => "Forbidden",
            404 => "Not Found",
            503 => "Service Unavailable",
            _ => "Bad Request",
        };
        let len = body.len();
        format!(
            "HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// As the official servers: opened and closed again, since only that reaches scripts in a page.
fn turn_away(stream: Rc<Stream>, head: &[u8]) {
    if write_whole(&stream, head).is_ok() {
        Socket::new(stream).close(CloseReason::Protocol);
    }
}

/// Writes a few bytes to a socket whose buffer is empty; that it does not take them all is an error.
fn write_whole(stream: &Stream, bytes: &[u8]) -> io::Result<()> {
    let count = rustix::net::send(stream.as_fd(), bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
    if count == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}
