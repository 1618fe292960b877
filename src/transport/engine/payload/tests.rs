use engineioxide_core::Packet;
use proptest::prelude::*;

use super::*;

fn all(protocol: Protocol, body: &[u8]) -> Result<Vec<Packet>, Malformed> {
    decode(protocol, TextLayers::Unknown, body).collect()
}

fn message(text: &str) -> Packet {
    Packet::Message(text.to_owned().into())
}

fn encoded(protocol: Protocol, packets: &[(bool, &[u8])]) -> (Vec<u8>, &'static str) {
    let mut out = Vec::new();
    let done = encode(protocol, packets.iter().copied(), usize::MAX, &mut out);
    assert_eq!(done.taken, packets.len());
    (out, done.content_type)
}

/// What a 1.x client does to a packet before it counts and sends it.
fn twice(packet: &str) -> String {
    packet.bytes().map(char::from).collect()
}

fn v3_body(packet: &str) -> String {
    format!("{}:{packet}", packet.encode_utf16().count())
}

#[test]
fn version_4_reads_the_examples_of_its_document() {
    let got = all(Protocol::V4, "4hello\u{1e}2\u{1e}4€\u{1e}bAQIDBA==".as_bytes()).unwrap();
    let binary = Packet::Binary(vec![1, 2, 3, 4].into());
    assert_eq!(got, [message("hello"), Packet::Ping, message("€"), binary]);
    assert!(matches!(all(Protocol::V4, b""), Err(Malformed::Empty)));
    assert!(matches!(all(Protocol::V4, b"4a\x1e"), Err(Malformed::Packet(_))));
    assert!(matches!(all(Protocol::V4, b"abc"), Err(Malformed::Packet(_))));
    assert!(matches!(all(Protocol::V4, b"4\xff"), Err(Malformed::NotUtf8)));
}

#[test]
fn version_3_reads_the_examples_of_its_document() {
    let binary = Packet::BinaryV3(vec![1, 2, 3, 4].into());
    let text = all(Protocol::V3Text, "6:4hello2:4€10:b4AQIDBA==".as_bytes()).unwrap();
    assert_eq!(text, [message("hello"), message("€"), binary.clone()]);
    let bytes = b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04";
    assert_eq!(all(Protocol::V3Text, bytes).unwrap(), [message("€"), binary]);
    assert_eq!(all(Protocol::V3Text, b"0:").unwrap(), []);
    assert_eq!(all(Protocol::V3Text, b"1:20:1:3").unwrap(), [Packet::Ping, Packet::Pong]);
}

#[test]
fn a_length_that_splits_a_character_is_refused() {
    // The string decoder of engineioxide-core 0.2.3 never returns from this one.
    assert!(matches!(all(Protocol::V3Text, "1:😀x".as_bytes()), Err(Malformed::Length)));
    assert!(matches!(all(Protocol::V3Text, "2:4😀".as_bytes()), Err(Malformed::Length)));
    assert_eq!(all(Protocol::V3Text, "3:4😀".as_bytes()).unwrap(), [message("😀")]);
}

#[test]
fn wrong_lengths_of_version_3_are_refused() {
    let texts = ["abc", ":4", "-1:4", "+1:4", "1e0:4", " 1:4", "2:4", "1:4x", "99999999999999999999:4", "1"];
    for text in texts {
        assert!(matches!(all(Protocol::V3Text, text.as_bytes()), Err(Malformed::Length)), "{text}");
    }
    let bytes: [&[u8]; 6] =
        [b"\x00", b"\x00\xff4", b"\x00\x02\xff4", b"\x00\x0a\xff4", b"\x00\x01", b"\x00\x01\xff4\x00"];
    for body in bytes {
        assert!(matches!(all(Protocol::V3Binary, body), Err(Malformed::Length)), "{body:?}");
    }
    assert!(matches!(all(Protocol::V3Binary, b"\x01\x01\xff2"), Err(Malformed::BinaryType)));
    assert!(matches!(all(Protocol::V3Binary, b"\x01\x00\xff"), Err(Malformed::BinaryType)));
    assert!(matches!(all(Protocol::V3Binary, b"\x00\x02\xff4\xff"), Err(Malformed::NotUtf8)));
}

