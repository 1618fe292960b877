//! Too much at once, and less than was announced.

use std::time::{Duration, Instant};

use super::Scene;
use super::raw::{BINARY, Raw, TEXT, frame, head};
use crate::support::client::{Client, Dial};
use crate::support::http::{Wire, request};
use crate::support::polling::Poller;
use crate::support::send::Send;

/// The default of `io.maxPayload`.
const MAX_PAYLOAD: usize = 1_000_000;
const PROMPT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_connection_before_it_has_come() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    scene
        .during(move || {
            for len in [MAX_PAYLOAD as u64 + 1, 1 << 40, u64::MAX >> 1, u64::MAX] {
                for kind in [TEXT, BINARY] {
                    let mut raw = Raw::socket(port, &Dial::v3());
                    raw.write(&head(0x80 | kind, len));
                    assert!(raw.ends_within(PROMPT), "{len}");
                }
            }
            // The sum of fragments, none of which is too long.
            let mut raw = Raw::socket(port, &Dial::v4());
            let part = vec![b'4'; MAX_PAYLOAD / 2];
            for first in [TEXT, 0, 0] {
                raw.write(&head(first, part.len() as u64));
                raw.write(&part);
            }
            assert!(raw.ends_within(PROMPT));
        })
        .await;
    scene.calm().await;
}

/// 300 clients announce a megabyte each, send ten bytes, and say no more: what is kept is what came.
#[tokio::test]
async fn what_is_announced_is_not_set_aside() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    let held = scene
        .during(move || {
            let begin = [head(0x80 | TEXT, MAX_PAYLOAD as u64), b"42[\"aaaaaa".to_vec()].concat();
            let mut held: Vec<Raw> = (0..300).map(|_| Raw::socket(port, &Dial::v4())).collect();
            assert!(held.iter_mut().all(|raw| raw.write(&begin)));
            held
        })
        .await;
    scene.calm_within(24 * 1024).await;
    drop(held);
}

/// An attachment that never comes, and half a megabyte of one that does: bounded by the payload limit.
#[tokio::test]
async fn binary_packets_are_bounded_by_the_payload_limit() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    scene
        .during(move || {
            let mut raw = Raw::socket(port, &Dial::v4());
            raw.say("40/demo,{\"token\":\"user_evil\",\"deviceId\":\"evil\"}");
            raw.read_until(b"_settings");
            let places: Vec<String> =
                (0..10).map(|num| format!("{{\"_placeholder\":true,\"num\":{num}}}")).collect();
            raw.say(&format!("4510-/demo,[\"x\",{}]", places.join(",")));
            let attachment = frame(BINARY, &vec![7; MAX_PAYLOAD / 3]);
            raw.flood(&attachment, 4);
            assert!(raw.ends_within(PROMPT), "the attachments together are too long");
        })
        .await;
    scene.calm().await;
}

#[tokio::test]
async fn a_polling_request_that_is_too_long_is_refused() {
    let mut scene = Scene::new().await;
    let poller = Poller::dial(&scene.gateway, &Dial::v4()).await;
    let answer = poller.post(&"4".repeat(MAX_PAYLOAD + 1)).await;
    assert_eq!(answer.status, 413);
    // Announced only.
    let mut wire = Wire::open(scene.gateway.port).await;
    let head = ["Content-Length: 100000000000"];
    wire.write(&request("POST", poller.url(), &head, b"40")).await;
    assert_eq!(wire.answer().await.status, 413);
    scene.calm().await;
}

#[tokio::test]
async fn huge_addresses_and_headers_are_answered_or_cut_off() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    scene
        .during(move || {
            let keys = (0..13_000).map(|n| format!("&{n:x}")).collect::<Vec<_>>().concat();
            let query = format!("/socket.io/?EIO=4&transport=polling{}", &keys[..60_000]);
            let start = Instant::now();
            for _ in 0..10 {
                let mut raw = Raw::open(port);
                raw.write(&request("GET", &query, &[], b""));
                raw.read_until(b"pingTimeout");
            }
            assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
            for length in [70_000, 10_000_000] {
                let path = format!("/socket.io/?EIO=4&transport=polling&token={}", "a".repeat(length));
                let mut raw = Raw::open(port);
                raw.write(&request("GET", &path, &[], b""));
                assert!(raw.ends_within(PROMPT));
            }
            let mut raw = Raw::open(port);
            let line = format!("X-Much: {}", "a".repeat(10_000_000));
            raw.write(&request("GET", "/livez", &[&line], b""));
            assert!(raw.ends_within(PROMPT));
            let many: Vec<String> = (0..10_000).map(|n| format!("X-{n}: 1")).collect();
            let many: Vec<&str> = many.iter().map(String::as_str).collect();
            let mut raw = Raw::open(port);
            raw.write(&request("GET", "/livez", &many, b""));
            assert!(raw.ends_within(PROMPT));
        })
        .await;
    scene.calm().await;
}

/// Arguments go out as they came in, and nobody here reads them: depth is not our trouble.
#[tokio::test]
async fn deep_json_of_a_backend_is_passed_on_or_refused() {
    let mut scene = Scene::new().await;
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let _reader = Client::v4(&scene.gateway, "demo", "user_deep", "d").await;
    for depth in [1_000, 400_000] {
        let body = format!("{{\"rooms\":\"user_deep\",\"event\":\"x\",\"args\":{}}}", deep(depth));
        let answer = Send::to(&scene.gateway, "demo").body("application/json", body).post().await;
        assert!([200, 400].contains(&answer.status), "{}", answer.status);
        let body = format!("{{\"rooms\":{},\"event\":\"x\"}}", deep(depth));
        let answer = Send::to(&scene.gateway, "demo").body("application/json", body).post().await;
        assert_eq!(answer.status, 400);
        let body = format!("{{\"rooms\":\"user_deep\",\"event\":{}}}", deep(depth));
        let answer = Send::to(&scene.gateway, "demo").body("application/json", body).post().await;
        assert_eq!(answer.status, 400);
    }
    let body = format!("{{\"rooms\":\"user_deep\",\"event\":\"x\",\"args\":{}", "[".repeat(500_000));
    assert_eq!(Send::to(&scene.gateway, "demo").body("application/json", body).post().await.status, 400);
    scene.calm().await;
}
