//! The cases of the Autobahn test suite (families 1 to 7, and 9 scaled down), as the bytes a client would send
//! and what must come of them. Families 10, 12 and 13 test sending speed and compression, which is not offered.

use super::*;

/// The suite's Greek word, "kosme" with accents.
const KOSME: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";

fn text(text: &str) -> Got {
    Got::Text(text.into())
}

/// Holds when the stream gives `expected` in one go and cut in two at every position.
fn case(name: &str, stream: &[Vec<u8>], expected: &[Got]) {
    let stream = stream.concat();
    assert_eq!(read(&stream, MAX), expected, "{name}");
    for at in 0..stream.len().min(400) {
        let (left, right) = stream.split_at(at);
        assert_eq!(read_chunks([left, right].into_iter(), MAX), expected, "{name} cut at {at}");
    }
    if stream.len() < 2000 {
        assert_eq!(read_chunks(stream.chunks(1), MAX), expected, "{name} byte by byte");
    }
}

#[test]
fn family_1_framing() {
    for len in [0, 125, 126, 127, 128, 65_535, 65_536] {
        let payload = "*".repeat(len);
        case("1.1", &[frame(0x81, payload.as_bytes())], &[text(&payload)]);
        case("1.2", &[frame(0x82, &vec![0xfe; len])], &[Got::Binary(vec![0xfe; len])]);
    }
}

#[test]
fn family_2_pings_and_pongs() {
    let bytes = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff".as_slice();
    for payload in [b"".as_slice(), b"Hello, world!", bytes, &[0xfe; 125]] {
        case("2.1-4", &[frame(0x89, payload)], &[Got::Ping(payload.into())]);
        case("2.7-8", &[frame(0x8a, payload)], &[Got::Pong(payload.into())]);
    }
    case("2.5", &[frame(0x89, &[0xfe; 126])], &[Got::Violation(1002)]);
    case(
        "2.9",
        &[frame(0x8a, b"x"), frame(0x89, b"y")],
        &[Got::Pong(b"x".to_vec()), Got::Ping(b"y".to_vec())],
    );
    let ten: Vec<_> = (0..10).map(|n| frame(0x89, &[n])).collect();
    let expected: Vec<_> = (0..10).map(|n| Got::Ping(vec![n])).collect();
    case("2.10-11", &ten, &expected);
}

#[test]
fn family_3_reserved_bits() {
    let broken = Got::Violation(1002);
    case("3.1", &[frame(0x81 | 0x10, b"x")], std::slice::from_ref(&broken));
    for bits in 1..8_u8 {
        let bad = frame(0x81 | bits << 4, b"x");
        case("3.2-5", &[frame(0x81, b"x"), bad, frame(0x89, b"")], &[text("x"), broken.clone()]);
    }
    case("3.6", &[frame(0x82 | 0x60, b"x")], std::slice::from_ref(&broken));
    case("3.7", &[frame(0x88 | 0x70, b"")], std::slice::from_ref(&broken));
}

#[test]
fn family_4_reserved_opcodes() {
    for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        let bad = frame(0x80 | opcode, b"x");
        case("4.1-2", &[frame(0x81, b"x"), bad, frame(0x89, b"")], &[text("x"), Got::Violation(1002)]);
    }
}

#[test]
fn family_5_fragments() {
    let broken = Got::Violation(1002);
    let ping = Got::Ping(b"p".to_vec());
    let p = || frame(0x89, b"p");
    let (first, last) = (|| frame(0x01, b"frag1"), || frame(0x80, b"frag2"));
    case("5.1", &[frame(0x09, b"x"), frame(0x80, b"y")], std::slice::from_ref(&broken));
    case("5.2", &[frame(0x0a, b"x"), frame(0x80, b"y")], std::slice::from_ref(&broken));
    case("5.3-5", &[first(), last()], &[text("frag1frag2")]);
    case("5.6-8", &[first(), p(), last()], &[ping.clone(), text("frag1frag2")]);
    case("5.9-10", &[frame(0x80, b"x"), frame(0x81, b"y")], std::slice::from_ref(&broken));
    case("5.12-14", &[frame(0x00, b"x"), frame(0x81, b"y")], std::slice::from_ref(&broken));
    case("5.15", &[first(), last(), frame(0x00, b"x"), first()], &[text("frag1frag2"), broken.clone()]);
    case("5.16", &[frame(0x00, b"x"), first(), last()], std::slice::from_ref(&broken));
    case("5.18", &[first(), frame(0x81, b"frag2")], std::slice::from_ref(&broken));
    let middle = || frame(0x00, b"-");
    case(
        "5.19-20",
        &[first(), middle(), p(), middle(), middle(), p(), last()],
        &[ping.clone(), ping, text("frag1---frag2")],
    );
    case("empty pieces", &[frame(0x01, b""), frame(0x00, b""), frame(0x80, b"")], &[text("")]);
}

