//! As much as goes, of what is allowed once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::raw::{PING, Raw, TEXT, frame};
use super::{DURING, Scene};
use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::Setup;
use crate::support::site_server::SiteServer;

/// `count` text packets in one piece.
fn packets(count: usize, packet: impl Fn(usize) -> String) -> Vec<u8> {
    (0..count).flat_map(|n| frame(TEXT, packet(n).as_bytes())).collect()
}

/// A client in the site that takes everything it is sent, and floods.
fn joined(port: u16, eio: u8) -> Raw {
    let dial = if eio == 3 { Dial::v3() } else { Dial::v4() };
    let mut raw = Raw::socket(port, &dial.who("user_evil", "evil"));
    raw.say("40/demo,");
    raw.read_until(b"_settings");
    raw
}

/// Writes a chunk again and again while everything that comes is read; how many bytes came.
fn flood(mut raw: Raw, chunk: &[u8], times: usize) -> usize {
    const LAST: &[u8] = b"all of it was read";
    let drained = raw.drain(LAST);
    assert_eq!(raw.flood(chunk, times), times, "the flood was cut off");
    raw.write(&frame(PING, LAST));
    drained.join().unwrap()
}

/// A million namespaces that do not exist, 500 on each connection: each connection is closed before it has asked for
/// all of its own, and none is remembered.
#[tokio::test]
async fn a_million_connects_to_unknown_namespaces() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    scene
        .during(move || {
            let chunk = packets(500, |n| format!("40/nope{n},"));
            for round in 0..2000 {
                let dial = if round % 2 == 0 { Dial::v3() } else { Dial::v4() };
                let mut raw = Raw::socket(port, &dial);
                raw.write(&chunk);
                assert!(raw.ends_within(DURING), "connection {round} may ask for ever");
            }
        })
        .await;
    scene.calm().await;
}

/// One client joins and leaves as fast as it can, another asks again and again: auth calls stay within bounds.
#[tokio::test]
async fn connects_and_disconnects_to_one_site_make_few_calls_at_a_time() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    scene
        .during(move || {
            let chunk = packets(100, |n| format!("40/demo,{{\"token\":\"user_evil{n}\"}}"));
            flood(Raw::socket(port, &Dial::v4()), &chunk, 300);
            let both = |n| {
                if n % 2 == 0 { format!("40/demo,{{\"token\":\"user_{n}\"}}") } else { "41/demo,".to_owned() }
            };
            flood(Raw::socket(port, &Dial::v4()), &packets(100, both), 100);
        })
        .await;
    assert!(scene.server.peak() <= 64, "{} calls at once", scene.server.peak());
    scene.calm().await;
}

/// 300 strangers with 300 tokens while the site's server hangs: four calls at a time, and each stranger is told.
#[tokio::test]
async fn a_hanging_auth_server_is_asked_within_bounds() {
    let gate = Arc::new(Semaphore::new(0));
    let closed = Arc::clone(&gate);
    let server = SiteServer::start(move |seen, _| {
        let answer = backend::answer(seen);
        if backend::token(seen).starts_with("user_evil") { answer.behind(&closed) } else { answer }
    })
    .await;
    let setup = Setup::new().site("demo", &server, "authConcurrency: 4\nauthTimeout: 2");
    let mut scene = Scene::with(setup, server).await;
    let port = scene.gateway.port;
    let before = scene.server.seen().len();
    scene
        .during(move || {
            let mut evil: Vec<Raw> = (0..300).map(|_| Raw::socket(port, &Dial::v4())).collect();
            for (n, raw) in evil.iter_mut().enumerate() {
                raw.say(&format!("40/demo,{{\"token\":\"user_evil{n}\"}}"));
            }
            for raw in &mut evil {
                let told = raw.read_until(b"44/demo,");
                let told = String::from_utf8_lossy(&told).into_owned();
                assert!(!told.contains("\"Auth"), "a site that hangs logs nobody out: {told}");
            }
        })
        .await;
    assert!(scene.server.peak() <= 4, "{} calls at once", scene.server.peak());
    assert!(scene.server.seen().len() - before <= 300);
    scene.calm().await;
}

