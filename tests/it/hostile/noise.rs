//! Random bytes on every layer. `POSTROOM_SEED` repeats a run.

use super::Scene;
use super::raw::{BINARY, Raw, TEXT, frame, head};
use crate::support::client::Dial;
use crate::support::http::request;
use crate::support::polling::Poller;
use crate::support::random::Random;

const ROUNDS: usize = 150;

/// Pieces that lead further into a parser than chance does.
const PIECES: &[&str] = &[
    "4",
    "40",
    "42",
    "43",
    "45",
    "46",
    "/demo,",
    "/",
    ",",
    "?",
    "-",
    "1-",
    "[",
    "]",
    "{",
    "}",
    "\"x\"",
    ":",
    "0",
    "7",
    "{\"_placeholder\":true,\"num\":0}",
    "\\u0000",
    "\\ud800",
    "é",
    "\u{1e}",
    "b",
    "bAAAA",
    "2",
    "3",
    "2probe",
    "5",
    "6",
    "null",
    "1e999",
    "\"",
    "99999999999",
];

fn text(random: &mut Random) -> String {
    (0..random.below(12)).map(|_| PIECES[random.below(PIECES.len())]).collect()
}

#[tokio::test]
async fn noise_on_the_port() {
    let (mut scene, mut random) = (Scene::new().await, Random::seeded());
    let port = scene.gateway.port;
    scene
        .during(move || {
            for _ in 0..ROUNDS {
                let mut raw = Raw::open(port);
                let len = random.below(4000);
                let noise = random.bytes(len);
                raw.write(&noise);
                let mut raw = Raw::open(port);
                let mut almost = request("GET", "/socket.io/?EIO=4&transport=polling", &["A: b"], b"");
                let at = random.below(almost.len());
                almost[at] = random.below(256) as u8;
                raw.write(&almost);
            }
        })
        .await;
    scene.calm().await;
}

#[tokio::test]
async fn noise_on_a_web_socket() {
    let (mut scene, mut random) = (Scene::new().await, Random::seeded());
    let port = scene.gateway.port;
    scene
        .during(move || {
            for round in 0..ROUNDS {
                let dial = if round % 2 == 0 { Dial::v3() } else { Dial::v4() };
                let mut raw = Raw::socket(port, &dial.who("user_noise", "n"));
                // Bytes, then frames with noise in them, then frames that are half there.
                for _ in 0..random.below(4) {
                    let len = random.below(300);
                    let noise = random.bytes(len);
                    raw.write(&match random.below(4) {
                        0 => noise,
                        1 => frame(BINARY, &noise),
                        2 => frame(TEXT, &noise),
                        _ => [head(random.below(256) as u8, random.below(70_000) as u64), noise].concat(),
                    });
                }
            }
        })
        .await;
    scene.calm().await;
}

#[tokio::test]
async fn noise_in_packets() {
    let (mut scene, mut random) = (Scene::new().await, Random::seeded());
    let port = scene.gateway.port;
    scene
        .during(move || {
            for round in 0..ROUNDS * 4 {
                let dial = if round % 2 == 0 { Dial::v3() } else { Dial::v4() };
                let mut raw = Raw::socket(port, &dial.who("user_noise", "n"));
                if random.below(2) == 0 {
                    raw.say("40/demo,");
                }
                while random.below(8) > 0 && raw.say(&text(&mut random)) {}
            }
        })
        .await;
    scene.calm().await;
}

#[tokio::test]
async fn noise_in_polling_payloads() {
    let (mut scene, mut random) = (Scene::new().await, Random::seeded());
    for round in 0..ROUNDS {
        let dial = if round % 3 == 0 { Dial::v4() } else { Dial::v4().query("b64=1") };
        let poller = Poller::dial(&scene.gateway, &dial.who("user_noise", "n")).await;
        let len = random.below(300);
        let body = if random.below(3) == 0 { random.bytes(len) } else { text(&mut random).into_bytes() };
        let kind = ["Content-Type: text/plain", "Content-Type: application/octet-stream"][random.below(2)];
        let mut wire = crate::support::http::Wire::open(scene.gateway.port).await;
        wire.ask("POST", poller.url(), &[kind], &body).await;
        let status = wire.answer().await.status;
        assert!([200, 400].contains(&status), "{status}");
    }
    scene.calm().await;
}

#[tokio::test]
async fn noise_for_send() {
    let (mut scene, mut random) = (Scene::new().await, Random::seeded());
    for _ in 0..ROUNDS {
        let len = random.below(200);
        let body = if random.below(2) == 0 { random.bytes(len) } else { text(&mut random).into_bytes() };
        let send = crate::support::send::Send::to(&scene.gateway, "demo");
        let answer = send.body("application/json", body).post().await;
        assert_eq!(answer.status, 400);
    }
    scene.calm().await;
}
