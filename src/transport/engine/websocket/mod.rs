//! WebSocket frames (RFC 6455) of the server's side: written unmasked and unfragmented, read masked and in any
//! pieces. No extension is negotiated, so every reserved bit is a violation.
//!
//! What must not live here: sockets, the opening handshake, what the messages mean.

mod decode;
mod encode;
mod frame;
mod partial;
#[cfg(test)]
mod tests;

pub use decode::{Decoder, Incoming};
pub use encode::{Opcode, binary, close, head, ping, pong, prefixed_binary, text};

/// The peer broke the protocol or a limit. The connection must be failed: a close frame with this code
/// ([`close`]), then the end of the stream (RFC 6455 §7.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Violation {
    /// The close code to send: 1002 (protocol), 1007 (not UTF-8) or 1009 (too big).
    pub code: u16,
    /// The reason to send and to log.
    pub text: &'static str,
}

impl Violation {
    const fn protocol(text: &'static str) -> Self {
        Self { code: 1002, text }
    }

    const NOT_UTF8: Self = Self { code: 1007, text: "text is not UTF-8" };

    const TOO_BIG: Self = Self { code: 1009, text: "the message is larger than maxPayload" };
}
