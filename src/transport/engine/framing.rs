//! Packets into frames: framed for a WebSocket, with a note of where the packet stands.

use super::handshake::Protocol;
use super::websocket::{Opcode, head};
use crate::hub::{Frame, Span};

/// Bytes of the head of a short frame, and the longest payload that it can state.
const SHORT_HEAD: usize = 2;
const SHORT_MAX: usize = 125;

/// Adds a text packet to a frame. `write` appends the whole packet, with its Engine.IO type.
pub fn text_packet(frame: &mut Frame, write: impl FnOnce(&mut Vec<u8>)) {
    frame.push(|bytes| {
        let at = bytes.len();
        bytes.extend_from_slice(&[0; SHORT_HEAD]);
        write(bytes);
        let len = bytes.len() - at - SHORT_HEAD;
        let (head, head_len) = head(Opcode::Text, len);
        let head = head.get(..head_len).unwrap_or_default();
        // The length is known only now; most packets are short, and the others are moved once.
        let _ = bytes.splice(at..at + SHORT_HEAD, head.iter().copied());
        debug_assert!(len > SHORT_MAX || head_len == SHORT_HEAD);
        Span { start: (at + head_len) as u32, len: len as u32, binary: false }
    });
}

/// Adds a binary attachment to a frame. Engine.IO 3 puts the packet type before it.
pub fn binary_packet(frame: &mut Frame, protocol: Protocol, payload: &[u8]) {
    frame.push(|bytes| {
        let prefix: &[u8] = if protocol == Protocol::V3 { &[4] } else { &[] };
        let (head, head_len) = head(Opcode::Binary, prefix.len() + payload.len());
        bytes.extend_from_slice(head.get(..head_len).unwrap_or_default());
        bytes.extend_from_slice(prefix);
        let start = bytes.len() as u32;
        bytes.extend_from_slice(payload);
        Span { start, len: payload.len() as u32, binary: true }
    });
}

/// A frame of one text packet.
pub(super) fn text_frame(packet: &str) -> Frame {
    let mut frame = Frame::default();
    text_packet(&mut frame, |bytes| bytes.extend_from_slice(packet.as_bytes()));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packet_is_found_behind_heads_of_every_length() {
        let mut frame = Frame::default();
        let texts = [3, 125, 126, 65_535, 65_536].map(|len| "x".repeat(len));
        for text in &texts {
            text_packet(&mut frame, |bytes| bytes.extend_from_slice(text.as_bytes()));
        }
        binary_packet(&mut frame, Protocol::V3, &[1, 2]);
        let packets: Vec<_> = frame.packets().collect();
        for (packet, text) in packets.iter().zip(&texts) {
            assert_eq!(packet.bytes, text.as_bytes());
        }
        assert_eq!((packets[5].bytes, packets[5].binary), (&[1, 2][..], true));
        let heads: usize = 2 + 2 + 4 + 4 + 10 + 2 + 1;
        assert_eq!(frame.len(), heads + texts.iter().map(String::len).sum::<usize>() + 2);
    }
}
