//! One connection: what carries it at the moment, its heartbeat, and the conversation on it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::alarm::Due;
use super::core::Engine;
use super::framing::text_frame;
use super::handshake::{Handshake, Protocol};
use super::payload;
use super::polling::PollState;
use super::sid::Sid;
use super::socket::Socket;
use crate::hub::{CloseReason, Flushed, Frame, LinkId, Outbox, Wire};

/// The client broke the protocol; its connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub &'static str);

/// What is spoken on the engine.
pub trait Application {
    /// A connection was opened.
    fn open(&self, connection: &Rc<Connection>, handshake: Handshake) -> Rc<dyn Conversation>;
}

/// What is said on one connection. Calls come one at a time; none may close the connection itself (return a
/// [`Fault`], or call [`Connection::finish`]).
pub trait Conversation {
    /// A text message.
    ///
    /// # Errors
    /// [`Fault`] where it breaks the protocol.
    fn text(&self, text: &str) -> Result<(), Fault>;

    /// A binary message.
    ///
    /// # Errors
    /// [`Fault`] where it breaks the protocol.
    fn binary(&self, bytes: &[u8]) -> Result<(), Fault>;

    /// A heartbeat of the client.
    fn heartbeat(&self) {}

    /// Whether the connection may stay beyond the connect timeout.
    fn is_settled(&self) -> bool;

    /// The connection has ended.
    fn closed(&self);
}

/// What carries a connection.
pub(super) enum Carrier {
    /// HTTP requests that come and go.
    Polling(PollState),
    /// A WebSocket.
    Socket(Socket),
    /// Nothing any more.
    Closed,
}

/// One connection. Lives on the worker that accepted it.
pub struct Connection {
    pub(super) engine: Rc<Engine>,
    pub(super) link: LinkId,
    pub(super) sid: Sid,
    pub(super) protocol: Protocol,
    pub(super) encoding: payload::Protocol,
    pub(super) carrier: RefCell<Carrier>,
    pub(super) conversation: RefCell<Option<Rc<dyn Conversation>>>,
    /// Number of the last ping, and whether its answer is missing (Engine.IO 4).
    ping: Cell<(u8, bool)>,
    /// Step of the engine's clock at which the client was heard last (Engine.IO 3).
    heard: Cell<u32>,
    /// Step at which the conversation must be settled; an alarm before it belongs to an earlier time limit.
    settled_by: Cell<u32>,
}

impl Connection {
    pub(super) fn new(
        engine: Rc<Engine>,
        link: LinkId,
        sid: Sid,
        handshake: &Handshake,
        carrier: Carrier,
    ) -> Self {
        let heard = Cell::new(engine.now());
        Self {
            engine,
            link,
            sid,
            protocol: handshake.protocol,
            encoding: handshake.encoding(),
            carrier: RefCell::new(carrier),
            conversation: RefCell::default(),
            ping: Cell::new((0, false)),
            heard,
            settled_by: Cell::new(0),
        }
    }

    /// The connection's place in the hub.
    #[must_use]
    pub fn link(&self) -> LinkId {
        self.link
    }

