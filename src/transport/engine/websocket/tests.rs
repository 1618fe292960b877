use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;

mod cases;

const MAX: usize = 1 << 20;

/// What came out of a stream, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Violation(u16),
}

impl From<Incoming<'_>> for Got {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.into()),
            Incoming::Binary(bytes) => Self::Binary(bytes.into()),
            Incoming::Ping(bytes) => Self::Ping(bytes.into()),
            Incoming::Pong(bytes) => Self::Pong(bytes.into()),
            Incoming::Close { code, reason } => Self::Close(code, reason.into()),
        }
    }
}

/// Reads the chunks one after the other, and checks after each what the decoder holds.
fn read_chunks<'a>(chunks: impl Iterator<Item = &'a [u8]>, max: usize) -> Vec<Got> {
    let mut decoder = Decoder::new(max);
    let mut got = Vec::new();
    for chunk in chunks {
        let mut chunk = chunk.to_vec();
        let outcome = decoder.read(&mut chunk, &mut |incoming| {
            got.push(incoming.into());
            ControlFlow::Continue(())
        });
        assert!(decoder.held() <= size_of::<partial::Partial>() + max + 125);
        if let Err(violation) = outcome {
            got.push(Got::Violation(violation.code));
        }
    }
    got
}

fn read(stream: &[u8], max: usize) -> Vec<Got> {
    read_chunks(std::iter::once(stream), max)
}

/// A client's frame with any first byte, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=65535 => {
            out.push(0xfe);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0xff);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

fn head_only(first: u8, length: u64) -> Vec<u8> {
    let mut out = vec![first, 0x80 | 127];
    out.extend(length.to_be_bytes());
    out.extend([1, 2, 3, 4]);
    out
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 24);
    let mut decoder = Decoder::new(MAX);
    let mut stream = frame(0x01, b"piece");
    stream.extend(frame(0x80, b" and piece"));
    for byte in stream {
        let _ = decoder.read(&mut [byte], &mut |_| ControlFlow::Continue(())).unwrap();
    }
    assert_eq!(decoder.held(), 0, "nothing is kept after a whole message");
}

#[test]
fn a_whole_message_is_lent_from_the_read_buffer() {
    let mut decoder = Decoder::new(MAX);
    let mut buffer = frame(0x81, b"hello");
    let within = buffer.as_ptr_range();
    let flow = decoder.read(&mut buffer, &mut |incoming| {
        let Incoming::Text(text) = incoming else { panic!("not text") };
        assert!(within.contains(&text.as_ptr()));
        ControlFlow::Continue(())
    });
    assert_eq!(flow, Ok(ControlFlow::Continue(())));
}

#[test]
fn break_ends_the_reading() {
    let mut decoder = Decoder::new(MAX);
    let mut stream = [frame(0x81, b"1"), frame(0x81, b"2")].concat();
    let mut seen = 0;
    let mut on = |_: Incoming<'_>| {
        seen += 1;
        ControlFlow::Break(())
    };
    assert_eq!(decoder.read(&mut stream.clone(), &mut on), Ok(ControlFlow::Break(())));
    assert_eq!(decoder.read(&mut stream, &mut on), Ok(ControlFlow::Break(())));
    assert_eq!(seen, 1);
}

#[test]
fn nothing_is_read_after_a_violation() {
    let mut decoder = Decoder::new(MAX);
    let mut nothing = |_: Incoming<'_>| panic!("read on");
    assert_eq!(decoder.read(&mut frame(0x83, b""), &mut nothing).unwrap_err().code, 1002);
    assert_eq!(decoder.read(&mut frame(0x81, b"x"), &mut nothing), Ok(ControlFlow::Break(())));
}

#[test]
fn a_message_over_the_limit_is_refused_at_its_head() {
    assert_eq!(read(&head_only(0x82, 101), 100), [Got::Violation(1009)]);
    assert_eq!(read(&head_only(0x82, u64::MAX >> 1), 100), [Got::Violation(1009)]);
    assert_eq!(read(&head_only(0x82, 1 << 63), 100), [Got::Violation(1002)]);
    let exact = vec![7; 100];
    assert_eq!(read(&frame(0x82, &exact), 100), [Got::Binary(exact.clone())]);
    let mut pieces = frame(0x02, &exact[..60]);
    pieces.extend(frame(0x00, &exact[..40]));
    pieces.extend(head_only(0x80, 1));
    assert_eq!(read(&pieces, 100), [Got::Violation(1009)]);
}

