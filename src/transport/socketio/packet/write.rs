//! Packets for clients, appended to a buffer: the caller writes the `4` of Engine.IO before them. The root
//! namespace `/` is written as nothing.

use serde_json::value::RawValue;

/// The Socket.IO protocol of a client: it follows from its Engine.IO protocol (3 carries 4, 4 carries 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Clients 1.x and 2.x.
    V4,
    /// Clients 3.x and 4.x.
    V5,
}

/// The namespace was joined. Protocol 5 is told its session id there; protocol 4 has no body, and no comma, as
/// the servers 1.x wrote it and all clients of that protocol read it.
pub fn connect(out: &mut Vec<u8>, protocol: Protocol, namespace: &str, sid: &str) {
    match protocol {
        Protocol::V4 => bare(out, b'0', namespace),
        Protocol::V5 => {
            start(out, b'0', namespace);
            out.extend_from_slice(b"{\"sid\":");
            string(out, sid);
            out.push(b'}');
        }
    }
}

/// The namespace was not joined. `data` is a JSON value that only protocol 5 can carry.
pub fn connect_error(
    out: &mut Vec<u8>,
    protocol: Protocol,
    namespace: &str,
    message: &str,
    data: Option<&RawValue>,
) {
    start(out, b'4', namespace);
    match protocol {
        Protocol::V4 => string(out, message),
        Protocol::V5 => {
            out.extend_from_slice(b"{\"message\":");
            string(out, message);
            if let Some(data) = data {
                out.extend_from_slice(b",\"data\":");
                out.extend_from_slice(data.get().as_bytes());
            }
            out.push(b'}');
        }
    }
}

/// The session left the namespace.
pub fn disconnect(out: &mut Vec<u8>, protocol: Protocol, namespace: &str) {
    match protocol {
        Protocol::V4 => bare(out, b'1', namespace),
        Protocol::V5 => start(out, b'1', namespace),
    }
}

/// An event: `json` is its array `["name",...]`. With an id the client is asked to acknowledge.
pub fn event(out: &mut Vec<u8>, namespace: &str, id: Option<u64>, json: &[u8]) {
    start(out, b'2', namespace);
    finish(out, id, json);
}

/// The acknowledgement of a client's event: `json` is an array.
pub fn ack(out: &mut Vec<u8>, namespace: &str, id: u64, json: &[u8]) {
    start(out, b'3', namespace);
    finish(out, Some(id), json);
}

/// An event with attachments, which must follow as binary messages. `json` has their placeholders.
pub fn binary_event(out: &mut Vec<u8>, attachments: usize, namespace: &str, id: Option<u64>, json: &[u8]) {
    binary_start(out, b'5', attachments, namespace);
    finish(out, id, json);
}

/// An acknowledgement with attachments.
pub fn binary_ack(out: &mut Vec<u8>, attachments: usize, namespace: &str, id: u64, json: &[u8]) {
    binary_start(out, b'6', attachments, namespace);
    finish(out, Some(id), json);
}

fn bare(out: &mut Vec<u8>, kind: u8, namespace: &str) {
    out.push(kind);
    if namespace != "/" {
        out.extend_from_slice(namespace.as_bytes());
    }
}

fn start(out: &mut Vec<u8>, kind: u8, namespace: &str) {
    out.push(kind);
    with_comma(out, namespace);
}

fn binary_start(out: &mut Vec<u8>, kind: u8, attachments: usize, namespace: &str) {
    out.push(kind);
    number(out, attachments as u64);
    out.push(b'-');
    with_comma(out, namespace);
}

fn with_comma(out: &mut Vec<u8>, namespace: &str) {
    if namespace != "/" {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
}

fn finish(out: &mut Vec<u8>, id: Option<u64>, json: &[u8]) {
    if let Some(id) = id {
        number(out, id);
    }
    out.extend_from_slice(json);
}

/// Decimal digits, written backwards and turned round: several times faster than the formatting machinery.
fn number(out: &mut Vec<u8>, mut number: u64) {
    let start = out.len();
    loop {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    // A string always has JSON, and writing to a Vec cannot fail.
    serde_json::to_writer(out, text).ok();
}