#[test]
fn packets_before_a_fault_are_given_out_and_none_after_it() {
    let bodies: [(Protocol, &[u8]); 3] = [
        (Protocol::V4, b"2\x1ex\x1e2"),
        (Protocol::V3Text, b"1:21:x1:2"),
        (Protocol::V3Binary, b"\x00\x01\xff2\x01\x01\xff\x07\x00\x01\xff2"),
    ];
    for (protocol, body) in bodies {
        let mut packets = decode(protocol, TextLayers::Unknown, body);
        assert!(matches!(packets.next(), Some(Ok(Packet::Ping))), "{protocol:?}");
        assert!(matches!(packets.next(), Some(Err(_))), "{protocol:?}");
        assert!(packets.next().is_none(), "{protocol:?}");
    }
}

#[test]
fn bodies_of_official_clients_are_read() {
    let expected = message("2[\"ä€😀\"]");
    // engine.io-parser 1.3.2 and 2.2.1, encodePayload of the message and, last, two bytes.
    let (old, new) = ("15:42[\"Ã¤â\u{82}¬ð\u{9f}\u{98}\u{80}\"]1:2", "10:42[\"ä€😀\"]1:2");
    for body in [old, new] {
        assert_eq!(all(Protocol::V3Text, body.as_bytes()).unwrap(), [expected.clone(), Packet::Ping]);
    }
    let mixed = b"\x00\x01\x05\xff42[\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"]\x01\x03\xff\x04\x01\x02";
    assert_eq!(all(Protocol::V3Binary, mixed).unwrap(), [expected, Packet::BinaryV3(vec![1, 2].into())]);
}

#[test]
fn text_of_1x_clients_is_told_apart() {
    let packet = "42/demo,[\"ä€😀\"]";
    let (old, new) = (v3_body(&twice(packet)), v3_body(packet));
    let expected = [message(&packet[1..])];
    for layers in [TextLayers::Unknown, TextLayers::Two] {
        let got: Result<Vec<_>, _> = decode(Protocol::V3Text, layers, old.as_bytes()).collect();
        assert_eq!(got.unwrap(), expected);
    }
    for layers in [TextLayers::Unknown, TextLayers::One] {
        let got: Result<Vec<_>, _> = decode(Protocol::V3Text, layers, new.as_bytes()).collect();
        assert_eq!(got.unwrap(), expected);
    }
    let mixed = "4Ã©";
    let got: Result<Vec<_>, _> =
        decode(Protocol::V3Text, TextLayers::One, v3_body(mixed).as_bytes()).collect();
    assert_eq!(got.unwrap(), [message("Ã©")], "a 2.x client can send what looks like two layers");
    assert_eq!(all(Protocol::V3Text, v3_body("4é").as_bytes()).unwrap(), [message("é")]);
    let wrong: Result<Vec<_>, _> = decode(Protocol::V3Text, TextLayers::Two, "2:4é".as_bytes()).collect();
    assert!(matches!(wrong, Err(Malformed::NotUtf8)));
}

#[test]
fn the_number_of_packets_is_bounded() {
    let body = "1:2".repeat(MAX_PACKETS);
    assert_eq!(decode(Protocol::V3Text, TextLayers::Unknown, body.as_bytes()).flatten().count(), MAX_PACKETS);
    let body = "1:2".repeat(MAX_PACKETS + 5);
    let mut packets = decode(Protocol::V3Text, TextLayers::Unknown, body.as_bytes()).skip(MAX_PACKETS);
    assert!(matches!(packets.next(), Some(Err(Malformed::TooMany))));
    assert!(packets.next().is_none(), "nothing after an error");
}

#[test]
fn version_4_writes_text() {
    let packets: [(bool, &[u8]); 3] = [(false, "4€".as_bytes()), (true, &[1, 2, 3, 4]), (false, b"2")];
    let (body, content_type) = encoded(Protocol::V4, &packets);
    assert_eq!(body, "4€\u{1e}bAQIDBA==\u{1e}2".as_bytes());
    assert_eq!(content_type, TEXT);
}

