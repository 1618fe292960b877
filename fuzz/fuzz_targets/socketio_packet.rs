//! Text packets of Socket.IO, without the `4` of Engine.IO.
//!
//! What is taken is what the parser of socketioxide reads, less what no official client sends; what was read can be written
//! and is read again as the same; an acknowledgement id is resolved to the newest number it can mean.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom::domain::{AckId, Seq};
use postroom::transport::socketio::packet::{
    MAX_ID, MAX_NAMESPACE, Packet, Protocol, ack, connect, disconnect, event, parse,
};
use serde::de::IgnoredAny;
use serde_json::Value as Json;
use socketioxide_core::packet::PacketData;
use socketioxide_core::parser::{Parse, ParseConfig, ParserState};
use socketioxide_core::{Str, Value};
use socketioxide_parser_common::CommonParser;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let packet = parse(text);
    if let Ok(packet) = packet {
        is_as_it_should(&packet);
        comes_back(&packet);
    }
    if !matches!(packet, Ok(Packet::Binary)) {
        let ours = packet.ok().and_then(|packet| seen(&packet));
        let theirs = reference(text);
        match theirs.as_ref().map(|found| acceptable(found, text)) {
            Some(None) => {}
            Some(Some(true)) => assert_eq!(ours, theirs),
            Some(Some(false)) | None => assert_eq!(ours, None, "{theirs:?}"),
        }
    }
});

type Seen = (u8, String, Option<i64>, String);

fn is_as_it_should(packet: &Packet<'_>) {
    let namespace = match packet {
        Packet::Connect { namespace, .. } | Packet::Disconnect { namespace } => namespace,
        Packet::Event { namespace, .. } | Packet::Ack { namespace, .. } => namespace,
        Packet::Binary => "/",
    };
    assert!(namespace.starts_with('/') && namespace.len() <= MAX_NAMESPACE);
    if let Packet::Ack { id, .. } = packet {
        assert!(*id <= MAX_ID);
        resolves(*id);
    }
}

fn resolves(id: u64) {
    let Some(ack) = AckId::from_wire(id) else { return };
    assert_eq!(u64::from(ack.get()), id);
    for last in [0, id & 0xff, id, id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1] {
        let Some(Seq(seq)) = ack.resolve(Seq(last)) else { continue };
        assert!(seq <= last && last - seq < 1 << 30 && (seq ^ id) & ((1 << 30) - 1) == 0);
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn comes_back(packet: &Packet<'_>) {
    let text = match *packet {
        Packet::Event { namespace, id, json } => written(|out| event(out, namespace, id, json.as_bytes())),
        Packet::Ack { namespace, id, json } => written(|out| ack(out, namespace, id, json.as_bytes())),
        Packet::Disconnect { namespace } => written(|out| disconnect(out, Protocol::V5, namespace)),
        Packet::Connect { namespace, .. } => {
            // The server's own: what it says comes as the payload.
            let text = written(|out| connect(out, Protocol::V5, namespace, "\"\u{1}é"));
            let Ok(Packet::Connect { namespace: back, auth, .. }) = parse(&text) else { panic!("{text}") };
            let auth: Json = serde_json::from_str(auth.unwrap()).unwrap();
            assert_eq!((back, auth["sid"].as_str()), (namespace, Some("\"\u{1}é")));
            return;
        }
        Packet::Binary => return,
    };
    assert_eq!(parse(&text).as_ref(), Ok(packet), "{text}");
}

/// What the parser of the crate makes of it: kind, namespace, id, rest.
fn reference(text: &str) -> Option<Seen> {
    let state = ParserState::default();
    let packet = CommonParser.decode_str(&ParseConfig::default(), &state, Str::copy_from_slice(text)).ok()?;
    let json = |value: Value| value.as_str().map(ToString::to_string).unwrap_or_default();
    let namespace = packet.ns.to_string();
    match packet.inner {
        PacketData::Connect(value) => Some((0, namespace, None, value.map(json).unwrap_or_default())),
        PacketData::Disconnect => Some((1, namespace, None, String::new())),
        PacketData::Event(value, id) => Some((2, namespace, id, json(value))),
        PacketData::EventAck(value, id) => Some((3, namespace, Some(id), json(value))),
        _ => None,
    }
}

fn seen(packet: &Packet<'_>) -> Option<Seen> {
    let signed = |id: u64| i64::try_from(id).unwrap();
    match *packet {
        Packet::Connect { namespace, query, auth, .. } => {
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            Some((0, format!("{namespace}{query}"), None, auth.unwrap_or_default().into()))
        }
        Packet::Disconnect { namespace } => Some((1, namespace.into(), None, String::new())),
        Packet::Event { namespace, id, json } => Some((2, namespace.into(), id.map(signed), json.into())),
        Packet::Ack { namespace, id, json } => Some((3, namespace.into(), Some(signed(id)), json.into())),
        Packet::Binary => None,
    }
}

/// What is asked beyond that, said with `serde_json`'s tree. `None` where that tree cannot say it: JavaScript reads lone
/// surrogates and numbers beyond every range, and so they pass here, but they have no place in it.
fn acceptable((kind, namespace, id, json): &Seen, text: &str) -> Option<bool> {
    let value = match serde_json::from_str::<Json>(json) {
        Ok(value) => Some(value),
        Err(error) if error.to_string().starts_with("recursion limit") => None,
        Err(_) if serde_json::from_str::<IgnoredAny>(json).is_ok() => return None,
        Err(_) => None,
    };
    let fits = match kind {
        0 => json.is_empty() || json.starts_with('{') && value.is_some(),
        1 => true,
        2 => {
            let first = value.as_ref().and_then(|value| value.get(0));
            json.starts_with('[') && first.is_some_and(|first| first.is_string() || first.is_number())
        }
        _ => json.starts_with('[') && value.is_some(),
    };
    let name = if *kind == 0 { namespace.split('?').next().unwrap_or_default() } else { namespace };
    let whole = match id {
        None => is_all(*kind, namespace, json, text),
        Some(id) => (0..=MAX_ID.cast_signed()).contains(id),
    };
    Some(fits && whole && name.len() <= MAX_NAMESPACE)
}

/// Whether a packet without id holds nothing that the crate's parser passes over: an id where none can be, an id that is
/// too great for it, anything behind a DISCONNECT.
fn is_all(kind: u8, namespace: &str, json: &str, text: &str) -> bool {
    text == format!("{kind}{namespace},{json}")
        || namespace == "/" && text == format!("{kind}{json}")
        || json.is_empty() && text == format!("{kind}{namespace}")
}
