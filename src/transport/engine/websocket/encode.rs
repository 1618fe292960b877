//! Frames from the server: never masked (RFC 6455 §5.1), never fragmented.

/// The kinds of frames a server sends (RFC 6455 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A text message.
    Text = 0x1,
    /// A binary message.
    Binary = 0x2,
    /// The end of the conversation.
    Close = 0x8,
    /// Asks for a pong.
    Ping = 0x9,
    /// Answers a ping.
    Pong = 0xA,
}

const FIN: u8 = 0x80;
/// The longest payload of a control frame, bytes (RFC 6455 §5.5).
pub(super) const CONTROL_MAX: usize = 125;

/// The head of a whole frame with `len` bytes of payload, and how many bytes of the array it takes (2, 4 or 10).
#[must_use]
pub fn head(opcode: Opcode, len: usize) -> ([u8; 10], usize) {
    let first = FIN | opcode as u8;
    if len <= CONTROL_MAX {
        ([first, len as u8, 0, 0, 0, 0, 0, 0, 0, 0], 2)
    } else if let Ok(short) = u16::try_from(len) {
        let [a, b] = short.to_be_bytes();
        ([first, 126, a, b, 0, 0, 0, 0, 0, 0], 4)
    } else {
        let mut head = [first, 127, 0, 0, 0, 0, 0, 0, 0, 0];
        if let Some(length) = head.last_chunk_mut() {
            *length = (len as u64).to_be_bytes();
        }
        (head, 10)
    }
}

fn append(out: &mut Vec<u8>, opcode: Opcode, prefix: &[u8], payload: &[u8]) {
    let (head, used) = head(opcode, prefix.len() + payload.len());
    out.reserve(used + prefix.len() + payload.len());
    out.extend(head.iter().take(used));
    out.extend_from_slice(prefix);
    out.extend_from_slice(payload);
}

/// Appends a text message.
pub fn text(out: &mut Vec<u8>, text: &str) {
    append(out, Opcode::Text, &[], text.as_bytes());
}

/// Appends a binary message.
pub fn binary(out: &mut Vec<u8>, payload: &[u8]) {
    append(out, Opcode::Binary, &[], payload);
}

/// Appends a binary message that begins with a byte of its own, as Engine.IO 3 wants it: 4 for a message
/// (Engine.IO protocol v3, "Packet").
pub fn prefixed_binary(out: &mut Vec<u8>, prefix: u8, payload: &[u8]) {
    append(out, Opcode::Binary, &[prefix], payload);
}

/// Appends a ping. A payload beyond 125 bytes is cut there.
pub fn ping(out: &mut Vec<u8>, payload: &[u8]) {
    append(out, Opcode::Ping, &[], cut(payload));
}

/// Appends a pong with the payload of the ping it answers. A payload beyond 125 bytes is cut there.
pub fn pong(out: &mut Vec<u8>, payload: &[u8]) {
    append(out, Opcode::Pong, &[], cut(payload));
}

/// Appends a close frame. `None` is a close without code (what answers a close without code); a reason beyond
/// 123 bytes is cut at a character.
pub fn close(out: &mut Vec<u8>, code: Option<u16>, reason: &str) {
    let Some(code) = code else { return append(out, Opcode::Close, &[], &[]) };
    let end = reason.floor_char_boundary(CONTROL_MAX - 2);
    let reason = reason.get(..end).unwrap_or_default();
    append(out, Opcode::Close, &code.to_be_bytes(), reason.as_bytes());
}

fn cut(payload: &[u8]) -> &[u8] {
    payload.get(..CONTROL_MAX).unwrap_or(payload)
}