#[test]
fn version_3_writes_bytes_only_for_binary_packets() {
    let (body, content_type) = encoded(Protocol::V3Binary, &[(false, b"4hello")]);
    assert_eq!((body.as_slice(), content_type), (b"6:4hello".as_slice(), TEXT));
    let (body, content_type) =
        encoded(Protocol::V3Binary, &[(false, "4€".as_bytes()), (true, &[1, 2, 3, 4])]);
    assert_eq!(body, b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04");
    assert_eq!(content_type, BYTES);
    let long = [b'x'; 123];
    let (body, _) = encoded(Protocol::V3Binary, &[(true, &long)]);
    assert_eq!(body[..5], [1, 1, 2, 4, 0xff]);
    let (body, content_type) = encoded(Protocol::V3Text, &[(false, b"2"), (true, &[1, 2, 3, 4])]);
    assert_eq!((body.as_slice(), content_type), (b"1:210:b4AQIDBA==".as_slice(), TEXT));
}

#[test]
fn text_of_version_3_is_plain_inside_json_strings() {
    let packet = r#"42["é\"😀\\","€"]"#;
    let (body, _) = encoded(Protocol::V3Text, &[(false, packet.as_bytes())]);
    let plain = r#"42["\u00e9\"\ud83d\ude00\\","\u20ac"]"#;
    assert_eq!(String::from_utf8(body).unwrap(), format!("{}:{plain}", plain.len()));
    let (body, _) = encoded(Protocol::V3Text, &[(false, "4€😀".as_bytes())]);
    assert_eq!(body, "4:4€😀".as_bytes(), "no JSON string: as it is, counted in UTF-16 units");
}

#[test]
fn a_payload_stops_before_the_limit_but_takes_one() {
    let packets: [(bool, &[u8]); 3] = [(false, b"4aaaa"), (false, b"4bbbb"), (false, b"4cccc")];
    for (protocol, limit, taken, len) in [
        (Protocol::V4, 0, 1, 5),
        (Protocol::V4, 10, 1, 5),
        (Protocol::V4, 11, 2, 11),
        (Protocol::V3Text, 14, 2, 14),
        (Protocol::V3Binary, 20, 2, 14),
    ] {
        let mut out = b"before".to_vec();
        let done = encode(protocol, packets.iter().copied(), limit, &mut out);
        assert_eq!((done.taken, out.len() - 6), (taken, len), "{protocol:?} {limit}");
    }
}

fn any_packet() -> impl Strategy<Value = (bool, Vec<u8>)> {
    prop_oneof![
        any::<String>().prop_map(|text| {
            let json = serde_json::to_string(&text).unwrap();
            (false, format!("42/demo,[\"e\",{json}]").into_bytes())
        }),
        prop::collection::vec(any::<u8>(), 0..100).prop_map(|bytes| (true, bytes)),
        prop::sample::select(vec!["2", "3", "2probe", "6"])
            .prop_map(|text| (false, text.as_bytes().to_vec())),
    ]
}

/// Equal as a client sees it: JSON by its meaning.
fn same(protocol: Protocol, sent: &(bool, Vec<u8>), got: Packet) -> bool {
    match (sent, got) {
        ((true, bytes), Packet::Binary(got)) => protocol == Protocol::V4 && *bytes == got,
        ((true, bytes), Packet::BinaryV3(got)) => protocol != Protocol::V4 && *bytes == got,
        ((false, text), Packet::Message(got)) => {
            let value = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap();
            got.starts_with("2/demo,") && value(&text["42/demo,".len()..]) == value(&got.as_bytes()[7..])
        }
        ((false, text), got) => *text == String::from(got).into_bytes(),
        _ => false,
    }
}

proptest! {
    #[test]
    fn payloads_come_back(packets in prop::collection::vec(any_packet(), 1..8), limit in 0_usize..2000) {
        for protocol in [Protocol::V4, Protocol::V3Text, Protocol::V3Binary] {
            let mut out = Vec::new();
            let lent = packets.iter().map(|(binary, bytes)| (*binary, bytes.as_slice()));
            let done = encode(protocol, lent, limit, &mut out);
            prop_assert!(done.taken == 1 || out.len() <= limit);
            let got = all(protocol, &out).unwrap();
            prop_assert_eq!(got.len(), done.taken);
            for (sent, got) in packets.iter().zip(got) {
                prop_assert!(same(protocol, sent, got));
            }
            prop_assert!(protocol == Protocol::V4 || done.content_type == BYTES || out.is_ascii());
        }
    }

    #[test]
    fn any_body_ends_and_gives_no_more_than_it_holds(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[0-9:b4😀é\u{1e}]{0,60}".prop_map(String::into_bytes),
            prop::collection::vec(prop::sample::select(vec![0, 1, 2, 9, 255, b'4', b'2']), 0..60),
        ],
    ) {
        for protocol in [Protocol::V4, Protocol::V3Text] {
            for layers in [TextLayers::Unknown, TextLayers::One, TextLayers::Two] {
                prop_assert!(decode(protocol, layers, &body).take(300).count() <= body.len() + 1);
            }
        }
    }

    #[test]
    fn text_of_1x_clients_comes_back(text in any::<String>()) {
        let packet = format!("4{text}");
        let got: Result<Vec<_>, _> =
            decode(Protocol::V3Text, TextLayers::Two, v3_body(&twice(&packet)).as_bytes()).collect();
        prop_assert_eq!(got.unwrap(), [message(&text)]);
    }
}
