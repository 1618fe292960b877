//! WebSocket frames from a client. The first byte says how long messages may be, the second how the stream is cut.
//!
//! However the stream is cut, the same comes out of it as when it comes whole; and that is what tungstenite reads. What is
//! held for what is unfinished is bounded by what has come, not by what was announced.
#![no_main]

use std::io::{Cursor, Read, Write};
use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use postroom::transport::engine::websocket::{Decoder, Incoming, Violation};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// What a decoder may hold besides payload: the unfinished head and its place.
const BESIDES: usize = 512;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

fuzz_target!(|data: &[u8]| {
    let [size, cut, stream @ ..] = data else { return };
    let limit = [16, 125, 126, 1000, 70_000][usize::from(*size) % 5];
    let whole = decode(limit, stream, usize::MAX);
    assert_eq!(whole, decode(limit, stream, 1), "byte by byte");
    assert_eq!(whole, decode(limit, stream, usize::from(*cut).max(1)), "in pieces of {cut}");
    agrees_with_tungstenite(limit, stream, &whole);
});

fn decode(limit: usize, stream: &[u8], piece: usize) -> (Vec<Heard>, Result<bool, Violation>) {
    let (mut decoder, mut heard, mut came) = (Decoder::new(limit), Vec::new(), 0);
    for piece in stream.chunks(piece.min(stream.len()).max(1)) {
        let read = decoder.read(&mut piece.to_vec(), &mut |incoming| {
            heard.push(owned(incoming));
            ControlFlow::Continue(())
        });
        came += piece.len();
        let held = decoder.held();
        assert!(held <= limit.min(2 * came) + 2 * 125 + BESIDES, "{held} bytes for {came}");
        match read {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return (heard, Ok(true)),
            Err(violation) => return (heard, Err(violation)),
        }
    }
    (heard, Ok(false))
}

fn owned(incoming: Incoming<'_>) -> Heard {
    match incoming {
        Incoming::Text(text) => Heard::Text(text.to_owned()),
        Incoming::Binary(bytes) => Heard::Binary(bytes.to_vec()),
        Incoming::Ping(bytes) => Heard::Ping(bytes.to_vec()),
        Incoming::Pong(bytes) => Heard::Pong(bytes.to_vec()),
        Incoming::Close { code, reason } => Heard::Close(code, reason.to_owned()),
    }
}

/// A socket on which all of the stream has come, and that takes whatever is sent.
struct Socket(Cursor<Vec<u8>>);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn agrees_with_tungstenite(limit: usize, stream: &[u8], ours: &(Vec<Heard>, Result<bool, Violation>)) {
    // Its limit for frames is for control frames as well, which may have 125 bytes however short messages are.
    let frame = limit.max(125);
    let config = WebSocketConfig::default().max_message_size(Some(limit)).max_frame_size(Some(frame));
    let socket = Socket(Cursor::new(stream.to_vec()));
    let mut socket = WebSocket::from_raw_socket(socket, Role::Server, Some(config));
    let mut theirs = Vec::new();
    // A close, an error and the end of the stream all end it.
    while let Ok(message) = socket.read() {
        theirs.push(match message {
            Message::Text(text) => Heard::Text(text.to_string()),
            Message::Binary(bytes) => Heard::Binary(bytes.to_vec()),
            Message::Ping(bytes) => Heard::Ping(bytes.to_vec()),
            Message::Pong(bytes) => Heard::Pong(bytes.to_vec()),
            Message::Close(_) | Message::Frame(_) => break,
        });
    }
    let (heard, end) = ours;
    let messages = heard.iter().filter(|heard| !matches!(heard, Heard::Close(..)));
    let messages: Vec<&Heard> = messages.collect();
    let mut theirs: Vec<&Heard> = theirs.iter().collect();
    // An empty ping whose length is written in eight bytes: it takes that, against RFC 6455 §5.2 and §5.5.
    if matches!(end, Err(violation) if violation.text.starts_with("a control frame is longer")) {
        theirs.truncate(messages.len());
    }
    assert_eq!(messages, theirs, "{end:?}");
}
