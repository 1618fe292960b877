//! Who sends: one message after the other, numbered, and what is answered stands in the ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{RwLock, watch};

use super::ledger::{Ledger, Name};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, try_ask};
use crate::support::random::Random;

/// Bytes by which a message of a rush is longer.
const PADDING: usize = 128 * 1024;

/// What the senders have seen.
#[derive(Clone, Copy)]
pub struct Seen {
    /// When a message was accepted last.
    pub accepted: Instant,
    /// Calls answered by 503.
    pub refused: usize,
    /// The longest time that an answer took.
    pub slowest: Duration,
}

/// What all senders share.
#[derive(Clone)]
pub struct Desk {
    pub seen: watch::Sender<Seen>,
    /// Messages are sent without a pause, and are long, so that the store is caught in the middle of writing them.
    pub rush: Arc<AtomicBool>,
    /// Held while a message is under way: whoever writes here waits until there is none, and lets none begin.
    pub gate: Arc<RwLock<()>>,
}

impl Default for Desk {
    fn default() -> Self {
        let seen = Seen { accepted: Instant::now(), refused: 0, slowest: Duration::ZERO };
        Self { seen: watch::Sender::new(seen), rush: Arc::default(), gate: Arc::default() }
    }
}

impl Desk {
    fn is_rushing(&self) -> bool {
        self.rush.load(Ordering::SeqCst)
    }
}

/// One sender; its route stands in the ledger.
pub struct Sender {
    number: usize,
    ports: Vec<u16>,
    /// Milliseconds between two messages.
    pause: std::ops::Range<u64>,
    /// Once in so many times a message has `resync`.
    pub resync: Option<usize>,
    random: Random,
}

impl Sender {
    /// A sender with this number, that sends to any one of these ports.
    pub fn new(number: usize, ports: &[u16], pause: std::ops::Range<u64>, random: Random) -> Self {
        Self { number, ports: ports.to_vec(), pause, resync: None, random }
    }

    /// Sends until `stop`.
    pub async fn send(mut self, ledger: Arc<Ledger>, desk: Desk, stop: Arc<AtomicBool>) {
        let mut number = 0;
        while !stop.load(Ordering::SeqCst) {
            let gate = Arc::clone(&desk.gate);
            let under_way = gate.read().await;
            number += 1;
            self.one((self.number, number), &ledger, &desk).await;
            drop(under_way);
            if !desk.is_rushing() {
                let spread = (self.pause.end - self.pause.start) as usize;
                let pause = self.pause.start + self.random.below(spread) as u64;
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        }
    }

    /// A call with one message. A call with several (one result for each of them) would have its place beside this one:
    /// the ledger wants `begun` and one of `accepted`, `refused` and `perhaps` of each message, and no more.
    async fn one(&mut self, name: Name, ledger: &Ledger, desk: &Desk) {
        let route = ledger.route(self.number);
        let padding = if desk.is_rushing() { "x".repeat(PADDING) } else { String::new() };
        let args = json!([name.0, name.1, padding]);
        let body = json!({ "rooms": route.rooms, "event": "numbered", "args": args });
        let resync = self.resync.is_some_and(|of| self.random.one_in(of));
        let path = format!("/send?site={}&apiKey={}&resync={resync}", route.site, Gateway::key(&route.site));
        let headers = ["Content-Type: application/json", "Accept: application/json"];
        let port = self.ports[self.random.below(self.ports.len())];
        ledger.begun(name);
        let began = Instant::now();
        let answer = try_ask(port, "POST", &path, &headers, body.to_string().as_bytes()).await;
        if let Some(answer) = answer {
            answered(name, &answer, began, ledger, desk);
        } else {
            // Dead, or cut off, at the moment; whether this one was kept is not known.
            ledger.perhaps(name);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn answered(name: Name, answer: &Answer, began: Instant, ledger: &Ledger, desk: &Desk) {
    desk.seen.send_modify(|seen| seen.slowest = seen.slowest.max(began.elapsed()));
    match answer.status {
        200 => {
            let receipt = answer.json();
            let number = |field: &str| receipt[field].as_u64().unwrap() as usize;
            ledger.accepted(name, number("devices"), number("queued"));
            desk.seen.send_modify(|seen| seen.accepted = seen.accepted.max(began));
        }
        503 if answer.header("retry-after").is_some() => {
            desk.seen.send_modify(|seen| seen.refused += 1);
            if answer.text().contains("Nothing of it was kept") {
                ledger.refused(name);
            } else {
                ledger.perhaps(name);
            }
        }
        _ => ledger.complain(None, Some(name), format!("/send: {} {}", answer.status, answer.text())),
    }
}