#[test]
fn memory_follows_what_arrived_not_what_was_announced() {
    let mut decoder = Decoder::new(100 << 20);
    let mut stream = head_only(0x82, 100 << 20);
    stream.extend([0; 1000]);
    let _ = decoder.read(&mut stream, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!((1000..4000).contains(&decoder.held()), "{}", decoder.held());
}

#[test]
fn text_that_cannot_become_utf8_fails_before_its_end() {
    let mut decoder = Decoder::new(MAX);
    let mut stream = frame(0x81, b"\xce\xba\xf4\x90rest that is held back");
    stream.truncate(6 + 4);
    let violation = decoder.read(&mut stream, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(violation.code, 1007);
}

#[test]
fn server_frames_have_the_shortest_head() {
    for (len, used) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        let mut out = Vec::new();
        binary(&mut out, &vec![9; len]);
        assert_eq!(out.len(), used + len, "{len}");
        assert_eq!((out[0], out[1] & 0x80), (0x82, 0), "whole and not masked");
        assert_eq!(head(Opcode::Binary, len).1, used);
    }
    let mut out = Vec::new();
    prefixed_binary(&mut out, 4, &[1, 2]);
    assert_eq!(out, [0x82, 3, 4, 1, 2]);
}

#[test]
fn close_frames_keep_within_a_control_frame() {
    let mut out = Vec::new();
    close(&mut out, None, "ignored");
    assert_eq!(out, [0x88, 0]);
    out.clear();
    close(&mut out, Some(1000), &"ü".repeat(100));
    assert_eq!((out[1], out.len()), (2 + 122, 2 + 2 + 122), "cut at a character");
    assert!(std::str::from_utf8(&out[4..]).is_ok());
    out.clear();
    pong(&mut out, &[1; 200]);
    assert_eq!(out.len(), 2 + 125);
}

/// The same frame as a client would send it: masked.
fn mask_server_frame(server: &[u8]) -> Vec<u8> {
    let skip = match server[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    frame(server[0], &server[skip..])
}

fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        (prop::sample::select(vec![0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a]), ".{0,40}")
            .prop_map(|(first, text)| frame(first, text.as_bytes())),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| frame(0x82, &bytes)),
        prop::collection::vec(any::<u8>(), 0..20),
        (any::<u8>(), any::<u64>()).prop_map(|(first, length)| head_only(first, length)),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

/// Cuts at random places.
fn cut<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    places.sort_unstable();
    let mut chunks = Vec::new();
    let mut start = 0;
    for place in places {
        chunks.push(&stream[start..place]);
        start = place;
    }
    chunks.push(&stream[start..]);
    chunks
}

proptest! {
    #[test]
    fn any_bytes_in_any_cut_give_the_same_and_stay_within_the_limit(
        stream in any_stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let whole = read(&stream, 150);
        prop_assert_eq!(&whole, &read_chunks(cut(&stream, &cuts).into_iter(), 150));
        prop_assert_eq!(&whole, &read_chunks(stream.chunks(1), 150));
    }

    #[test]
    fn messages_come_back_from_any_pieces(
        texts in prop::collection::vec((".{0,200}", any::<bool>()), 1..5),
        piece in 1_usize..40,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (text, as_text) in &texts {
            let opcode = if *as_text { 1 } else { 2 };
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(piece).collect();
            if pieces.is_empty() {
                stream.extend(frame(0x80 | opcode, b""));
            }
            for (n, bytes) in pieces.iter().enumerate() {
                let fin = if n + 1 == pieces.len() { 0x80 } else { 0 };
                stream.extend(frame(fin | if n == 0 { opcode } else { 0 }, bytes));
                if fin == 0 {
                    stream.extend(frame(0x89, b"between"));
                    expected.push(Got::Ping(b"between".to_vec()));
                }
            }
            expected.push(if *as_text { Got::Text(text.clone()) } else { Got::Binary(text.clone().into()) });
        }
        prop_assert_eq!(&expected, &read_chunks(cut(&stream, &cuts).into_iter(), MAX));
    }

    #[test]
    fn what_the_server_writes_can_be_read(
        message in ".{0,300}",
        bytes in prop::collection::vec(any::<u8>(), 0..70_000),
    ) {
        let mut out = Vec::new();
        text(&mut out, &message);
        let mut stream = mask_server_frame(&out);
        out.clear();
        binary(&mut out, &bytes);
        stream.extend(mask_server_frame(&out));
        prop_assert_eq!(read(&stream, MAX), [Got::Text(message), Got::Binary(bytes)]);
    }

    #[test]
    fn masks_are_undone_at_every_offset(
        payload in prop::collection::vec(any::<u8>(), 0..64),
        mask: [u8; 4],
        at in any::<prop::sample::Index>(),
    ) {
        let masked: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        let (mut left, mut right) = (masked.clone(), Vec::new());
        if !masked.is_empty() {
            right = left.split_off(at.index(masked.len()));
        }
        let mut frame = frame::Frame { fin: true, kind: frame::Kind::Binary, mask, missing: payload.len() };
        frame.unmask(&mut left);
        frame.unmask(&mut right);
        prop_assert_eq!(payload, [left, right].concat());
    }
}
