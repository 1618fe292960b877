//! A site that sends as fast as it can, beside one that sends now and then: the others are not refused for it, and their
//! messages come while it goes on.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::Scene;
use super::raw::Raw;
use crate::support::backend;
use crate::support::client::Dial;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::request;

/// Clients of the loud site.
const CROWD: usize = 40;
/// Its backend's connections.
const LANES: usize = 8;
/// How often it must be refused before it has had enough.
const ENOUGH: u32 = 20;
/// And for how long it goes on at most.
const LONGEST: Duration = Duration::from_secs(30);

/// A POST, to the letter.
fn post(site: &str, room: &str, size: usize) -> Vec<u8> {
    let text = "x".repeat(size);
    let body = format!("{{\"rooms\":[\"{room}\"],\"event\":\"x\",\"args\":[\"{text}\"]}}");
    let path = format!("/send?site={site}&apiKey={}", Gateway::key(site));
    request("POST", &path, &["Content-Type: application/json"], body.as_bytes())
}

/// Whether it was accepted; refused otherwise, as too much.
fn is_accepted(raw: &mut Raw, post: &[u8]) -> bool {
    assert!(raw.write(post));
    let (mut answer, mut buffer) = (Vec::new(), vec![0; 4096]);
    while !answer.ends_with(b"OK") && !answer.ends_with(b"later.") {
        let count = raw.stream.read(&mut buffer).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..count]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 503"));
    answer.starts_with(b"HTTP/1.1 200")
}

/// Sends as fast as it goes, and does not care what it is told. Each time that it is refused, a neighbour sends.
fn pour(port: u16, refused: &AtomicU32) {
    let (loud, quiet) = (post("loud", "all", 10_000), post("demo", "nobody", 10));
    let (mut raw, begun) = (Raw::open(port), Instant::now());
    while begun.elapsed() < LONGEST && refused.load(Ordering::Relaxed) < ENOUGH {
        if !is_accepted(&mut raw, &loud) {
            refused.fetch_add(1, Ordering::Relaxed);
            assert!(is_accepted(&mut raw, &quiet), "refused for what another site has waiting");
        }
    }
}

/// Every message of the bystanders is accepted (`Scene::beat` takes no 503) and comes in time (`Scene::during`).
#[tokio::test]
async fn a_site_that_is_refused_for_sending_too_much_costs_its_neighbours_nothing() {
    let server = backend::start().await;
    let setup = Setup::demo(&server)
        .broadcast_site("loud", &server, "")
        .config("sendLimit: 20kB\noutboxLimit: 300kB");
    let mut scene = Scene::with(setup, server).await;
    let port = scene.gateway.port;
    let refused = scene
        .during(move || {
            let crowd: Vec<Raw> = (0..CROWD)
                .map(|number| {
                    let mut raw = Raw::socket(port, &Dial::v4().who("all", &number.to_string()));
                    raw.say("40/loud,");
                    raw.read_until(b"_settings");
                    raw
                })
                .collect();
            let drains: Vec<_> = crowd.iter().map(|raw| raw.drain(b"never said")).collect();
            let refused = Arc::new(AtomicU32::new(0));
            let lanes: Vec<_> = (0..LANES)
                .map(|_| {
                    let refused = Arc::clone(&refused);
                    std::thread::spawn(move || pour(port, &refused))
                })
                .collect();
            for lane in lanes {
                lane.join().unwrap();
            }
            for raw in &crowd {
                let _ = raw.stream.shutdown(std::net::Shutdown::Both);
            }
            let heard: usize = drains.into_iter().map(|drain| drain.join().unwrap()).sum();
            assert!(heard > 0);
            refused.load(Ordering::Relaxed)
        })
        .await;
    assert!(refused >= ENOUGH, "the bound was not reached: {refused}");
    scene.calm_within(128 * 1024).await;
}
