//! Namespaces: what stands behind them, and how it answers.

use std::rc::Rc;

use bytes::Bytes;

use super::offer::Offer;
use super::packet::{self, Protocol};
use crate::hub::{Frame, LinkId};
use crate::transport::engine::{self, Connection, Fault, binary_packet, text_packet};

/// What stands behind the namespaces of a server.
pub trait Namespaces {
    /// A client wants to join. The answer may come later, through the socket. `None`: there is no such
    /// namespace. The client takes part as long as the member is held.
    fn enter(&self, socket: Socket, offer: &Rc<Offer>, auth: Option<&str>) -> Option<Rc<dyn Member>>;
}

/// A client's part in a namespace.
pub trait Member {
    /// Where it stands.
    fn standing(&self) -> Standing;

    /// The client emitted an event.
    ///
    /// # Errors
    /// [`Fault`] where that breaks the protocol: its connection is closed.
    fn event(&self, said: Said<'_>) -> Result<(), Fault>;

    /// The client acknowledged an event.
    fn ack(&self, said: Said<'_>);

    /// A heartbeat of the client.
    fn heartbeat(&self) {}

    /// The client asks to join where it takes part already, or has asked before.
    ///
    /// # Errors
    /// [`Fault`] where that breaks the protocol: its connection is closed.
    fn again(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// Where a member stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It asked to join and has no answer yet.
    Pending,
    /// It takes part.
    Joined,
    /// It takes part in something that needs no authentication, which does not keep a connection open.
    Guest,
    /// It was refused; it may ask again.
    Refused,
}

/// An event or acknowledgement of a client.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The id to acknowledge with, or that is acknowledged.
    pub id: Option<u64>,
    /// A JSON array.
    pub json: &'a str,
    /// Binary attachments, in the order of their placeholders.
    pub attachments: &'a [Bytes],
}

/// The server's end of one namespace of one connection.
#[derive(Clone)]
pub struct Socket {
    connection: Rc<Connection>,
    namespace: Rc<str>,
}

impl Socket {
    pub(super) fn new(connection: Rc<Connection>, namespace: Rc<str>) -> Self {
        Self { connection, namespace }
    }

    /// The namespace, with its slash.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The connection's place in the hub.
    #[must_use]
    pub fn link(&self) -> LinkId {
        self.connection.link()
    }

    /// The packet that lets the client in, added to a frame. `sid` is the id that protocol 5 shows to it.
    pub fn write_accept(&self, sid: &str, frame: &mut Frame) {
        text_packet(frame, |out| {
            out.push(b'4');
            packet::connect(out, self.protocol(), &self.namespace, sid);
        });
    }

    /// Lets the client in.
    pub fn accept(&self, sid: &str) {
        let mut frame = Frame::default();
        self.write_accept(sid, &mut frame);
        self.connection.send(Rc::new(frame));
    }

    /// Tells the client why it is not let in.
    pub fn refuse(&self, text: &str) {
        self.send_text(|out| packet::connect_error(out, self.protocol(), &self.namespace, text, None));
    }

    /// Emits an event; `json` is its array, with placeholders for the attachments.
    pub fn emit(&self, json: &str, attachments: &[Bytes]) {
        self.send_with(attachments, |out| {
            if attachments.is_empty() {
                packet::event(out, &self.namespace, None, json.as_bytes());
            } else {
                packet::binary_event(out, attachments.len(), &self.namespace, None, json.as_bytes());
            }
        });
    }

    /// Acknowledges an event of the client.
    pub fn acknowledge(&self, id: u64, json: &str, attachments: &[Bytes]) {
        self.send_with(attachments, |out| {
            if attachments.is_empty() {
                packet::ack(out, &self.namespace, id, json.as_bytes());
            } else {
                packet::binary_ack(out, attachments.len(), &self.namespace, id, json.as_bytes());
            }
        });
    }

    fn send_text(&self, write: impl FnOnce(&mut Vec<u8>)) {
        self.send_with(&[], write);
    }

    fn send_with(&self, attachments: &[Bytes], write: impl FnOnce(&mut Vec<u8>)) {
        let mut frame = Frame::default();
        text_packet(&mut frame, |out| {
            out.push(b'4');
            write(out);
        });
        for attachment in attachments {
            binary_packet(&mut frame, self.connection.protocol(), attachment);
        }
        self.connection.send(Rc::new(frame));
    }

    fn protocol(&self) -> Protocol {
        match self.connection.protocol() {
            engine::Protocol::V3 => Protocol::V4,
            engine::Protocol::V4 => Protocol::V5,
        }
    }
}
