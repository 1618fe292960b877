//! Payloads from clients.

use bytes::Bytes;
use engineioxide_core::{Packet, PacketParseError, ProtocolVersion, Str};

use super::{Protocol, SEPARATOR};

/// The most packets one payload may hold. Official clients put everything that waited into one payload.
pub const MAX_PACKETS: usize = 16_384;

/// The longest length field, in digits: more than any body has bytes.
const MAX_DIGITS: usize = 15;

/// How often a client encodes the text of Engine.IO 3 text payloads as UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextLayers {
    /// Not known. A packet that has no character beyond U+00FF, and whose characters taken as bytes are UTF-8
    /// with at least one multi-byte sequence, is taken as encoded twice.
    #[default]
    Unknown,
    /// Once: the 2.x clients and all other software that goes by the protocol document.
    One,
    /// Twice: the 1.x clients (engine.io-parser 1.3, which encodes each packet before the HTTP layer does).
    Two,
}

/// Why a payload is refused. Packets before the fault have been given out.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// There is nothing in it.
    #[error("the payload is empty")]
    Empty,
    /// It is not UTF-8, or not where it must be.
    #[error("the payload is not UTF-8")]
    NotUtf8,
    /// A length field is missing, not a number, or points beyond the end or into a character.
    #[error("a packet length is wrong")]
    Length,
    /// More than [`MAX_PACKETS`].
    #[error("the payload holds too many packets")]
    TooMany,
    /// A binary packet that is not a message.
    #[error("a binary packet is not a message")]
    BinaryType,
    /// One packet is not what Engine.IO knows.
    #[error("{0}")]
    Packet(PacketParseError),
}

/// Reads the packets of a whole body, one by one. Engine.IO 3 bodies tell by their first byte whether they are
/// text or bytes, so for [`decode`] `V3Text` and `V3Binary` are the same.
///
/// `layers` matters for Engine.IO 3 text only.
#[must_use]
pub fn decode(protocol: Protocol, layers: TextLayers, body: &[u8]) -> Packets<'_> {
    let rest = match (protocol, body.first()) {
        (_, None) => Rest::Fault(Malformed::Empty),
        (Protocol::V3Text | Protocol::V3Binary, Some(0 | 1)) => Rest::V3Bytes(body),
        (Protocol::V3Text | Protocol::V3Binary, _) => std::str::from_utf8(body)
            .map_or(Rest::Fault(Malformed::NotUtf8), |text| Rest::V3Text(text, layers)),
        (Protocol::V4, _) => std::str::from_utf8(body).map_or(Rest::Fault(Malformed::NotUtf8), Rest::V4),
    };
    Packets { rest, count: 0 }
}

/// The packets of a payload. After an error there is nothing more.
#[derive(Debug)]
pub struct Packets<'a> {
    rest: Rest<'a>,
    count: usize,
}

#[derive(Debug)]
enum Rest<'a> {
    V4(&'a str),
    V3Text(&'a str, TextLayers),
    V3Bytes(&'a [u8]),
    Fault(Malformed),
    Done,
}

impl Iterator for Packets<'_> {
    type Item = Result<Packet, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let (packet, rest) = match std::mem::replace(&mut self.rest, Rest::Done) {
            Rest::Done => return None,
            Rest::Fault(fault) => return Some(Err(fault)),
            Rest::V4(text) => next_v4(text),
            Rest::V3Text(text, layers) => next_v3_text(text, layers)?,
            Rest::V3Bytes(bytes) => next_v3_bytes(bytes)?,
        };
        self.count += 1;
        if self.count > MAX_PACKETS {
            return Some(Err(Malformed::TooMany));
        }
        if packet.is_ok() {
            self.rest = rest;
        }
        Some(packet)
    }
}

type Step<'a> = (Result<Packet, Malformed>, Rest<'a>);

fn fault<'a>(fault: Malformed) -> Step<'a> {
    (Err(fault), Rest::Done)
}

