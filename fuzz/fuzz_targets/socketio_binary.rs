//! Binary packets of Socket.IO: the text up to the first line feed, then attachments, with `|` between them.
//!
//! A packet is whole when as many attachments have come as it announced, they come out in their order, every placeholder
//! has its attachment, and limits hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom::transport::socketio::packet::{
    AttachmentLimits, BinaryPacket, MAX_ID, Malformed, Opened, Reassembly,
};
use serde_json::Value;

const LIMITS: AttachmentLimits =
    AttachmentLimits { count: 10, bytes: 100, time: std::time::Duration::from_secs(3600) };

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (text, rest) = data.split_at(end);
    let Ok(text) = std::str::from_utf8(text) else { return };
    let attachments = rest.get(1..).map(|rest| rest.split(|byte| *byte == b'|'));
    match Reassembly::open(text, LIMITS) {
        Err(_) => {}
        Ok(Opened::Whole(packet)) => check(text, &packet, &[]),
        Ok(Opened::Waiting(reassembly)) => collect(text, *reassembly, attachments.into_iter().flatten()),
    }
});

fn collect<'a>(text: &str, mut reassembly: Reassembly, attachments: impl Iterator<Item = &'a [u8]>) {
    let announced: usize = text[1..].split_once('-').unwrap().0.parse().unwrap();
    assert!((1..=LIMITS.count).contains(&announced));
    let mut given: Vec<&[u8]> = Vec::new();
    for attachment in attachments {
        given.push(attachment);
        let bytes: usize = given.iter().map(|given| given.len()).sum();
        match reassembly.add(attachment) {
            Ok(None) => assert!(given.len() < announced && bytes <= LIMITS.bytes),
            Ok(Some(packet)) => {
                assert!(given.len() == announced && bytes <= LIMITS.bytes);
                check(text, &packet, &given);
                assert_eq!(reassembly.add(b"more"), Err(Malformed::Unexpected));
                return;
            }
            Err(error) => {
                assert!(error == Malformed::Attachments && bytes > LIMITS.bytes, "{error}");
                return;
            }
        }
    }
}

fn check(text: &str, packet: &BinaryPacket, given: &[&[u8]]) {
    assert_eq!(packet.is_ack, text.starts_with('6'));
    assert!(packet.namespace.starts_with('/') && text.ends_with(&*packet.json));
    assert!(packet.id.is_none_or(|id| id <= MAX_ID) && (packet.id.is_some() || !packet.is_ack));
    assert_eq!(packet.attachments, given);
    // What JavaScript alone can read is no tree here; it was looked through on the way in all the same.
    if let Ok(tree) = serde_json::from_str(&packet.json) {
        assert!(matches!(tree, Value::Array(_)));
        placeholders(&tree, given.len());
    }
}

fn placeholders(value: &Value, count: usize) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| placeholders(item, count)),
        Value::Object(fields) => {
            if fields.get("_placeholder") == Some(&Value::Bool(true)) {
                assert!(fields.get("num").and_then(Value::as_u64).is_some_and(|num| num < count as u64));
            }
            fields.values().for_each(|field| placeholders(field, count));
        }
        _ => {}
    }
}
