//! HTTP polling as carrier: a GET waits for packets, a POST brings some. All of this runs on the worker that
//! carries the connection; the requests themselves may have arrived on another one.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use engineioxide_core::Packet;
use tokio::sync::oneshot;

use super::connection::{Carrier, Connection, Fault};
use super::core::Engine;
use super::handshake::Handshake;
use super::payload;
use super::sid::Sid;
use super::socket::Socket;
use super::stream::Stream;
use crate::hub::{CloseReason, Flushed, Outbox, Wire};

/// Bytes of one answer, unless a single frame is larger.
const ANSWER_MAX: usize = 1 << 20;

/// How long a GET that finds nothing waits while a WebSocket is about to take over: as in the official servers. Not
/// at all would have the client ask without end until it hears that it may change over.
const RELEASE_AFTER: Duration = Duration::from_millis(100);

/// What a GET comes to.
#[derive(Debug)]
pub enum Polled {
    /// A payload.
    Payload(Payload),
    /// There is no such connection.
    Unknown,
    /// The connection cannot be polled, or another GET is waiting already.
    Refused,
}

/// An encoded payload.
#[derive(Debug)]
pub struct Payload {
    /// Its media type.
    pub(super) content_type: &'static str,
    /// The bytes.
    pub(super) bytes: Bytes,
}

/// What a POST comes to.
#[derive(Debug)]
pub enum Posted {
    /// It was taken.
    Ok,
    /// There is no such connection.
    Unknown,
    /// It was not understood, or the connection cannot be posted to.
    Refused,
}

/// The polling side of a connection.
#[derive(Debug, Default)]
pub(super) struct PollState {
    waiting: Option<oneshot::Sender<Polled>>,
    /// The WebSocket that is about to take over: a GET that finds nothing is released soon.
    upgrading: Option<Rc<Stream>>,
}

impl PollState {
    /// Answers the waiting GET, if there is one and something to say.
    pub(super) fn flush(&mut self, encoding: payload::Protocol, outbox: &mut Outbox) -> Flushed {
        let Some(reply) = self.waiting.take() else { return Flushed::Blocked };
        let (mut frames, mut size) = (0, 0);
        for frame in outbox.frames() {
            if frames > 0 && size + frame.len() > ANSWER_MAX {
                break;
            }
            (frames, size) = (frames + 1, size + frame.len());
        }
        let packets = outbox.frames().take(frames).flat_map(|frame| frame.packets());
        let payload = encode(encoding, packets.map(|packet| (packet.binary, packet.bytes)));
        outbox.remove(frames);
        if payload.bytes.is_empty() {
            // Only frames that mean nothing here: the GET goes on waiting.
            self.waiting = Some(reply);
        } else if let Err(Polled::Payload(_)) = reply.send(Polled::Payload(payload)) {
            return Flushed::Gone;
        }
        if outbox.is_empty() { Flushed::All } else { Flushed::Blocked }
    }

    /// Ends the waiting GET with nothing to say.
    pub(super) fn release(&mut self, encoding: payload::Protocol) {
        if let Some(reply) = self.waiting.take() {
            let _ = reply.send(Polled::Payload(encode(encoding, [(false, &b"6"[..])].into_iter())));
        }
    }

    /// Ends the waiting GET: with a close packet, or with nothing to say where the client itself closed.
    pub(super) fn close(mut self, encoding: payload::Protocol, reason: CloseReason) {
        if reason == CloseReason::ByPeer {
            self.release(encoding);
        } else if let Some(reply) = self.waiting.take() {
            let _ = reply.send(Polled::Payload(encode(encoding, [(false, &b"1"[..])].into_iter())));
        }
    }
}

fn encode<'a>(
    encoding: payload::Protocol,
    packets: impl Iterator<Item = (bool, &'a [u8])> + Clone,
) -> Payload {
    let mut bytes = Vec::new();
    let encoded = payload::encode(encoding, packets, usize::MAX, &mut bytes);
    Payload { content_type: encoded.content_type, bytes: bytes.into() }
}

impl Engine {
    /// Opens a connection by polling; the answer to its first GET, and its id.
    pub(super) fn open_polling(self: &Rc<Self>, handshake: Handshake) -> (Payload, Sid) {
        let connection = self.open(handshake, Carrier::Polling(PollState::default()));
        let open = self.open_packet(&connection, true);
        (encode(connection.encoding, [(false, open.as_bytes())].into_iter()), connection.sid)
    }

    pub(super) fn poll(&self, sid: &Sid, reply: oneshot::Sender<Polled>) {
        let Some(connection) = self.by_sid(sid) else {
            let _ = reply.send(Polled::Unknown);
            return;
        };
        if let Err(reply) = connection.wait_poll(reply) {
            let _ = reply.send(Polled::Refused);
            if !connection.is_on_socket() {
                connection.close(CloseReason::Protocol);
            }
        }
    }