#[test]
fn family_6_utf8() {
    let valid = std::str::from_utf8(KOSME).unwrap();
    case("6.1.1", &[frame(0x81, b"")], &[text("")]);
    case("6.1.3", &[frame(0x01, b""), frame(0x00, b"middle"), frame(0x80, b"")], &[text("middle")]);
    case("6.2.1", &[frame(0x81, KOSME)], &[text(valid)]);
    let bytewise: Vec<_> = KOSME.iter().map(|&byte| frame(0x00, &[byte])).collect();
    case("6.2.3", &[vec![frame(0x01, b"")], bytewise, vec![frame(0x80, b"")]].concat(), &[text(valid)]);
    for &good in VALID {
        case("valid", &[frame(0x81, good)], &[text(std::str::from_utf8(good).unwrap())]);
    }
    for &bad in INVALID {
        case("invalid", &[frame(0x81, bad)], &[Got::Violation(1007)]);
        let (left, right) = bad.split_at(bad.len() / 2);
        case("invalid in pieces", &[frame(0x01, left), frame(0x80, right)], &[Got::Violation(1007)]);
        case("binary may be anything", &[frame(0x82, bad)], &[Got::Binary(bad.into())]);
    }
    // 6.4: seen as soon as it is certain, with the rest still to come.
    let hopeless = [KOSME, b"\xf4\x90"].concat();
    case("6.4.1", &[frame(0x01, &hopeless)], &[Got::Violation(1007)]);
}

/// 6.5 to 6.7, 6.9, 6.11, 6.13, 6.22, 6.23: edges of what is UTF-8.
const VALID: &[&[u8]] = &[
    b"\x00",
    b"\x7f",
    b"\xc2\x80",
    b"\xdf\xbf",
    b"\xe0\xa0\x80",
    b"\xef\xbf\xbf",
    b"\xf0\x90\x80\x80",
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbd",
    b"\xf4\x8f\xbf\xbf",
    b"\xef\xbf\xbe",
    b"\xf0\x9f\xbf\xbe",
    b"\xf3\xaf\xbf\xbf",
];

/// 6.3, 6.6, 6.8, 6.10, 6.12, 6.14 to 6.21: cut sequences, lone continuations, overlong forms, surrogates, too great.
const INVALID: &[&[u8]] = &[
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    b"\xce",
    b"\xce\xba\xe1",
    b"\xce\xba\xe1\xbd",
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xf7\xbf\xbf\xbf",
    b"\xfb\xbf\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\x80",
    b"\xbf",
    b"\x80\xbf\x80",
    b"\xc0 \xc1 ",
    b"\xe0 \xe1 ",
    b"\xf0 \xf1 ",
    b"\xfe",
    b"\xff",
    b"\xfe\xfe\xff\xff",
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
    b"\xed\xa0\x80",
    b"\xed\xad\xbf",
    b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80",
];

fn close_frame(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes(), reason].concat())
}

#[test]
fn family_7_closing() {
    let closed = |code, reason: &str| Got::Close(code, reason.into());
    case("7.1.1", &[frame(0x81, b"x"), close_frame(1000, b"")], &[text("x"), closed(Some(1000), "")]);
    let two = [close_frame(1000, b""), close_frame(1000, b"")];
    case("7.1.2", &two, &[closed(Some(1000), "")]);
    case("7.1.3", &[frame(0x88, b""), frame(0x89, b"")], &[closed(None, "")]);
    case("7.1.4", &[frame(0x88, b""), frame(0x81, b"x")], &[closed(None, "")]);
    case("7.1.5", &[frame(0x01, b"a"), frame(0x88, b""), frame(0x80, b"b")], &[closed(None, "")]);
    case("7.3.2", &[frame(0x88, b"\x03")], &[Got::Violation(1002)]);
    case("7.3.4", &[close_frame(1000, b"Hello")], &[closed(Some(1000), "Hello")]);
    let longest = "*".repeat(123);
    case("7.3.5", &[close_frame(1000, longest.as_bytes())], &[closed(Some(1000), &longest)]);
    case("7.3.6", &[close_frame(1000, &[b'*'; 124])], &[Got::Violation(1002)]);
    case("7.5.1", &[close_frame(1000, b"\xce\xba\xed\xa0\x80")], &[Got::Violation(1007)]);
}

#[test]
fn family_7_close_codes() {
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1014, 3000, 3999, 4000, 4999] {
        case("7.7", &[close_frame(code, b"")], &[Got::Close(Some(code), String::new())]);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        case("7.9, 7.13", &[close_frame(code, b"")], &[Got::Violation(1002)]);
    }
}

#[test]
fn family_9_large_messages() {
    let whole: Vec<u8> = (0..MAX).map(|n| b'a' + (n % 26) as u8).collect();
    let expected = [Got::Text(String::from_utf8(whole.clone()).unwrap())];
    let stream = frame(0x81, &whole);
    for size in [64, 1024, 16_384, stream.len()] {
        assert_eq!(read_chunks(stream.chunks(size), MAX), expected, "9.1, 9.5 in chunks of {size}");
    }
    for size in [64, 4096, 65_536] {
        let mut stream = Vec::new();
        for (n, piece) in whole.chunks(size).enumerate() {
            stream.extend(frame(u8::from(n == 0), piece));
        }
        stream.extend(frame(0x80, b""));
        assert_eq!(read(&stream, MAX), expected, "9.3 in fragments of {size}");
    }
}

#[test]
fn an_unmasked_frame_is_a_violation() {
    case("RFC 6455 §5.1", &[vec![0x81, 1, b'x']], &[Got::Violation(1002)]);
}
