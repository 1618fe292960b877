//! Payloads for clients.

use std::io::Write;

use bytes::Bytes;
use engineioxide_core::Packet;

use super::{BYTES, Protocol, SEPARATOR, TEXT};

/// What [`encode`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded {
    /// How many packets went into the payload, counted from the first.
    pub taken: usize,
    /// The media type of the body.
    pub content_type: &'static str,
}

/// Appends a payload to `out`. A packet is `(false, text)` with a whole engine packet (`2`, `42["x"]`, UTF-8) or
/// `(true, bytes)` with a bare attachment.
///
/// Stops before the packet that would carry the payload beyond `limit` bytes, but takes at least one.
///
/// Text payloads of Engine.IO 3 have all non-ASCII characters of JSON strings written as `\uXXXX`: 1.x clients
/// undo UTF-8 once more than 2.x clients do, and only ASCII comes out the same. Outside of JSON strings
/// characters are sent as they are, which is right for 2.x.
pub fn encode<'a>(
    protocol: Protocol,
    packets: impl Iterator<Item = (bool, &'a [u8])> + Clone,
    limit: usize,
    out: &mut Vec<u8>,
) -> Encoded {
    let as_bytes = protocol == Protocol::V3Binary && packets.clone().any(|(binary, _)| binary);
    let start = out.len();
    let mut taken = 0;
    for (binary, packet) in packets {
        let before = out.len();
        match protocol {
            _ if as_bytes => v3_bytes(binary, packet, out),
            Protocol::V4 => v4(taken == 0, binary, packet, out),
            Protocol::V3Text | Protocol::V3Binary => v3_text(binary, packet, out),
        }
        if taken > 0 && out.len() - start > limit {
            out.truncate(before);
            break;
        }
        taken += 1;
    }
    Encoded { taken, content_type: if as_bytes { BYTES } else { TEXT } }
}

fn v4(first: bool, binary: bool, packet: &[u8], out: &mut Vec<u8>) {
    if !first {
        out.push(SEPARATOR);
    }
    if binary {
        out.extend_from_slice(base64(Packet::Binary, packet).as_bytes());
    } else {
        out.extend_from_slice(packet);
    }
}

/// `<length>:<packet>`, the length in UTF-16 units as JavaScript counts.
fn v3_text(binary: bool, packet: &[u8], out: &mut Vec<u8>) {
    if binary {
        let text = base64(Packet::BinaryV3, packet);
        number(text.len(), out);
        out.push(b':');
        out.extend_from_slice(text.as_bytes());
    } else if packet.is_ascii() {
        number(packet.len(), out);
        out.push(b':');
        out.extend_from_slice(packet);
    } else {
        let text = escaped(&String::from_utf8_lossy(packet));
        number(text.encode_utf16().count(), out);
        out.push(b':');
        out.extend_from_slice(text.as_bytes());
    }
}

/// `00|01 <digits of the length, each a byte 0 to 9> ff <packet>`, the length in bytes.
fn v3_bytes(binary: bool, packet: &[u8], out: &mut Vec<u8>) {
    out.push(u8::from(binary));
    let digits = out.len();
    number(packet.len() + usize::from(binary), out);
    for digit in out.iter_mut().skip(digits) {
        *digit -= b'0';
    }
    out.push(0xff);
    if binary {
        // The packet type: message.
        out.push(4);
    }
    out.extend_from_slice(packet);
}

fn base64(packet: fn(Bytes) -> Packet, bytes: &[u8]) -> String {
    packet(Bytes::copy_from_slice(bytes)).into()
}

fn number(number: usize, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    write!(out, "{number}").ok();
}

/// The packet with every non-ASCII character of a JSON string as one or two `\uXXXX`.
fn escaped(packet: &str) -> String {
    let mut out = String::with_capacity(packet.len() * 2);
    let (mut in_string, mut after_backslash) = (false, false);
    for c in packet.chars() {
        if in_string && !c.is_ascii() {
            for unit in c.encode_utf16(&mut [0; 2]) {
                push_escape(*unit, &mut out);
            }
        } else {
            in_string ^= c == '"' && !after_backslash;
            out.push(c);
        }
        after_backslash = in_string && c == '\\' && !after_backslash;
    }
    out
}

fn push_escape(unit: u16, out: &mut String) {
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        let digit = u32::from(unit >> shift & 0xF);
        out.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
}
