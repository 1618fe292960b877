//! kill -9, again and again, of the real binary, while many send, receive, ack, go and come back. Afterwards every
//! message that was answered with 2xx has reached every device it was for, in order; nothing that was acked long
//! before a crash came again; and nothing is left. `POSTROOM_SEED` repeats the choices of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Answer, try_ask};
use crate::support::random::Random;

pub mod device;
pub mod ledger;
pub mod line;

use device::{DUTIES, Device, WHIMS};
use ledger::{FORGETTABLE, Ledger, UNDER_WAY};
use line::Carrier;

/// Rooms of the devices; each belongs to the user of its first room.
const DEVICES: [(&str, Carrier); 8] = [
    ("user_0+all", Carrier::Socket(4)),
    ("user_0+all", Carrier::Polling),
    ("user_1+all+odd", Carrier::Socket(3)),
    ("user_1+all+odd", Carrier::Socket(4)),
    ("user_2+all", Carrier::Polling),
    ("user_2+all", Carrier::Socket(3)),
    ("user_3+odd", Carrier::Socket(4)),
    ("user_3+odd", Carrier::Socket(3)),
];
/// Each sends into one room.
const SENDERS: [&str; 8] = ["user_0", "user_1", "user_2", "user_3", "all", "odd", "ALL", "user_0"];
/// So many are sent at once, and one more, at most.
const TOGETHER: usize = 8;
/// Kills in quick succession, and kills that leave time for acks to become durable.
const QUICK: usize = 10;
const CALM: usize = 5;
/// Bytes by which a message of a rush is longer.
const PADDING: usize = 128 * 1024;

/// Sends numbered messages into one room until `stop`; faster while `rush`.
struct Sender {
    number: usize,
    port: u16,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    rush: Arc<AtomicBool>,
    random: Random,
}

impl Sender {
    async fn send(mut self) {
        let mut number = 0;
        while !self.stop.load(Ordering::SeqCst) {
            // Alone, or several at once.
            let count = if self.random.one_in(2) { 1 } else { 2 + self.random.below(TOGETHER) as u64 };
            let numbers: Vec<u64> = (number + 1..=number + count).collect();
            number += count;
            let answer = self.post(&numbers).await;
            match answer {
                Some(answer) if answer.status == 200 => self.take_note(&numbers, &answer),
                Some(answer) if answer.status != 503 => {
                    self.ledger.complain(format!("{count} sent: {} {}", answer.status, answer.text()));
                }
                // Dead at the moment; whether these were kept is not known.
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            if !self.rush.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5 + self.random.below(50) as u64)).await;
            }
        }
    }
}

impl Sender {
    async fn post(&self, numbers: &[u64]) -> Option<Answer> {
        // In a rush the messages are long, so that the store is caught in the middle of writing them.
        let padding = if self.rush.load(Ordering::SeqCst) { "x".repeat(PADDING) } else { String::new() };
        let message = |number: &u64| {
            let args = json!([self.number, number, padding]);
            json!({ "rooms": [SENDERS[self.number]], "event": "numbered", "args": args })
        };
        let messages: Vec<Value> = numbers.iter().map(message).collect();
        let key = Gateway::key("demo");
        let (path, body) = match messages.as_slice() {
            [one] => (format!("/send?site=demo&apiKey={key}"), one.to_string()),
            many => (format!("/v1/sites/demo/messages?apiKey={key}"), json!(many).to_string()),
        };
        let headers = ["Content-Type: application/json", "Accept: application/json"];
        try_ask(self.port, "POST", &path, &headers, body.as_bytes()).await
    }

    fn take_note(&self, numbers: &[u64], answer: &Answer) {
        let answer = answer.json();
        let results = answer["results"].as_array().cloned().unwrap_or_else(|| vec![answer]);
        for (number, result) in numbers.iter().zip(results) {
            // A store may have taken some of those that were sent together.
            if result["error"]["status"] == 503 {
                continue;
            }
            // Also right after a restart every device is known.
            let devices = result["devices"].as_u64().map(|devices| devices as usize);
            if devices != Some(self.ledger.reach(self.number)) {
                self.ledger.complain(format!("{} reached {devices:?}: {result}", SENDERS[self.number]));
            }
            self.ledger.accepted((self.number, *number));
        }
    }
}