#[tokio::test]
async fn a_flood_of_acks() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    for eio in [3, 4] {
        scene
            .during(move || {
                let chunk = packets(1000, |n| format!("43/demo,{}[]", n * 7919));
                flood(joined(port, eio), &chunk, 200)
            })
            .await;
    }
    scene.calm().await;
}

/// Pings of WebSocket and of Engine.IO 3 are answered as long as the answers are read.
#[tokio::test]
async fn a_flood_of_pings() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    let pings: Vec<u8> = (0..1000).flat_map(|_| frame(PING, b"12345678")).collect();
    for (eio, chunk) in [(4, pings), (3, packets(1000, |_| "2".to_owned()))] {
        let closed = chunk.clone();
        let answers = scene.during(move || flood(joined(port, eio), &chunk, 200)).await;
        assert!(answers >= 200_000 * 3, "{answers} bytes of answers");
        let deaf = move || assert!(joined(port, eio).flood(&closed, 100_000) < 100_000, "it must be closed");
        scene.during(deaf).await;
    }
    scene.calm().await;
}

/// Pongs that nobody asked for start no heartbeats: later there is one ping at a time, not 100,000.
#[tokio::test]
async fn a_flood_of_pongs() {
    let server = backend::start().await;
    let setup = Setup::demo(&server).config("io: {pingInterval: 1s, pingTimeout: 20s}");
    let mut scene = Scene::with(setup, server).await;
    let port = scene.gateway.port;
    scene
        .during(move || {
            let mut raw = joined(port, 4);
            assert_eq!(raw.flood(&packets(1000, |_| "3".to_owned()), 100), 100);
            raw.read_until(&frame_of_ping());
            raw.say("3");
            let second = raw.read_until(&frame_of_ping());
            assert!(second.len() < 1000, "{} bytes of pings", second.len());
        })
        .await;
    scene.calm_within(16 * 1024).await;
}

/// A ping of Engine.IO 4, as it stands on the wire.
fn frame_of_ping() -> [u8; 3] {
    [0x81, 1, b'2']
}

/// Leaving what one is not in sets no alarms.
#[tokio::test]
async fn a_flood_of_disconnects() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    scene
        .during(move || {
            flood(Raw::socket(port, &Dial::v4()), &packets(1000, |n| format!("41/x{n},")), 1500);
            let turns = |n| if n % 2 == 0 { "40".to_owned() } else { "41".to_owned() };
            flood(Raw::socket(port, &Dial::v4()), &packets(1000, turns), 300)
        })
        .await;
    scene.calm_within(16 * 1024).await;
}

/// More than a worker can read: the others of that worker get their turn, also while the flood goes on after the
/// connection has been closed.
#[tokio::test]
async fn who_sends_without_end_does_not_keep_the_worker() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    for closes in [false, true] {
        scene
            .during(move || {
                // As many as workers, and more, so that each has one.
                let floods: Vec<_> = (0..4)
                    .map(|_| {
                        let mut raw = Raw::socket(port, &Dial::v4());
                        std::thread::spawn(move || {
                            let noop = packets(20_000, |_| "6".to_owned());
                            if closes {
                                raw.say("4x");
                            }
                            let end = std::time::Instant::now() + DURING + Duration::from_secs(1);
                            while std::time::Instant::now() < end && raw.write(&noop) {}
                        })
                    })
                    .collect();
                for flood in floods {
                    flood.join().unwrap();
                }
            })
            .await;
    }
    scene.calm().await;
}

/// 2,000 connections that say nothing.
#[tokio::test]
async fn many_idle_connections_cost_little_and_go() {
    let server = backend::start().await;
    let setup = Setup::demo(&server).config("connectTimeout: 4s");
    let mut scene = Scene::with(setup, server).await;
    let port = scene.gateway.port;
    let idle: Vec<Raw> =
        scene.during(move || (0..2000).map(|_| Raw::socket(port, &Dial::v4())).collect()).await;
    scene.calm_within(2000 * 12).await;
    scene
        .during(move || {
            for mut raw in idle {
                assert!(raw.ends_within(Duration::from_secs(15)), "nobody is held without a site");
            }
        })
        .await;
    let mut guest = Client::dial(&scene.gateway, &Dial::v4()).await;
    guest.raw("40").await;
    assert_eq!(guest.packet().await.kind, '0');
    assert_eq!(guest.ended().await.unwrap().0, 1008);
    scene.calm_within(2000 * 12).await;
}
