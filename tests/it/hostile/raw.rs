//! A client without manners: it writes the bytes it likes, on threads of its own.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::client::Dial;

/// No read or write of an attacker waits longer.
const STEP: Duration = Duration::from_secs(5);

/// Opcodes of frames.
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const PING: u8 = 9;

/// A whole frame with a mask that changes nothing.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(0x80 | opcode, payload.len() as u64);
    bytes.extend_from_slice(payload);
    bytes
}

/// The head of a frame: first byte, and the length it states.
pub fn head(first: u8, len: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match len {
        0..=125 => bytes.push(0x80 | len as u8),
        126..=65_535 => {
            bytes.push(0xFE);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0xFF);
            bytes.extend_from_slice(&len.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

/// A request for a WebSocket.
pub fn upgrade(url: &str) -> Vec<u8> {
    format!(
        "GET {url} HTTP/1.1\r\nHost: gateway.invalid\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    .into_bytes()
}

/// One TCP connection.
pub struct Raw {
    pub stream: TcpStream,
}

impl Raw {
    pub fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(STEP)).unwrap();
        stream.set_write_timeout(Some(STEP)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// A WebSocket; the open packet is read.
    pub fn socket(port: u16, dial: &Dial) -> Self {
        let mut raw = Self::open(port);
        assert!(raw.write(&upgrade(&dial.url("websocket"))));
        raw.read_until(b"\"pingTimeout\"");
        raw
    }

    /// Whether everything could be written.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// A text packet of Engine.IO.
    pub fn say(&mut self, packet: &str) -> bool {
        self.write(&frame(TEXT, packet.as_bytes()))
    }

    /// Reads until this has come.
    pub fn read_until(&mut self, text: &[u8]) -> Vec<u8> {
        let (mut seen, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        while !seen.windows(text.len()).any(|window| window == text) {
            let count = self.stream.read(&mut buffer).unwrap();
            assert!(count > 0, "ended after {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&buffer[..count]);
        }
        seen
    }

    /// Whether the other side ends the connection within the time; what comes meanwhile is thrown away.
    pub fn ends_within(&mut self, limit: Duration) -> bool {
        let (end, mut buffer) = (Instant::now() + limit, vec![0; 64 * 1024]);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return false;
                }
                Err(_) => return true,
            }
        }
    }

    /// Reads on a thread of its own and throws away, until this comes or the end; how many bytes came.
    pub fn drain(&self, until: &'static [u8]) -> std::thread::JoinHandle<usize> {
        let mut stream = self.stream.try_clone().unwrap();
        std::thread::spawn(move || {
            let (mut all, mut kept, mut buffer) = (0, 0, vec![0; 256 * 1024]);
            while let Ok(count @ 1..) = stream.read(&mut buffer[kept..]) {
                all += count;
                let seen = kept + count;
                if buffer[..seen].windows(until.len()).any(|window| window == until) {
                    break;
                }
                // It may have come in two pieces.
                kept = seen.min(until.len() - 1);
                buffer.copy_within(seen - kept..seen, 0);
            }
            all
        })
    }

    /// Writes the same chunk again and again; how often it was taken.
    pub fn flood(&mut self, chunk: &[u8], times: usize) -> usize {
        (0..times).take_while(|_| self.write(chunk)).count()
    }
}
