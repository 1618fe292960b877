//! One client's side of a connection: what it answers to what it reads.

use std::rc::Rc;

use super::frame::{self, Frame};
use super::mark;

/// How messages are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Carrier {
    /// Socket.IO 5 over Engine.IO 4 over WebSocket.
    Socketio,
    /// A WebSocket whose messages are the messages.
    WebsocketRaw,
}

/// What all clients of a crowd have in common.
#[derive(Debug)]
pub struct Guise {
    /// How messages are carried.
    pub carrier: Carrier,
    /// The path of the upgrade; `{n}` is the number of the client.
    pub path: String,
    /// What stands before each packet of the namespace, such as `/plain,`.
    pub namespace: String,
    /// Whether to answer ack ids.
    pub acks: bool,
}

impl Guise {
    /// The upgrade request of client `number`.
    fn request(&self, number: u32) -> Vec<u8> {
        let path = self.path.replace("{n}", &number.to_string());
        let query = match self.carrier {
            Carrier::Socketio => "?EIO=4&transport=websocket",
            Carrier::WebsocketRaw => "",
        };
        format!(
            "GET {path}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .into_bytes()
    }
}

/// What came in with some bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Let in: from now on messages come.
    pub joined: bool,
    /// Turned away.
    pub refused: bool,
    /// The server has ended the conversation.
    pub over: bool,
    /// Messages.
    pub delivered: u32,
    /// Of them, how many are acknowledged by what is in `out` now.
    pub acked: u32,
    /// Packets with several messages.
    pub batches: u32,
}

/// One client's side of a connection.
#[derive(Debug)]
pub struct Dialog {
    guise: Rc<Guise>,
    number: u32,
    upgraded: bool,
    /// The beginning of something that is not whole yet.
    rest: Vec<u8>,
    /// The parts of a message that came so far.
    parts: Vec<u8>,
    /// What is to be written.
    pub out: Vec<u8>,
}

impl Dialog {
    /// Begins: `out` holds the upgrade request.
    pub fn new(guise: Rc<Guise>, number: u32) -> Self {
        let out = guise.request(number);
        Self { guise, number, upgraded: false, rest: Vec::new(), parts: Vec::new(), out }
    }

    /// Takes what was read. Calls `sent` with the time of every message in it, and puts answers into `out`.
    pub fn feed(&mut self, bytes: &[u8], sent: &mut dyn FnMut(u64)) -> Heard {
        let mut heard = Heard::default();
        if self.rest.is_empty() {
            let left = self.eat(bytes, &mut heard, sent);
            self.rest.extend_from_slice(left);
        } else {
            let mut all = std::mem::take(&mut self.rest);
            all.extend_from_slice(bytes);
            let left = self.eat(&all, &mut heard, sent).len();
            all.drain(..all.len() - left);
            self.rest = all;
        }
        if self.rest.is_empty() {
            self.rest = Vec::new();
        }
        heard
    }

    /// Takes everything that is whole, and returns what is not.
    fn eat<'a>(&mut self, bytes: &'a [u8], heard: &mut Heard, sent: &mut dyn FnMut(u64)) -> &'a [u8] {
        let mut rest = bytes;
        if !self.upgraded {
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return rest };
            rest = bytes.get(end + 4..).unwrap_or_default();
            self.upgraded = bytes.starts_with(b"HTTP/1.1 101");
            heard.joined = self.upgraded && self.guise.carrier == Carrier::WebsocketRaw;
            if !self.upgraded {
                heard.over = true;
                return &[];
            }
        }
        while let Some((frame, behind)) = frame::split(rest) {
            self.take(&frame, heard, sent);
            rest = behind;
        }
        rest
    }

    fn take(&mut self, frame: &Frame<'_>, heard: &mut Heard, sent: &mut dyn FnMut(u64)) {
        match frame.opcode {
            frame::TEXT | frame::BINARY if frame.last => self.message(frame.payload, heard, sent),
            frame::TEXT | frame::BINARY | frame::CONTINUATION => {
                self.parts.extend_from_slice(frame.payload);
                if frame.last {
                    let whole = std::mem::take(&mut self.parts);
                    self.message(&whole, heard, sent);
                }
            }
            frame::PING => frame::write(&mut self.out, frame::PONG, frame.payload),
            frame::CLOSE => heard.over = true,
            _ => {}
        }
    }

    fn message(&mut self, text: &[u8], heard: &mut Heard, sent: &mut dyn FnMut(u64)) {
        if self.guise.carrier == Carrier::WebsocketRaw {
            heard.delivered += mark::read(text, sent);
            return;
        }
        match text {
            [b'0', ..] => self.connect(),
            [b'1', ..] => heard.over = true,
            [b'2', ..] => frame::write(&mut self.out, frame::TEXT, b"3"),
            [b'4', packet @ ..] => self.packet(packet, heard, sent),
            _ => {}
        }
    }

    fn connect(&mut self) {
        let (namespace, n) = (&self.guise.namespace, self.number);
        let packet = format!("40{namespace}{{\"token\":\"t{n}\",\"deviceId\":\"d{n}\"}}");
        frame::write(&mut self.out, frame::TEXT, packet.as_bytes());
    }

    fn packet(&mut self, packet: &[u8], heard: &mut Heard, sent: &mut dyn FnMut(u64)) {
        let Some((kind, rest)) = packet.split_first() else { return };
        let Some(rest) = rest.strip_prefix(self.guise.namespace.as_bytes()).or(self.bare(rest)) else {
            return;
        };
        match kind {
            b'0' => heard.joined = true,
            b'1' => heard.over = true,
            b'2' => self.event(rest, heard, sent),
            b'4' => heard.refused = true,
            _ => {}
        }
    }

    /// A packet that carries nothing may leave out the comma behind its namespace.
    fn bare<'a>(&self, rest: &'a [u8]) -> Option<&'a [u8]> {
        (rest == self.guise.namespace.trim_end_matches(',').as_bytes()).then_some(&[])
    }

    fn event(&mut self, rest: &[u8], heard: &mut Heard, sent: &mut dyn FnMut(u64)) {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let Some((id, json)) = rest.split_at_checked(digits) else { return };
        let delivered = mark::read(json, sent);
        heard.delivered += delivered;
        heard.batches += u32::from(json.starts_with(b"[\"_batch\""));
        if !id.is_empty() && self.guise.acks {
            self.acknowledge(id);
            heard.acked += delivered;
        }
    }

    fn acknowledge(&mut self, id: &[u8]) {
        let mut packet = Vec::with_capacity(4 + self.guise.namespace.len() + id.len());
        packet.extend_from_slice(b"43");
        packet.extend_from_slice(self.guise.namespace.as_bytes());
        packet.extend_from_slice(id);
        packet.extend_from_slice(b"[]");
        frame::write(&mut self.out, frame::TEXT, &packet);
    }
}

#[cfg(test)]
mod tests;