fn reach() -> Vec<Vec<usize>> {
    let is_in = |room: &str, rooms: &str| rooms.split('+').any(|own| own == room.to_lowercase());
    let devices = |room: &&str| (0..DEVICES.len()).filter(|device| is_in(room, DEVICES[*device].0)).collect();
    SENDERS.iter().map(devices).collect()
}

/// Everything that goes on.
struct Town {
    gateway: Gateway,
    ledger: Arc<Ledger>,
    mood: Arc<AtomicU8>,
    stop: Arc<AtomicBool>,
    rush: Arc<AtomicBool>,
    devices: tokio::task::JoinSet<()>,
    senders: tokio::task::JoinSet<()>,
}

impl Town {
    async fn found(gateway: Gateway, random: &mut Random) -> Self {
        let mut town = Self {
            gateway,
            ledger: Arc::new(Ledger::new(reach())),
            mood: Arc::new(AtomicU8::new(WHIMS)),
            stop: Arc::default(),
            rush: Arc::default(),
            devices: tokio::task::JoinSet::new(),
            senders: tokio::task::JoinSet::new(),
        };
        for (number, (token, carrier)) in DEVICES.into_iter().enumerate() {
            let (tell, joined) = tokio::sync::oneshot::channel();
            town.devices.spawn(
                Device {
                    number,
                    ports: vec![town.gateway.port],
                    late: UNDER_WAY,
                    carrier,
                    token: token.to_owned(),
                    ledger: Arc::clone(&town.ledger),
                    mood: Arc::clone(&town.mood),
                    random: random.fork(),
                    joined: Some(tell),
                }
                .live(),
            );
            joined.await.expect("each device joins");
        }
        for number in 0..SENDERS.len() {
            let (ledger, stop, rush) =
                (Arc::clone(&town.ledger), Arc::clone(&town.stop), Arc::clone(&town.rush));
            let sender =
                Sender { number, port: town.gateway.port, ledger, stop, rush, random: random.fork() };
            town.senders.spawn(sender.send());
        }
        town
    }

    /// Lets things go on for a while, and kills in the middle of a rush.
    async fn kill_after(&mut self, calm: Duration, rush: Duration) {
        tokio::time::sleep(calm).await;
        self.rush.store(true, Ordering::SeqCst);
        tokio::time::sleep(rush).await;
        let at = Instant::now();
        self.gateway.kill9().await;
        self.rush.store(false, Ordering::SeqCst);
        self.ledger.doubt(None, at, FORGETTABLE);
        self.gateway.start_again().await;
        self.ledger.check();
    }

    /// No more is sent; every device acks all it has, and is gone.
    async fn settle(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(done) = self.senders.join_next().await {
            done.unwrap();
        }
        self.mood.store(DUTIES, Ordering::SeqCst);
        self.ledger.complete(Duration::from_secs(20)).await;
        self.ledger.check();
        self.devices.shutdown().await;
    }
}

#[tokio::test]
async fn what_was_answered_with_2xx_survives_every_kill() {
    let mut random = Random::seeded();
    let server = backend::start().await;
    let site = "queue: {maxMessages: 1000000, maxBytes: 256MiB}";
    // Pollers look up when they are pinged.
    let setup = Setup::new().config("io: {pingInterval: 1s, pingTimeout: 20s}").site("demo", &server, site);
    let gateway = setup.start().await;
    let mut town = Town::found(gateway, &mut random).await;
    for kill in 0..QUICK + CALM {
        let calm = if kill % 3 == 2 { FORGETTABLE + Duration::from_millis(500) } else { Duration::ZERO };
        let calm = calm + Duration::from_millis(100 + random.below(300) as u64);
        town.kill_after(calm, Duration::from_millis(5 + random.below(30) as u64)).await;
    }
    town.settle().await;
    let (accepted, deliveries, again) = town.ledger.sum();
    println!("{accepted} accepted, {deliveries} delivered, {again} of them again after an ack was lost");
    assert!(accepted > 200 && deliveries > accepted, "{accepted} accepted, {deliveries} delivered");
    // What the devices acked last becomes durable; there is nothing to be seen of it from outside.
    tokio::time::sleep(FORGETTABLE).await;
    town.gateway.kill9().await;
    town.gateway.start_again().await;
    for (number, (token, _)) in DEVICES.into_iter().enumerate() {
        let dial = Dial::v4().who(token, &format!("d{number}"));
        let mut client = Client::join(&town.gateway, dial, "demo").await;
        client.settled().await;
    }
}
