//! Who sends: numbered messages, alone or several in a call, one call after the other; what is answered stands in the
//! ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{RwLock, watch};

use super::ledger::{Ledger, Name};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, try_ask};
use crate::support::random::Random;

/// Bytes by which a message of a rush is longer.
const PADDING: usize = 128 * 1024;
/// So many are sent in one call, and one more, at most.
const TOGETHER: usize = 8;

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
            // Alone, or several at once.
            let count = if self.random.one_in(2) { 1 } else { 2 + self.random.below(TOGETHER) as u64 };
            let names: Vec<Name> =
                (number + 1..=number + count).map(|number| (self.number, number)).collect();
            number += count;
            self.call(&names, &ledger, &desk).await;
            drop(under_way);
            if !desk.is_rushing() {
                let spread = (self.pause.end - self.pause.start) as usize;
                let pause = self.pause.start + self.random.below(spread) as u64;
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        }
    }

    /// The ledger wants `begun` and one of `accepted`, `refused` and `perhaps` of each message, and no more.
    async fn call(&mut self, names: &[Name], ledger: &Ledger, desk: &Desk) {
        let route = ledger.route(self.number);
        // In a rush the messages are long, so that the store is caught in the middle of writing them.
        let padding = if desk.is_rushing() { "x".repeat(PADDING) } else { String::new() };
        let message = |name: &Name| json!({ "rooms": route.rooms, "event": "numbered", "args": [name.0, name.1, padding] });
        let messages: Vec<Value> = names.iter().map(message).collect();
        let resync = self.resync.is_some_and(|of| self.random.one_in(of));
        let (site, key) = (&route.site, Gateway::key(&route.site));
        let (path, body) = match messages.as_slice() {
            [one] => (format!("/send?site={site}&apiKey={key}&resync={resync}"), one.to_string()),
            many => {
                (format!("/v1/sites/{site}/messages?apiKey={key}&resync={resync}"), json!(many).to_string())
            }
        };
        let headers = ["Content-Type: application/json", "Accept: application/json"];
        let port = self.ports[self.random.below(self.ports.len())];
        for name in names {
            ledger.begun(*name);
        }
        let began = Instant::now();
        if let Some(answer) = try_ask(port, "POST", &path, &headers, body.as_bytes()).await {
            desk.seen.send_modify(|seen| seen.slowest = seen.slowest.max(began.elapsed()));
            answered(names, &answer, began, ledger, desk);
        } else {
            // Dead, or cut off, at the moment; whether these were kept is not known.
            for name in names {
                ledger.perhaps(*name);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The answer to a call: a receipt, or one result for each message.
fn answered(names: &[Name], answer: &Answer, began: Instant, ledger: &Ledger, desk: &Desk) {
    let may_come_again = answer.status == 503 && answer.header("retry-after").is_some();
    if answer.status != 200 && !may_come_again {
        ledger.complain(None, names.first().copied(), format!("{} {}", answer.status, answer.text()));
        return;
    }
    if may_come_again {
        desk.seen.send_modify(|seen| seen.refused += 1);
    }
    let json = answer.json();
    match json["results"].as_array() {
        Some(results) => {
            for (name, result) in names.iter().zip(results) {
                settled(*name, result, began, ledger, desk);
            }
            if results.len() != names.len() {
                ledger.complain(None, names.first().copied(), format!("{} results", results.len()));
            }
        }
        None => {
            for name in names {
                settled(*name, &json, began, ledger, desk);
            }
        }
    }
}

/// A receipt, or the problem that there was.
fn settled(name: Name, result: &Value, began: Instant, ledger: &Ledger, desk: &Desk) {
    let number = |field: &str| result[field].as_u64().map(|number| number as usize);
    if let (Some(devices), Some(queued)) = (number("devices"), number("queued")) {
        ledger.accepted(name, devices, queued);
        desk.seen.send_modify(|seen| seen.accepted = seen.accepted.max(began));
        return;
    }
    let problem = if result["error"].is_null() { result } else { &result["error"] };
    match (problem["status"].as_u64(), problem["detail"].as_str()) {
        (Some(503), Some(detail)) if detail.contains("Nothing of it was kept") => ledger.refused(name),
        (Some(503), Some(_)) => ledger.perhaps(name),
        _ => ledger.complain(None, Some(name), format!("answered by {result}")),
    }
}
