//! Text packets from clients.

use super::head::Head;
use super::{Malformed, json};

/// A packet from a client; everything borrows from the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Wants to join a namespace.
    Connect {
        /// The namespace, with its slash.
        namespace: &'a str,
        /// The query that 1.x and 2.x clients append to the namespace, still encoded.
        query: Option<&'a str>,
        /// The auth payload of protocol 5: a JSON object.
        auth: Option<&'a str>,
        /// Whether a comma ended the namespace. 2.x clients always write it, 1.x clients never do; on polling
        /// that tells how often they encode text ([`TextLayers`]). Means nothing for the root.
        ///
        /// [`TextLayers`]: crate::transport::engine::payload::TextLayers
        comma: bool,
    },
    /// Leaves a namespace.
    Disconnect {
        /// The namespace.
        namespace: &'a str,
    },
    /// An event.
    Event {
        /// The namespace.
        namespace: &'a str,
        /// Wants an acknowledgement with this id.
        id: Option<u64>,
        /// A JSON array that begins with a string or a number.
        json: &'a str,
    },
    /// The acknowledgement of one of our events.
    Ack {
        /// The namespace.
        namespace: &'a str,
        /// The id of the event.
        id: u64,
        /// A JSON array.
        json: &'a str,
    },
    /// An event or acknowledgement with attachments: give the same text to [`Reassembly::open`].
    ///
    /// [`Reassembly::open`]: super::Reassembly::open
    Binary,
}

/// Reads a text packet, without the `4` of Engine.IO.
///
/// # Errors
/// [`Malformed`]: nothing an official client sends.
pub fn parse(text: &str) -> Result<Packet<'_>, Malformed> {
    if let [b'5' | b'6', ..] = text.as_bytes() {
        return Ok(Packet::Binary);
    }
    let Head { kind, namespace, query, comma, id, body, .. } = Head::parse(text)?;
    match kind {
        b'0' if body.is_empty() => Ok(Packet::Connect { namespace, query, auth: None, comma }),
        b'0' => {
            json::object(body)?;
            Ok(Packet::Connect { namespace, query, auth: Some(body), comma })
        }
        b'1' if body.is_empty() => Ok(Packet::Disconnect { namespace }),
        b'1' => Err(Malformed::Payload),
        b'2' => {
            json::event(body)?;
            Ok(Packet::Event { namespace, id, json: body })
        }
        _ => {
            let id = id.ok_or(Malformed::Id)?;
            json::array(body)?;
            Ok(Packet::Ack { namespace, id, json: body })
        }
    }
}
