//! Engine.IO polling payloads: several packets in one HTTP body. Formats: the documents "Engine.IO protocol"
//! v3 and v4 in the repository socketio/socket.io; where clients differ from them, the sources of
//! engine.io-parser 1.3.2 (socket.io-client 1.x) and 2.x decide.
//!
//! What must not live here: HTTP, sessions, the meaning of packets. The caller limits the size of bodies.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::{MAX_PACKETS, Malformed, Packets, TextLayers, decode};
pub use encode::{Encoded, encode};

/// What a session's polling bodies look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Engine.IO 3 for a client that can only take text (`b64=1` in its handshake): binary goes as base64.
    V3Text,
    /// Engine.IO 3 for a client that can take bytes. As the official servers do since engine.io 2, bytes are
    /// sent only when a binary packet is among the packets; text is what every client of protocol 3 can read.
    V3Binary,
    /// Engine.IO 4: always text.
    V4,
}

/// The media type of text payloads.
pub const TEXT: &str = "text/plain; charset=UTF-8";

/// The media type of binary payloads (Engine.IO 3 only).
pub const BYTES: &str = "application/octet-stream";

/// Separates the packets of an Engine.IO 4 payload.
const SEPARATOR: u8 = 0x1e;
