//! Packets with attachments: text with placeholders, then as many binary messages.

use std::time::Duration;

use bytes::Bytes;
use socketioxide_core::packet::{Packet, PacketData};
use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserState};
use socketioxide_core::{Str, Value};
use socketioxide_parser_common::CommonParser;

use super::head::Head;
use super::{Malformed, json};

/// What one binary packet may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentLimits {
    /// Attachments.
    pub count: usize,
    /// Bytes of all attachments together.
    pub bytes: usize,
    /// How long they may take, all together.
    pub time: Duration,
}

impl Default for AttachmentLimits {
    /// 100 attachments, 1,000,000 bytes, one minute.
    fn default() -> Self {
        Self { count: 100, bytes: 1_000_000, time: Duration::from_mins(1) }
    }
}

/// A whole event or acknowledgement with its attachments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryPacket {
    /// The namespace.
    pub namespace: Box<str>,
    /// Whether it is an acknowledgement; an event otherwise.
    pub is_ack: bool,
    /// The acknowledgement id; an acknowledgement always has one.
    pub id: Option<u64>,
    /// The JSON array. `{"_placeholder":true,"num":n}` stands for attachment `n`, and all of them exist.
    pub json: Box<str>,
    /// In the order they came.
    pub attachments: Vec<Bytes>,
}

/// What a binary packet's text begins.
#[derive(Debug)]
pub enum Opened {
    /// It has no attachments.
    Whole(BinaryPacket),
    /// Its attachments must be the next messages; text before they are whole is a violation.
    Waiting(Box<Reassembly>),
}

/// A binary packet that waits for its attachments.
#[derive(Debug)]
pub struct Reassembly {
    state: ParserState,
    config: ParseConfig,
}

impl Reassembly {
    /// Begins with the text of a binary packet (type 5 or 6).
    ///
    /// # Errors
    /// [`Malformed`], also when it announces more attachments than the limit.
    pub fn open(text: &str, limits: AttachmentLimits) -> Result<Opened, Malformed> {
        check(text, limits)?;
        let opened = Self {
            state: ParserState::default(),
            config: ParseConfig {
                max_incoming_binary_buf_size: limits.bytes,
                max_incoming_binaries: limits.count,
                packet_completion_timeout: limits.time,
            },
        };
        let step = CommonParser.decode_str(&opened.config, &opened.state, Str::copy_from_slice(text));
        match finish(step)? {
            Some(packet) => Ok(Opened::Whole(packet)),
            None => Ok(Opened::Waiting(Box::new(opened))),
        }
    }

    /// Adds the next attachment; the last one completes the packet.
    ///
    /// # Errors
    /// [`Malformed`] when a limit is passed.
    pub fn add(&mut self, attachment: &[u8]) -> Result<Option<BinaryPacket>, Malformed> {
        let attachment = Bytes::copy_from_slice(attachment);
        finish(CommonParser.decode_bin(&self.config, &self.state, attachment))
    }
}

/// What the parser of the crate does not check.
fn check(text: &str, limits: AttachmentLimits) -> Result<(), Malformed> {
    let head = Head::parse(text)?;
    if head.attachments > limits.count {
        return Err(Malformed::Attachments);
    }
    match head.kind {
        b'5' => json::event(head.body)?,
        b'6' if head.id.is_none() => return Err(Malformed::Id),
        b'6' => json::array(head.body)?,
        _ => return Err(Malformed::Type),
    }
    json::placeholders(head.body, head.attachments)
}

fn finish(step: Result<Packet, ParseError>) -> Result<Option<BinaryPacket>, Malformed> {
    let packet = match step {
        Ok(packet) => packet,
        Err(ParseError::NeedsMoreBinaryData) => return Ok(None),
        Err(ParseError::TimeoutWhileWaitingAttachments) => return Err(Malformed::Late),
        Err(ParseError::UnexpectedBinaryPacket) => return Err(Malformed::Unexpected),
        Err(_) => return Err(Malformed::Attachments),
    };
    let (is_ack, value, id) = match packet.inner {
        PacketData::BinaryEvent(value, id) => (false, value, id),
        PacketData::BinaryAck(value, id) => (true, value, Some(id)),
        _ => return Err(Malformed::Type),
    };
    let Value::Str(json, attachments) = value else { return Err(Malformed::Payload) };
    Ok(Some(BinaryPacket {
        namespace: packet.ns.as_str().into(),
        is_ack,
        id: id.and_then(|id| u64::try_from(id).ok()),
        json: json.as_str().into(),
        attachments: attachments.unwrap_or_default().into(),
    }))
}
