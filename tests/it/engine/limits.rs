//! Limits, and the codes with which a WebSocket is closed.

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Wire, request};
use crate::support::polling::Poller;

async fn gateway() -> Gateway {
    let site = backend::start().await;
    Setup::demo(&site).config("io:\n  maxPayload: 1KiB").start().await
}

/// `42["xxx"]` of this length.
fn event(length: usize) -> String {
    format!("42[\"{}\"]", "x".repeat(length - 6))
}

#[tokio::test]
async fn a_message_at_the_limit_is_taken_and_one_beyond_it_ends_the_connection() {
    let gateway = gateway().await;
    for dial in [Dial::v3(), Dial::v4()] {
        let mut client = Client::dial(&gateway, &dial).await;
        if dial.eio == 4 {
            client.connect("", None).await;
            client.packet().await;
        }
        client.raw(&event(1024)).await;
        client.settled().await;
        client.raw(&event(1025)).await;
        assert_eq!(client.ended().await.map(|(code, _)| code), Some(1009));
    }
}

#[tokio::test]
async fn a_polling_request_beyond_the_limit_is_413() {
    let gateway = gateway().await;
    let poller = Poller::dial(&gateway, &Dial::v4()).await;
    poller.say("40").await;
    assert_eq!(poller.packets(1).await.len(), 1);
    assert_eq!(poller.post(&event(1024)).await.status, 200);
    assert_eq!(poller.post(&event(1025)).await.status, 413);
    assert_eq!(poller.post(&"x".repeat(100_000)).await.status, 413);
}

#[tokio::test]
async fn what_is_sent_to_clients_is_not_bound_by_what_they_may_send() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config("io:\n  maxPayload: 1KiB").start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let text = "é".repeat(100_000);
    gateway.send("demo", &["user_1"], "long", json!(text)).await;
    assert_eq!(client.acked("long").await.args()[0].as_str(), Some(text.as_str()));
}

/// The code of the close frame with which raw bytes behind a handshake are answered.
async fn code(gateway: &Gateway, bytes: &[u8]) -> u16 {
    let mut wire = Wire::open(gateway.port).await;
    let headers = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let mut all = request("GET", &Dial::v4().url("websocket"), &headers, b"");
    // In one piece, as fast clients send it: what comes behind the request is not lost.
    all.extend(bytes);
    wire.write(&all).await;
    let head = wire.answer().await;
    assert_eq!(
        (head.status, head.header("sec-websocket-accept")),
        (101, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    );
    let rest = wire.ended().await;
    let open = usize::from(rest[1] & 0x7f);
    let skip = if open == 126 { 4 + usize::from(u16::from_be_bytes([rest[2], rest[3]])) } else { 2 + open };
    let close = &rest[skip..];
    assert_eq!(close[0], 0x88, "{close:?}");
    u16::from_be_bytes([close[2], close[3]])
}

/// A masked frame; the mask is nought, which is a mask.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn the_end_of_a_websocket_says_why() {
    let gateway = gateway().await;
    for (code_wanted, bytes, what) in [
        (1002, vec![0x81, 1, b'4'], "a frame without a mask"),
        (1002, frame(0xc1, b"40"), "a reserved bit"),
        (1002, frame(0x83, b"40"), "an unknown kind of frame"),
        (1002, frame(0x80, b"40"), "a continuation of nothing"),
        (1002, frame(0x09, b"40"), "a ping in pieces"),
        (1007, frame(0x81, &[b'4', 0xff, 0xfe]), "text that is no text"),
        (1009, vec![0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], "a frame of four gigabytes"),
        (1002, frame(0x81, b"x"), "an unknown packet"),
        (1002, frame(0x81, b"42[1"), "broken JSON"),
        (1002, frame(0x82, b"bytes"), "bytes that belong to nothing"),
        (1000, frame(0x88, &1000u16.to_be_bytes()), "a good-bye"),
        (1000, frame(0x81, b"1"), "a good-bye of the engine"),
    ] {
        assert_eq!(code(&gateway, &bytes).await, code_wanted, "{what}");
    }
}

#[tokio::test]
async fn a_websocket_may_follow_other_requests_in_a_pipeline() {
    let gateway = gateway().await;
    let headers = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let mut all = request("GET", "/livez", &[], b"");
    all.extend(request("GET", "/nothing", &[], b""));
    all.extend(request("GET", &Dial::v4().url("websocket"), &headers, b""));
    all.extend(frame(0x81, b"40/nope,"));
    let mut wire = Wire::open(gateway.port).await;
    wire.write(&all).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(wire.answer().await.status);
    }
    assert_eq!(statuses, [200, 404, 101]);
    wire.until(b"44/nope,").await;
}

#[tokio::test]
async fn a_message_may_come_in_pieces_with_pings_between_them() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut wire = Wire::open(gateway.port).await;
    let headers = [
        "Connection: keep-alive, Upgrade",
        "Upgrade: WebSocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    wire.ask("GET", &Dial::v4().url("websocket"), &headers, b"").await;
    assert_eq!(wire.answer().await.status, 101);
    let pieces = [frame(0x01, b"40/no"), frame(0x89, b"p"), frame(0x80, b"pe,")];
    for byte in pieces.concat() {
        wire.write(&[byte]).await;
    }
    wire.until(b"44/nope,").await;
    wire.write(&frame(0x88, &1000u16.to_be_bytes())).await;
    let all = wire.ended().await;
    assert!(all.windows(3).any(|three| three == [0x8a, 1, b'p']), "{}", String::from_utf8_lossy(&all));
}