    /// The client of a GET hung up before it had its answer: as in the official servers, that ends the connection.
    /// Also where the answer was made already: what it held is lost, and nothing may overtake it.
    pub(super) fn abandoned(&self, sid: &Sid) {
        let Some(connection) = self.by_sid(sid) else { return };
        let gone = match &*connection.carrier.borrow() {
            Carrier::Polling(polling) if polling.upgrading.is_some() => {
                polling.waiting.as_ref().is_some_and(oneshot::Sender::is_closed)
            }
            Carrier::Polling(_) => true,
            Carrier::Socket(_) | Carrier::Closed => false,
        };
        if gone {
            connection.close(CloseReason::Gone);
        }
    }

    pub(super) fn post(&self, sid: &Sid, body: &Bytes, reply: oneshot::Sender<Posted>) {
        let outcome = match self.by_sid(sid) {
            None => Posted::Unknown,
            Some(connection) if connection.is_on_socket() => Posted::Refused,
            Some(connection) => match connection.take_body(body) {
                Ok(()) => Posted::Ok,
                Err(fault) => {
                    tracing::debug!(session = ?sid, reason = fault.0, "client broke the protocol");
                    connection.close(CloseReason::Protocol);
                    Posted::Refused
                }
            },
        };
        let _ = reply.send(outcome);
    }
}

impl Connection {
    pub(super) fn is_on_socket(&self) -> bool {
        matches!(*self.carrier.borrow(), Carrier::Socket(_))
    }

    /// A GET waits. Given back when it may not.
    fn wait_poll(self: &Rc<Self>, reply: oneshot::Sender<Polled>) -> Result<(), oneshot::Sender<Polled>> {
        let upgrading = match &mut *self.carrier.borrow_mut() {
            Carrier::Polling(polling) if polling.waiting.is_none() => {
                polling.waiting = Some(reply);
                polling.upgrading.is_some()
            }
            _ => return Err(reply),
        };
        // Whatever waits goes out with the GET, also while a WebSocket is about to take over.
        self.engine.hub.unblock(self.link);
        if upgrading {
            let connection = Rc::clone(self);
            tokio::task::spawn_local(async move {
                tokio::time::sleep(RELEASE_AFTER).await;
                if let Carrier::Polling(polling) = &mut *connection.carrier.borrow_mut()
                    && polling.upgrading.is_some()
                {
                    polling.release(connection.encoding);
                }
            });
        }
        Ok(())
    }

    fn take_body(&self, body: &Bytes) -> Result<(), Fault> {
        self.hear();
        for packet in payload::decode(self.encoding, payload::TextLayers::Unknown, body) {
            match packet.map_err(|_| Fault("the payload cannot be read"))? {
                Packet::Message(text) => self.conversation()?.text(&text)?,
                Packet::Binary(bytes) | Packet::BinaryV3(bytes) => self.conversation()?.binary(&bytes)?,
                Packet::Ping => self.text_packet("2")?,
                Packet::Pong => self.text_packet("3")?,
                Packet::Close => self.text_packet("1")?,
                Packet::Noop | Packet::Upgrade => {}
                Packet::Open(_) | Packet::PingUpgrade | Packet::PongUpgrade => {
                    return Err(Fault("a packet that has no place here"));
                }
            }
            if !self.is_open() {
                break;
            }
        }
        Ok(())
    }

    /// A WebSocket asks to take over. False where there is no polling, or another one has asked already.
    pub(super) fn begin_upgrade(&self, stream: &Rc<Stream>) -> bool {
        match &mut *self.carrier.borrow_mut() {
            Carrier::Polling(polling) if polling.upgrading.is_none() => {
                polling.upgrading = Some(Rc::clone(stream));
                polling.release(self.encoding);
                true
            }
            _ => false,
        }
    }

    /// That WebSocket takes over. False where it is not the one that has asked.
    pub(super) fn finish_upgrade(&self, stream: &Rc<Stream>) -> bool {
        if !self.is_probed_by(stream) {
            return false;
        }
        let before = self.carrier.replace(Carrier::Socket(Socket::new(Rc::clone(stream))));
        if let Carrier::Polling(mut polling) = before {
            polling.release(self.encoding);
        }
        self.engine.hub.unblock(self.link);
        true
    }

    /// The attempt of that WebSocket to take over failed: polling goes on.
    pub(super) fn abort_upgrade(&self, stream: &Rc<Stream>) {
        if let Carrier::Polling(polling) = &mut *self.carrier.borrow_mut() {
            polling.upgrading.take_if(|probing| Rc::ptr_eq(probing, stream));
        }
    }

    pub(super) fn is_upgrading(&self) -> bool {
        matches!(&*self.carrier.borrow(), Carrier::Polling(polling) if polling.upgrading.is_some())
    }

    fn is_probed_by(&self, stream: &Rc<Stream>) -> bool {
        match &*self.carrier.borrow() {
            Carrier::Polling(polling) => {
                polling.upgrading.as_ref().is_some_and(|probing| Rc::ptr_eq(probing, stream))
            }
            Carrier::Socket(_) | Carrier::Closed => false,
        }
    }
}
