use std::time::Duration;

use proptest::prelude::*;
use socketioxide_core::packet::PacketData;
use socketioxide_core::parser::{Parse, ParseConfig, ParserState};
use socketioxide_core::{Str, Value};
use socketioxide_parser_common::CommonParser;

use super::*;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn packets_of_official_clients_are_read() {
    let connect = |namespace, query, auth, comma| Packet::Connect { namespace, query, auth, comma };
    let cases = [
        ("0", connect("/", None, None, false)),
        ("0/demo", connect("/demo", None, None, false)),
        ("0/demo,", connect("/demo", None, None, true)),
        ("0/demo?token=a%2Cb&x=/,", connect("/demo", Some("token=a%2Cb&x=/"), None, true)),
        ("0{\"a\":1}", connect("/", None, Some("{\"a\":1}"), false)),
        ("0/demo,{\"token\":\"t\"}", connect("/demo", None, Some("{\"token\":\"t\"}"), true)),
        ("1", Packet::Disconnect { namespace: "/" }),
        ("1/demo", Packet::Disconnect { namespace: "/demo" }),
        ("1/demo,", Packet::Disconnect { namespace: "/demo" }),
        ("2[\"a\"]", Packet::Event { namespace: "/", id: None, json: "[\"a\"]" }),
        ("212[1]", Packet::Event { namespace: "/", id: Some(12), json: "[1]" }),
        ("2/demo,0[ \"a\", {}]", Packet::Event { namespace: "/demo", id: Some(0), json: "[ \"a\", {}]" }),
        ("3/demo,17[]", Packet::Ack { namespace: "/demo", id: 17, json: "[]" }),
        ("39007199254740992[1]", Packet::Ack { namespace: "/", id: MAX_ID, json: "[1]" }),
        ("3/,5[]", Packet::Ack { namespace: "/", id: 5, json: "[]" }),
        ("51-[\"a\"]", Packet::Binary),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn hostile_packets_are_refused() {
    let long = format!("0/{}", "n".repeat(MAX_NAMESPACE));
    let cases = [
        ("", Malformed::Type),
        ("7", Malformed::Type),
        ("abc", Malformed::Type),
        ("é", Malformed::Type),
        ("4\"boom\"", Malformed::Type),
        // One of these ended the process of the original service.
        ("25\"x\"", Malformed::Payload),
        ("3/demo,5\"x\"", Malformed::Payload),
        ("2", Malformed::Payload),
        ("2[]", Malformed::Payload),
        ("2{}", Malformed::Payload),
        ("2abc", Malformed::Payload),
        ("2[{}]", Malformed::Payload),
        ("2[null]", Malformed::Payload),
        ("2[\"a\"", Malformed::Payload),
        ("2[\"a\"]x", Malformed::Payload),
        ("2[\"a\",]", Malformed::Payload),
        ("2[\"a\",01]", Malformed::Payload),
        ("2abc[\"a\"]", Malformed::Payload),
        ("0[]", Malformed::Payload),
        ("00", Malformed::Payload),
        ("05{}", Malformed::Payload),
        ("15", Malformed::Payload),
        ("0{", Malformed::Payload),
        ("0\"x\"", Malformed::Payload),
        ("1[]", Malformed::Payload),
        ("3[]", Malformed::Id),
        ("3/demo,[]", Malformed::Id),
        ("317", Malformed::Payload),
        ("317{}", Malformed::Payload),
        ("39007199254740993[]", Malformed::Id),
        ("399999999999999999999999[]", Malformed::Id),
        (long.as_str(), Malformed::Namespace),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
}

#[test]
fn json_is_as_deep_as_serde_can_read_and_no_deeper() {
    let nested = |depth: usize| format!("2[\"a\",{}{}]", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let deepest = nested(MAX_DEPTH);
    assert!(parse(&deepest).is_ok());
    assert!(serde_json::from_str::<serde_json::Value>(&deepest[1..]).is_ok());
    let too_deep = nested(MAX_DEPTH + 1);
    assert_eq!(parse(&too_deep), Err(Malformed::Payload));
    assert!(serde_json::from_str::<serde_json::Value>(&too_deep[1..]).is_err());
    let brackets = format!("2[\"{}\\\"[\"]", "[".repeat(300));
    assert!(parse(&brackets).is_ok(), "brackets in strings do not count");
}

#[test]
fn what_javascript_reads_is_not_refused() {
    for json in
        [r#"["\ud800"]"#, "[1e999]", "[-0.5e-3]", "[\"\u{2028}\"]", "[ 123456789012345678901234567890 ]"]
    {
        assert!(parse(&format!("2{json}")).is_ok(), "{json}");
    }
}

#[test]
fn packets_are_written_as_official_servers_write_them() {
    let sid = "abc";
    assert_eq!(written(|out| connect(out, Protocol::V4, "/", sid)), "0");
    assert_eq!(written(|out| connect(out, Protocol::V4, "/demo", sid)), "0/demo");
    assert_eq!(written(|out| connect(out, Protocol::V5, "/", sid)), "0{\"sid\":\"abc\"}");
    assert_eq!(written(|out| connect(out, Protocol::V5, "/demo", sid)), "0/demo,{\"sid\":\"abc\"}");
    let error = |protocol, namespace, data| {
        written(|out| connect_error(out, protocol, namespace, "Invalid \"x\"", data))
    };
    assert_eq!(error(Protocol::V4, "/demo", None), r#"4/demo,"Invalid \"x\"""#);
    assert_eq!(error(Protocol::V5, "/", None), r#"4{"message":"Invalid \"x\""}"#);
    let data = serde_json::value::to_raw_value(&1).unwrap();
    assert_eq!(error(Protocol::V5, "/demo", Some(&data)), r#"4/demo,{"message":"Invalid \"x\"","data":1}"#);
    assert_eq!(written(|out| disconnect(out, Protocol::V4, "/demo")), "1/demo");
    assert_eq!(written(|out| disconnect(out, Protocol::V5, "/demo")), "1/demo,");
    assert_eq!(written(|out| disconnect(out, Protocol::V5, "/")), "1");
    assert_eq!(written(|out| event(out, "/", None, b"[\"a\"]")), "2[\"a\"]");
    assert_eq!(written(|out| event(out, "/demo", Some(10), b"[\"a\"]")), "2/demo,10[\"a\"]");
    assert_eq!(written(|out| ack(out, "/demo", 0, b"[]")), "3/demo,0[]");
    assert_eq!(written(|out| binary_event(out, 2, "/", Some(7), b"[\"a\"]")), "52-7[\"a\"]");
    assert_eq!(
        written(|out| binary_ack(out, 1, "/demo", u64::MAX, b"[]")),
        format!("61-/demo,{}[]", u64::MAX)
    );
}

fn open(text: &str) -> Result<Opened, Malformed> {
    Reassembly::open(text, AttachmentLimits::default())
}

fn waiting(text: &str, limits: AttachmentLimits) -> Box<Reassembly> {
    match Reassembly::open(text, limits) {
        Ok(Opened::Waiting(reassembly)) => reassembly,
        other => panic!("{other:?}"),
    }
}

const TWO: &str = r#"52-/demo,7["a",{"x":[{"_placeholder":true,"num":1}]},{"num":0,"_placeholder":true}]"#;

#[test]
fn attachments_are_collected_in_order() {
    let mut reassembly = waiting(TWO, AttachmentLimits::default());
    assert_eq!(reassembly.add(&[1]).unwrap(), None);
    let packet = reassembly.add(&[2, 3]).unwrap().unwrap();
    assert_eq!((&*packet.namespace, packet.is_ack, packet.id), ("/demo", false, Some(7)));
    assert_eq!(&*packet.json, &TWO["52-/demo,7".len()..]);
    assert_eq!(packet.attachments, [vec![1], vec![2, 3]]);
    assert_eq!(reassembly.add(&[4]), Err(Malformed::Unexpected));
    let mut ack = waiting(r#"61-3[{"_placeholder":true,"num":0}]"#, AttachmentLimits::default());
    let packet = ack.add(&[]).unwrap().unwrap();
    assert_eq!((packet.is_ack, packet.id, packet.attachments.len()), (true, Some(3), 1));
    let Ok(Opened::Whole(packet)) = open("50-[\"a\"]") else { panic!("nothing to wait for") };
    assert_eq!((packet.id, packet.attachments.len()), (None, 0));
}

#[test]
fn wrong_binary_packets_are_refused() {
    for (text, expected) in [
        ("5[\"a\"]", Malformed::Attachments),
        ("5-[\"a\"]", Malformed::Attachments),
        ("5x-[\"a\"]", Malformed::Attachments),
        ("599999999999999999999999-[\"a\"]", Malformed::Attachments),
        ("5101-[\"a\"]", Malformed::Attachments),
        ("51-", Malformed::Payload),
        ("51-[]", Malformed::Payload),
        ("51-{}", Malformed::Payload),
        ("61-[]", Malformed::Id),
        ("61-1{}", Malformed::Payload),
        ("51-9007199254740993[\"a\"]", Malformed::Id),
        (r#"51-["a",{"_placeholder":true,"num":1}]"#, Malformed::Attachments),
        (r#"51-["a",{"_placeholder":true,"num":-1}]"#, Malformed::Attachments),
        (r#"51-["a",{"_placeholder":true,"num":"0"}]"#, Malformed::Attachments),
        (r#"51-["a",{"\u005fplaceholder":true}]"#, Malformed::Attachments),
        ("2[\"a\"]", Malformed::Type),
    ] {
        assert_eq!(open(text).err(), Some(expected), "{text}");
    }
    assert!(open(r#"51-["a",{"_placeholder":false,"num":9},null,true,1.5,-1,"x"]"#).is_ok());
}

#[test]
fn attachments_are_limited_in_size_and_time() {
    let limits = AttachmentLimits { bytes: 10, ..AttachmentLimits::default() };
    let mut reassembly = waiting(TWO, limits);
    assert_eq!(reassembly.add(&[0; 6]), Ok(None));
    assert_eq!(reassembly.add(&[0; 5]), Err(Malformed::Attachments));
    let limits = AttachmentLimits { time: Duration::ZERO, ..limits };
    assert_eq!(waiting(TWO, limits).add(&[0]), Err(Malformed::Late));
}

fn json() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[]".to_owned()),
        Just("[\"a\"]".to_owned()),
        any::<String>().prop_map(|text| serde_json::to_string(&("e", text)).unwrap()),
        any::<(i64, f64)>().prop_map(|pair| serde_json::to_string(&pair).unwrap()),
        "[\\[\\]{}\",:a0 ]{0,12}",
        Just(String::new()),
    ]
}

fn packet_text() -> impl Strategy<Value = String> {
    let namespace = prop_oneof![Just(String::new()), "/[a-zé]{0,5},", "/[a-zé?=]{0,5}"];
    let id = prop_oneof![Just(String::new()), any::<u32>().prop_map(|id| id.to_string()), "[0-9]{1,20}"];
    let built = ("[0-35-7]", namespace, id, json()).prop_map(|(kind, ns, id, json)| kind + &ns + &id + &json);
    prop_oneof![4 => built, 1 => any::<String>()]
}

/// What the parser of the crate makes of a text packet: kind, namespace, id, rest.
fn reference(text: &str) -> Option<(u8, String, Option<i64>, String)> {
    let parsed =
        CommonParser.decode_str(&ParseConfig::default(), &ParserState::default(), Str::copy_from_slice(text));
    let packet = parsed.ok()?;
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

fn ours(text: &str) -> Option<(u8, String, Option<i64>, String)> {
    let signed = |id: u64| i64::try_from(id).unwrap();
    match parse(text).ok()? {
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

/// What we ask beyond the crate's parser, said in another way: with `serde_json`'s tree.
fn acceptable((kind, namespace, id, json): &(u8, String, Option<i64>, String), text: &str) -> bool {
    let value = serde_json::from_str::<serde_json::Value>(json).ok();
    let fits = match kind {
        0 => json.is_empty() || json.starts_with('{') && value.is_some(),
        1 => true,
        2 => {
            let first = value.as_ref().and_then(|value| value.get(0));
            json.starts_with('[') && first.is_some_and(|first| first.is_string() || first.is_number())
        }
        _ => json.starts_with('[') && value.is_some(),
    };
    fits && id.map_or_else(|| is_all(*kind, namespace, json, text), |id| id <= MAX_ID.cast_signed())
}

/// Whether a packet without id holds nothing that the crate's parser passes over: an id where none can be, an
/// id that is too great for it, anything behind a DISCONNECT.
fn is_all(kind: u8, namespace: &str, json: &str, text: &str) -> bool {
    text == format!("{kind}{namespace},{json}")
        || namespace == "/" && text == format!("{kind}{json}")
        || json.is_empty() && text == format!("{kind}{namespace}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn text_packets_are_read_as_the_crate_reads_them(text in packet_text()) {
        let expected = reference(&text).filter(|found| acceptable(found, &text));
        prop_assert_eq!(ours(&text), expected);
    }

    #[test]
    fn any_text_opens_nothing_that_panics(text in "[56][0-9]{0,3}-?.{0,40}") {
        if let Ok(Opened::Waiting(mut reassembly)) = open(&text) {
            prop_assert!(reassembly.add(&[1]).is_ok());
        }
    }

    #[test]
    fn what_is_written_can_be_read(id in prop::option::of(0..=MAX_ID), text in any::<String>()) {
        let json = serde_json::to_string(&("e", text)).unwrap();
        for namespace in ["/", "/demo", "/é"] {
            let packet = written(|out| event(out, namespace, id, json.as_bytes()));
            prop_assert_eq!(parse(&packet), Ok(Packet::Event { namespace, id, json: &json }));
        }
    }
}
