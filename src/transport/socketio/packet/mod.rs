//! Socket.IO packets, protocols 4 and 5: what stands behind the `4` of an Engine.IO message.
//!
//! `<type>[<attachments>-][/namespace,][id][json]`, as in the "Socket.IO protocol" documents of the repository
//! socketio/socket.io. Checked as the official servers check, and bounded. Reading and writing text packets
//! allocates nothing of its own, so that an acknowledgement costs nothing.
//!
//! What must not live here: namespaces that exist, who may do what, WebSocket frames.

mod binary;
mod head;
mod json;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use binary::{AttachmentLimits, BinaryPacket, Opened, Reassembly};
pub use read::{Packet, parse};
pub use write::{Protocol, ack, binary_ack, binary_event, connect, connect_error, disconnect, event};

/// The greatest acknowledgement id: JavaScript counts exactly up to here.
pub const MAX_ID: u64 = 1 << 53;

/// The longest namespace, bytes, without the query that 1.x and 2.x clients append.
pub const MAX_NAMESPACE: usize = 128;

/// How deep arrays and objects may be nested: what `serde_json` can read with its recursion limit of 128.
pub const MAX_DEPTH: usize = 127;

/// Why something is not a packet that a client may send. The connection should be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not 0, 1, 2, 3, 5 or 6.
    #[error("unknown packet type")]
    Type,
    /// Longer than [`MAX_NAMESPACE`].
    #[error("the namespace is too long")]
    Namespace,
    /// Missing on an acknowledgement, or greater than [`MAX_ID`].
    #[error("wrong acknowledgement id")]
    Id,
    /// Not JSON, not of the kind this packet type needs, or too deep.
    #[error("wrong payload")]
    Payload,
    /// No count where there must be one, a placeholder without its attachment, or one of the limits.
    #[error("wrong or too many attachments")]
    Attachments,
    /// Attachments took longer than the limit to come.
    #[error("the attachments came too late")]
    Late,
    /// An attachment without a packet that waits for it.
    #[error("an attachment that belongs to nothing")]
    Unexpected,
}
