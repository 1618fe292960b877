//! Changing from polling to WebSocket, by halves.

use std::time::Duration;

use serde_json::json;

use super::Scene;
use super::raw::{Raw, TEXT, frame, upgrade};
use crate::support::client::{Client, Dial};
use crate::support::polling::Poller;

async fn poller(scene: &Scene, device: &str) -> Poller {
    let poller = Poller::dial(&scene.gateway, &Dial::v4().who("user_poll", device)).await;
    poller.say("40/demo,").await;
    assert!(poller.packets(2).await[1].contains("_settings"));
    poller
}

#[tokio::test]
async fn a_change_that_stops_halfway_leaves_polling_as_it_was() {
    let mut scene = Scene::new().await;
    let dial = Dial::v4();
    for (n, probe) in
        [&[][..], &["2probe"], &["2probe", "nonsense"], &["5"], &["2probe", "2probe"]].iter().enumerate()
    {
        let poller = poller(&scene, &format!("p{n}")).await;
        let mut socket = Client::probing(&scene.gateway, &dial, &poller.sid).await;
        for packet in *probe {
            socket.raw(packet).await;
        }
        if probe.first() == Some(&"2probe") {
            assert_eq!(socket.text().await, "3probe");
        }
        drop(socket);
        scene.gateway.send("demo", &["user_poll"], "after", json!(n)).await;
        let mut seen = String::new();
        for _ in 0..10 {
            seen = poller.packets(1).await.join("");
            if seen != "6" {
                break;
            }
        }
        assert!(seen.contains(&format!("\"after\",{n}")), "{seen}");
        poller.say("41/demo,").await;
    }
    scene.calm().await;
}

/// Request, probe and change in one piece, before the answer to any of it.
#[tokio::test]
async fn early_bytes_are_read_after_the_handshake() {
    let mut scene = Scene::new().await;
    let poller = poller(&scene, "early").await;
    let url = format!("/socket.io/?EIO=4&transport=websocket&sid={}", poller.sid);
    let port = scene.gateway.port;
    let bytes = [upgrade(&url), frame(TEXT, b"2probe"), frame(TEXT, b"5"), frame(TEXT, b"40/nope,")].concat();
    let mut raw = scene
        .during(move || {
            let mut raw = Raw::open(port);
            raw.write(&bytes);
            raw.read_until(b"Invalid namespace");
            raw
        })
        .await;
    scene.gateway.send("demo", &["user_poll"], "after", json!(1)).await;
    scene.during(move || drop(raw.read_until(b"after"))).await;
    // A new connection, with its first words in the same piece.
    let url = Dial::v4().who("user_new", "early").url("websocket");
    let bytes = [upgrade(&url), frame(TEXT, b"40/demo,")].concat();
    scene
        .during(move || {
            let mut raw = Raw::open(port);
            raw.write(&bytes);
            raw.read_until(b"_settings");
        })
        .await;
    scene.calm().await;
}

/// A hundred sockets for one connection, none of which makes the change: they are closed, and polling goes on.
#[tokio::test]
async fn many_sockets_for_one_connection_are_closed() {
    let mut scene = Scene::new().await;
    let poller = poller(&scene, "many").await;
    let url = format!("/socket.io/?EIO=4&transport=websocket&sid={}", poller.sid);
    let port = scene.gateway.port;
    scene
        .during(move || {
            let mut sockets: Vec<Raw> = (0..100)
                .map(|_| {
                    let mut raw = Raw::open(port);
                    raw.write(&upgrade(&url));
                    raw
                })
                .collect();
            for raw in &mut sockets {
                assert!(raw.ends_within(Duration::from_secs(20)), "a socket that waits for ever");
            }
        })
        .await;
    scene.gateway.send("demo", &["user_poll"], "after", json!(1)).await;
    assert!(poller.packets(1).await[0].contains("after"));
    scene.calm().await;
}