fn next_v4(text: &str) -> Step<'_> {
    let (packet, rest) = match text.split_once(char::from(SEPARATOR)) {
        Some((packet, rest)) => (packet, Rest::V4(rest)),
        None => (text, Rest::Done),
    };
    (parse(ProtocolVersion::V4, packet), rest)
}

/// Packets of no length are passed over, as the official parsers do (`0:` is their empty payload).
fn next_v3_text(mut text: &str, layers: TextLayers) -> Option<Step<'_>> {
    while !text.is_empty() {
        let Some((units, rest)) = text_length(text) else { return Some(fault(Malformed::Length)) };
        let Some((packet, rest)) = split_units(rest, units) else { return Some(fault(Malformed::Length)) };
        if !packet.is_empty() {
            let packet = match undo_second_layer(packet, layers) {
                Ok(Some(once)) => parse(ProtocolVersion::V3, once),
                Ok(None) => parse(ProtocolVersion::V3, packet),
                Err(malformed) => Err(malformed),
            };
            return Some((packet, Rest::V3Text(rest, layers)));
        }
        text = rest;
    }
    None
}

fn text_length(text: &str) -> Option<(usize, &str)> {
    let colon = text.bytes().take(MAX_DIGITS + 1).position(|byte| byte == b':')?;
    let (digits, rest) = text.split_at_checked(colon)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, rest.strip_prefix(':')?))
}

/// Splits after a number of UTF-16 units; `None` beyond the end and inside a surrogate pair.
fn split_units(text: &str, units: usize) -> Option<(&str, &str)> {
    if text.as_bytes().get(..units)?.is_ascii() {
        return text.split_at_checked(units);
    }
    let mut left = units;
    for (at, c) in text.char_indices() {
        if left == 0 {
            return text.split_at_checked(at);
        }
        left = left.checked_sub(c.len_utf16())?;
    }
    (left == 0).then_some((text, ""))
}

/// The packet with one layer of UTF-8 taken off, if it has two.
fn undo_second_layer(packet: &str, layers: TextLayers) -> Result<Option<String>, Malformed> {
    if layers == TextLayers::One || packet.is_ascii() {
        return Ok(None);
    }
    let once: Option<Vec<u8>> = packet.chars().map(|c| u8::try_from(c).ok()).collect();
    match once.and_then(|bytes| String::from_utf8(bytes).ok()) {
        None if layers == TextLayers::Two => Err(Malformed::NotUtf8),
        once => Ok(once),
    }
}

fn next_v3_bytes(bytes: &[u8]) -> Option<Step<'_>> {
    let (&kind, rest) = bytes.split_first()?;
    let Some((length, rest)) = byte_length(rest) else { return Some(fault(Malformed::Length)) };
    let Some((packet, rest)) = rest.split_at_checked(length) else { return Some(fault(Malformed::Length)) };
    let packet = match (kind, packet) {
        (0, text) => std::str::from_utf8(text)
            .map_err(|_| Malformed::NotUtf8)
            .and_then(|text| parse(ProtocolVersion::V3, text)),
        (1, [4, attachment @ ..]) => Ok(Packet::BinaryV3(Bytes::copy_from_slice(attachment))),
        _ => Err(Malformed::BinaryType),
    };
    Some((packet, Rest::V3Bytes(rest)))
}

/// Digits as bytes 0 to 9, ended by 255.
fn byte_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().take(MAX_DIGITS + 1).position(|&byte| byte == 0xff)?;
    let (digits, rest) = bytes.split_at_checked(end)?;
    if digits.is_empty() || digits.iter().any(|&digit| digit > 9) {
        return None;
    }
    let length = digits.iter().fold(0, |number, &digit| number * 10 + usize::from(digit));
    Some((length, rest.get(1..)?))
}

fn parse(version: ProtocolVersion, packet: impl AsRef<str>) -> Result<Packet, Malformed> {
    Packet::parse(version, Str::copy_from_slice(packet.as_ref())).map_err(Malformed::Packet)
}