    /// The protocol that the client speaks.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Its id, as the open packet states it.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.sid
    }

    /// Queues a frame.
    pub fn send(&self, frame: Rc<Frame>) {
        self.engine.hub.push(self.link, frame);
    }

    /// Queues a frame before everything that waits.
    pub(super) fn send_first(&self, frame: Rc<Frame>) {
        self.engine.hub.push_first(self.link, frame);
    }

    /// Closes the connection once everything that waits is sent.
    pub fn finish(&self, reason: CloseReason) {
        self.engine.hub.finish(self.link, reason);
    }

    /// The conversation must be settled again within the connect timeout.
    pub fn await_settling(&self) {
        let steps = self.engine.steps(self.engine.options.connect_timeout);
        self.settled_by.set(self.engine.now().saturating_add(steps));
        self.engine.set_alarm_steps(self.link, Due::Settled, steps);
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.carrier.borrow(), Carrier::Closed)
    }

    pub(super) fn conversation(&self) -> Result<Rc<dyn Conversation>, Fault> {
        self.conversation.borrow().clone().ok_or(Fault("not open"))
    }

    /// Something came from the client.
    pub(super) fn hear(&self) {
        self.heard.set(self.engine.now());
    }

    /// A text packet of the client.
    pub(super) fn text_packet(&self, packet: &str) -> Result<(), Fault> {
        self.hear();
        let conversation = self.conversation()?;
        match packet.as_bytes().first() {
            Some(b'4') => conversation.text(packet.get(1..).unwrap_or_default()),
            Some(b'2') if self.protocol == Protocol::V3 => {
                conversation.heartbeat();
                let echo = format!("3{}", packet.get(1..).unwrap_or_default());
                self.send(Rc::new(text_frame(&echo)));
                Ok(())
            }
            Some(b'3') if self.protocol == Protocol::V4 => {
                let (number, missing) = self.ping.get();
                // A pong that nobody asked for must not start a heartbeat of its own beside the one that runs.
                if missing {
                    self.ping.set((number, false));
                    self.engine.set_alarm(self.link, Due::Ping, self.engine.options.ping_interval);
                    conversation.heartbeat();
                }
                Ok(())
            }
            Some(b'2' | b'3') => Err(Fault("heartbeat in the wrong direction")),
            Some(b'5' | b'6') => Ok(()),
            Some(b'1') => {
                self.finish(CloseReason::ByPeer);
                Ok(())
            }
            _ => Err(Fault("unknown packet type")),
        }
    }

    /// A binary message of the client, over a WebSocket.
    pub(super) fn binary_packet(&self, bytes: &[u8]) -> Result<(), Fault> {
        self.hear();
        let conversation = self.conversation()?;
        match (self.protocol, bytes) {
            (Protocol::V4, bytes) | (Protocol::V3, [4, bytes @ ..]) => conversation.binary(bytes),
            (Protocol::V3, _) => Err(Fault("unknown binary packet type")),
        }
    }

    /// An alarm of this connection went off.
    pub(super) fn alarm(self: &Rc<Self>, due: Due) {
        let options = &self.engine.options;
        match due {
            Due::Ping => {
                let number = self.ping.get().0.wrapping_add(1);
                self.ping.set((number, true));
                self.send(Rc::new(text_frame("2")));
                self.engine.set_alarm(self.link, Due::Pong(number), options.ping_timeout);
            }
            Due::Pong(number) if self.ping.get() == (number, true) => {
                Rc::clone(self).close(CloseReason::HeartbeatMissed);
            }
            Due::Pong(_) => {}
            Due::Silence => self.check_silence(),
            Due::Settled if self.engine.now() < self.settled_by.get() => {}
            Due::Settled => {
                if self.conversation().is_ok_and(|conversation| !conversation.is_settled()) {
                    Rc::clone(self).close(CloseReason::NotAuthenticated);
                }
            }
        }
    }

    fn check_silence(self: &Rc<Self>) {
        let options = &self.engine.options;
        let limit = self.engine.steps(options.ping_interval + options.ping_timeout);
        let silent = self.engine.now().saturating_sub(self.heard.get());
        if silent >= limit {
            Rc::clone(self).close(CloseReason::HeartbeatMissed);
        } else {
            self.engine.set_alarm_steps(self.link, Due::Silence, limit - silent);
        }
    }
}

impl Wire for Connection {
    fn flush(&self, outbox: &mut Outbox, scratch: &mut Vec<u8>) -> Flushed {
        match &mut *self.carrier.borrow_mut() {
            Carrier::Polling(polling) => polling.flush(self.encoding, outbox),
            Carrier::Socket(socket) => socket.flush(outbox, scratch),
            Carrier::Closed => Flushed::Gone,
        }
    }

    fn await_room(self: Rc<Self>, link: LinkId) {
        if let Carrier::Socket(socket) = &*self.carrier.borrow() {
            socket.await_room(Rc::clone(&self.engine.hub), link);
        }
    }

    fn close(self: Rc<Self>, reason: CloseReason) {
        let carrier = self.carrier.replace(Carrier::Closed);
        if matches!(carrier, Carrier::Closed) {
            return;
        }
        // Before the client learns of it: when it comes back at once, on another worker, all its acks are on
        // their way to the store before it is. Taken out, since conversation and connection hold each other.
        let conversation = self.conversation.borrow_mut().take();
        if let Some(conversation) = conversation {
            conversation.closed();
        }
        match carrier {
            Carrier::Closed => {}
            Carrier::Polling(polling) => polling.close(self.encoding, reason),
            Carrier::Socket(socket) => socket.close(reason),
        }
        tracing::debug!(session = ?self.sid, reason = reason.as_str(), "connection closed");
        if reason == CloseReason::TooSlow {
            tracing::warn!(session = ?self.sid, "client closed as too slow: its outbox was full");
        }
        self.engine.forget(&self);
    }
}
