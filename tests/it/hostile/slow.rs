//! Clients that take their time.

use std::time::{Duration, Instant};

use serde_json::json;

use super::raw::{Raw, upgrade};
use super::{GROWTH, Scene};
use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::Setup;
use crate::support::http::{Wire, request};
use crate::support::polling::Poller;
use crate::support::site_server::SiteServer;

/// The door gives a request 15 seconds to come; a bit more for a busy machine.
const CUT_OFF: Duration = Duration::from_secs(25);

/// Trickles bytes until the other side ends the connection. Whether it did, in time.
fn trickle(port: u16, begin: &[u8], drop: &[u8]) -> bool {
    let mut raw = Raw::open(port);
    let end = Instant::now() + CUT_OFF;
    raw.write(begin);
    while Instant::now() < end {
        if !raw.write(drop) || raw.ends_within(Duration::from_millis(300)) {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn requests_that_trickle_in_are_cut_off() {
    let server = backend::start().await;
    let setup = Setup::demo(&server).config("io: {pingInterval: 4s, pingTimeout: 4s}");
    let mut scene = Scene::with(setup, server).await;
    let port = scene.gateway.port;
    let poller = Poller::dial(&scene.gateway, &Dial::v4()).await;
    let body = request("POST", poller.url(), &["Content-Length: 100000"], b"");
    let cases: Vec<(&str, Vec<u8>, &[u8])> = vec![
        ("nothing at all", Vec::new(), b""),
        ("the first line", b"GET /socket.io/?EIO=4".to_vec(), b"x"),
        ("headers", b"GET /livez HTTP/1.1\r\nHost: x\r\n".to_vec(), b"X-A: b\r\n"),
        ("a handshake", upgrade("/socket.io/?EIO=4&transport=websocket")[..60].to_vec(), b"x"),
        ("a body for a connection", body, b"4"),
        ("a body for nobody", request("POST", "/nope", &["Content-Length: 100000"], b""), b"4"),
    ];
    scene
        .during(move || {
            let threads: Vec<_> = cases
                .into_iter()
                .map(|(what, begin, drop)| (what, std::thread::spawn(move || trickle(port, &begin, drop))))
                .collect();
            for (what, thread) in threads {
                assert!(thread.join().unwrap(), "{what} may take for ever");
            }
        })
        .await;
    scene.calm().await;
}

/// 50 MB go to a room of three. One does not read: it is closed as too slow, and the others get everything.
async fn does_not_read(site: &str, setup: Setup, server: SiteServer) {
    const PARTS: usize = 100;
    let mut scene = Scene::with(setup, server).await;
    let token = "user_slow+lobby+big";
    let (port, connect) = (scene.gateway.port, format!("40/{site},"));
    let mut deaf = scene
        .during(move || {
            let mut deaf = Raw::socket(port, &Dial::v4().who(token, "deaf"));
            deaf.say(&connect);
            deaf.read_until(b"_settings");
            deaf
        })
        .await;
    let mut readers = Vec::new();
    for device in ["x", "y"] {
        readers.push(Client::v4(&scene.gateway, site, "user_good+big", device).await);
    }
    let text = "x".repeat(500_000);
    for part in 0..PARTS {
        scene.gateway.send(site, &["big"], "part", json!([part, text])).await;
        for reader in &mut readers {
            let packet = reader.event("part").await;
            assert_eq!(
                (packet.args()[0].as_u64(), packet.args()[1].as_str()),
                (Some(part as u64), Some(&*text))
            );
            if packet.ack.is_some() {
                reader.ack(&packet).await;
            }
        }
    }
    let line = scene.gateway.log_line("its outbox was full").await;
    assert!(line.contains("too slow"), "{line}");
    let ends = move || assert!(deaf.ends_within(Duration::from_secs(10)), "it must be closed");
    scene.during(ends).await;
    scene.calm_within(GROWTH * 3 / 2).await;
}

#[tokio::test]
async fn who_does_not_read_is_closed_and_the_others_get_everything() {
    let server = backend::start().await;
    let setup = Setup::demo(&server);
    does_not_read("demo", setup, server).await;
}

#[tokio::test]
async fn who_does_not_read_a_broadcast_is_closed_and_the_others_get_everything() {
    let server = backend::start().await;
    let setup = Setup::demo(&server).broadcast_site("news", &server, "");
    does_not_read("news", setup, server).await;
}

/// A poller that fetches nothing while its room is written to.
#[tokio::test]
async fn who_does_not_poll_is_closed() {
    let mut scene = Scene::new().await;
    let poller = Poller::dial(&scene.gateway, &Dial::v4().who("user_slow", "p")).await;
    poller.say("40/demo,").await;
    assert!(poller.packets(2).await[1].contains("_settings"));
    let text = "x".repeat(900_000);
    for part in 0..15 {
        scene.gateway.send("demo", &["user_slow"], "part", json!([part, text])).await;
    }
    scene.gateway.log_line("too slow").await;
    assert_eq!(poller.get().await.status, 400);
    // Nothing is lost: its inbox has it.
    let mut back = Client::v4(&scene.gateway, "demo", "user_slow", "p").await;
    let mut parts = 0;
    while parts < 15 {
        let packet = back.packet().await;
        parts += if packet.name() == "_batch" { packet.batch().len() } else { 1 };
        back.ack(&packet).await;
    }
    scene.calm_within(GROWTH * 3 / 2).await;
}

/// Good-bye is good-bye, also where something was still to be fetched: otherwise the session of a client that left
/// would go on until its heartbeat is missed.
#[tokio::test]
async fn a_poller_that_says_good_bye_is_gone_at_once() {
    let mut scene = Scene::new().await;
    let poller = Poller::dial(&scene.gateway, &Dial::v4().who("user_brief", "p")).await;
    poller.say("40/demo,").await;
    assert!(poller.packets(2).await[1].contains("_settings"));
    scene.gateway.send("demo", &["user_brief"], "unread", json!(1)).await;
    poller.say("1").await;
    scene.gateway.log_line("closed by client").await;
    assert_eq!(poller.get().await.status, 400);
    scene.calm().await;
}

/// Requests in a row on one connection, whose answers nobody reads.
#[tokio::test]
async fn answers_that_nobody_reads_do_not_pile_up() {
    let mut scene = Scene::new().await;
    let port = scene.gateway.port;
    scene
        .during(move || {
            let many = request("GET", "/healthcheck", &[], b"").repeat(1000);
            let mut raw = Raw::open(port);
            let taken = raw.flood(&many, 2000);
            assert!(taken < 2000, "all requests were taken");
        })
        .await;
    scene.calm().await;
    let mut wire = Wire::open(port).await;
    wire.ask("GET", "/livez", &[], b"").await;
    assert_eq!(wire.answer().await.status, 200);
}
