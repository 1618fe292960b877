//! Polling payloads of Engine.IO 3 and 4. The first byte says how the rest is to be read: `4` for protocol 4, `3` for
//! protocol 3, `1` and `2` for protocol 3 with its text encoded once or twice.
//!
//! What is read is bounded, nothing comes after a fault, protocol 4 agrees with engineioxide-core packet by packet, and what
//! is written is read back as it was, whatever the limit of a payload.
#![no_main]

use engineioxide_core::{Packet, ProtocolVersion, Str};
use libfuzzer_sys::fuzz_target;
use postroom::transport::engine::payload::{MAX_PACKETS, Malformed, Protocol, TextLayers, decode, encode};

fuzz_target!(|data: &[u8]| {
    let Some((kind, body)) = data.split_first() else { return };
    let (protocol, layers) = match kind {
        b'4' => (Protocol::V4, TextLayers::Unknown),
        b'3' => (Protocol::V3Text, TextLayers::Unknown),
        b'1' => (Protocol::V3Text, TextLayers::One),
        b'2' => (Protocol::V3Text, TextLayers::Two),
        _ => return,
    };
    let read: Vec<_> = decode(protocol, layers, body).collect();
    let faults = read.iter().filter(|packet| packet.is_err()).count();
    assert!(read.len() <= MAX_PACKETS + 1 && faults <= 1, "goes on behind a fault");
    assert!(faults == 0 || read.last().is_some_and(Result::is_err));
    if protocol == Protocol::V4 {
        agrees_with_the_crate(body, &read);
    }
    let packets: Vec<Packet> = read.into_iter().flatten().collect();
    assert!(packets.iter().map(weight).sum::<usize>() <= body.len(), "more came out than went in");
    // What separates packets of protocol 4 stands in no JSON, and so in nothing that is sent.
    let separable =
        !packets.iter().any(|packet| matches!(packet, Packet::Message(text) if text.contains('\x1e')));
    for protocol in [Protocol::V4, Protocol::V3Text, Protocol::V3Binary] {
        if protocol == Protocol::V4 && !separable {
            continue;
        }
        comes_back(protocol, &packets, usize::MAX);
        comes_back(protocol, &packets, body.len() / 2);
    }
});

fn agrees_with_the_crate(body: &[u8], read: &[Result<Packet, Malformed>]) {
    let Ok(text) = std::str::from_utf8(body) else {
        assert!(matches!(read, [Err(_)]), "not UTF-8");
        return;
    };
    if text.is_empty() {
        assert!(matches!(read, [Err(Malformed::Empty)]));
        return;
    }
    let mut ours = read.iter();
    for piece in text.split('\x1e').take(MAX_PACKETS) {
        let theirs = Packet::parse(ProtocolVersion::V4, Str::copy_from_slice(piece));
        match (ours.next(), theirs) {
            (Some(Ok(ours)), Ok(theirs)) => assert_eq!(*ours, theirs),
            (Some(Err(_)), Err(_)) => return,
            (ours, theirs) => panic!("{piece:?}: {ours:?} and {theirs:?}"),
        }
    }
}

fn weight(packet: &Packet) -> usize {
    match packet {
        Packet::Message(text) => text.len(),
        Packet::Binary(bytes) | Packet::BinaryV3(bytes) => bytes.len(),
        _ => 1,
    }
}

/// As the engine hands a packet to the encoder: a whole text packet, or the bare bytes.
fn handed_over(packet: &Packet) -> (bool, Vec<u8>) {
    match packet {
        Packet::Binary(bytes) | Packet::BinaryV3(bytes) => (true, bytes.to_vec()),
        other => (false, String::from(other.clone()).into_bytes()),
    }
}

/// Written in as many payloads as it takes, and read again.
fn comes_back(protocol: Protocol, packets: &[Packet], limit: usize) {
    let handed: Vec<(bool, Vec<u8>)> = packets.iter().map(handed_over).collect();
    let (mut rest, mut back) = (handed.as_slice(), Vec::new());
    while !rest.is_empty() {
        let mut out = b"before".to_vec();
        let pairs = rest.iter().map(|(binary, bytes)| (*binary, bytes.as_slice()));
        let done = encode(protocol, pairs, limit, &mut out);
        let body = out.strip_prefix(b"before").unwrap();
        assert!(done.taken > 0 && (done.taken == 1 || body.len() <= limit), "beyond its limit");
        back.extend(decode(protocol, TextLayers::One, body).map(|packet| handed_over(&packet.unwrap())));
        rest = &rest[done.taken..];
    }
    assert_eq!(handed.len(), back.len());
    for (sent, got) in handed.iter().zip(&back) {
        assert!(sent == got || same_json(protocol, sent, got), "{protocol:?}: {sent:?} became {got:?}");
    }
}

/// Texts of protocol 3 have what is not ASCII in quotes as `\uXXXX`: another spelling of the same.
fn same_json(protocol: Protocol, sent: &(bool, Vec<u8>), got: &(bool, Vec<u8>)) -> bool {
    if protocol == Protocol::V4 || sent.0 || got.0 {
        return false;
    }
    let texts = [&sent.1, &got.1].map(|bytes| std::str::from_utf8(bytes).unwrap());
    let [sent, got] = texts.map(spelled_out);
    sent == got
}

/// What is not ASCII written as `\uXXXX` wherever it stands.
fn spelled_out(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}
