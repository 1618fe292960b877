//! Devices that roam between the nodes, senders that send to any of them, and a ledger of all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::kill::device::{DUTIES, Device, WHIMS};
use crate::kill::ledger::Ledger;
use crate::kill::line::Carrier;
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Answer, try_ask};
use crate::support::random::Random;
use crate::support::redis::RedisServer;
use crate::support::site_server::SiteServer;

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
const SENDERS: [&str; 7] = ["user_0", "user_1", "user_2", "user_3", "all", "odd", "ALL"];
/// `/send` answers within 2 s; what a busy machine adds.
pub const ANSWERED: Duration = Duration::from_millis(2500);

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

/// Several nodes and everything that goes on.
pub struct Town {
    pub nodes: Vec<Gateway>,
    pub ledger: Arc<Ledger>,
    seen: watch::Sender<Seen>,
    late: Duration,
    mood: Arc<AtomicU8>,
    stop: Arc<AtomicBool>,
    devices: JoinSet<()>,
    senders: JoinSet<()>,
    _site: SiteServer,
}

impl Town {
    /// One node for each of these lines of config.yml. `late`: how long an ack may be on its way at most.
    pub async fn found(configs: &[String], late: Duration) -> Self {
        let mut random = Random::seeded();
        let site = backend::start().await;
        let mut nodes = Vec::new();
        for config in configs {
            let lines = format!("{config}\nio: {{pingInterval: 1s, pingTimeout: 20s}}");
            let queue = "queue: {maxMessages: 1000000, maxBytes: 256MiB}";
            nodes.push(Setup::new().config(&lines).site("demo", &site, queue).start().await);
        }
        let seen = Seen { accepted: Instant::now(), refused: 0, slowest: Duration::ZERO };
        let mut town = Self {
            nodes,
            ledger: Arc::new(Ledger::new(reach())),
            seen: watch::Sender::new(seen),
            late,
            mood: Arc::new(AtomicU8::new(WHIMS)),
            stop: Arc::default(),
            devices: JoinSet::new(),
            senders: JoinSet::new(),
            _site: site,
        };
        town.people(&mut random).await;
        town
    }

    async fn people(&mut self, random: &mut Random) {
        let ports: Vec<u16> = self.nodes.iter().map(|node| node.port).collect();
        for (number, (token, carrier)) in DEVICES.into_iter().enumerate() {
            let (tell, joined) = tokio::sync::oneshot::channel();
            let device = Device {
                number,
                ports: ports.clone(),
                late: self.late,
                carrier,
                token: token.to_owned(),
                ledger: Arc::clone(&self.ledger),
                mood: Arc::clone(&self.mood),
                random: random.fork(),
                joined: Some(tell),
            };
            self.devices.spawn(device.live());
            joined.await.expect("each device joins");
        }
        for number in 0..SENDERS.len() {
            let sender = Sender {
                number,
                ports: ports.clone(),
                ledger: Arc::clone(&self.ledger),
                stop: Arc::clone(&self.stop),
                seen: self.seen.clone(),
                random: random.fork(),
            };
            self.senders.spawn(sender.send());
        }
    }

    /// Lets things go on for a while.
    pub async fn go_on(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        self.ledger.check();
    }

    /// Waits until a message is accepted that was handed in after `since`; how long that took.
    pub async fn accepts_after(&self, since: Instant) -> Duration {
        let mut seen = self.seen.subscribe();
        let accepted = seen.wait_for(|seen| seen.accepted > since);
        let accepted = tokio::time::timeout(Duration::from_secs(30), accepted).await;
        accepted.expect("it must recover").unwrap().accepted - since
    }

    /// SIGKILL of a node. What was acked shortly before it may come again.
    pub async fn kill(&mut self, node: usize) {
        let at = Instant::now();
        self.nodes[node].kill9().await;
        self.ledger.doubt(None, at, self.late);
    }

    /// Starts a node again, on its port.
    pub async fn start(&mut self, node: usize) {
        let port = self.nodes[node].port;
        self.nodes[node].start_again().await;
        assert_eq!(self.nodes[node].port, port, "somebody took the port");
    }

    /// Acks of the last time may have been lost, or be late.
    pub fn doubt(&self) {
        self.ledger.doubt(None, Instant::now(), self.late);
    }

    /// No more is sent; every device gets and acks all that it was due, and leaves. What the senders saw.
    pub async fn settle(&mut self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(done) = self.senders.join_next().await {
            done.unwrap();
        }
        self.mood.store(DUTIES, Ordering::SeqCst);
        self.ledger.complete(Duration::from_secs(30)).await;
        self.ledger.check();
        self.devices.shutdown().await;
        let seen = *self.seen.borrow();
        let (accepted, deliveries, again) = self.ledger.sum();
        println!(
            "{accepted} accepted, {} times 503, slowest answer {:?}; {deliveries} delivered, {again} of them again",
            seen.refused, seen.slowest
        );
        assert!(accepted > 50 && deliveries > accepted, "{accepted} accepted, {deliveries} delivered");
        assert!(seen.slowest < ANSWERED, "an answer took {:?}", seen.slowest);
        seen
    }

    /// Every device comes once more, and acks what comes again because its ack was lost.
    pub async fn drain(&self) {
        for (number, (token, _)) in DEVICES.into_iter().enumerate() {
            let name = format!("d{number}");
            let mut client = Client::v4(&self.nodes[0], "demo", token, &name).await;
            while let Ok(event) = tokio::time::timeout(Duration::from_millis(300), client.packet()).await {
                client.ack(&event).await;
            }
            client.close().await;
        }
    }

    /// Nothing of a message is left on the servers.
    pub async fn nothing_left(&self, servers: &[&RedisServer]) {
        super::until("nothing is left of any message", async || {
            let keys = servers.iter().map(|server| server.cli(&["--scan"])).collect::<Vec<_>>().join("\n");
            let of_message =
                |key: &str| ["}:m:", "}:q:", "}:g:", "}:refs"].iter().any(|part| key.contains(part));
            (!keys.lines().any(of_message)).then_some(())
        })
        .await;
    }
}

fn reach() -> Vec<Vec<usize>> {
    let is_in = |room: &str, rooms: &str| rooms.split('+').any(|own| own == room.to_lowercase());
    let devices = |room: &&str| (0..DEVICES.len()).filter(|device| is_in(room, DEVICES[*device].0)).collect();
    SENDERS.iter().map(devices).collect()
}

/// Sends numbered messages into one room, each to any node.
struct Sender {
    number: usize,
    ports: Vec<u16>,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    seen: watch::Sender<Seen>,
    random: Random,
}

impl Sender {
    async fn send(mut self) {
        let path = format!("/send?site=demo&apiKey={}", Gateway::key("demo"));
        let headers = ["Content-Type: application/json", "Accept: application/json"];
        let mut number = 0;
        while !self.stop.load(Ordering::SeqCst) {
            number += 1;
            let args = json!([self.number, number]);
            let body = json!({ "rooms": [SENDERS[self.number]], "event": "numbered", "args": args });
            let (port, began) = (self.ports[self.random.below(self.ports.len())], Instant::now());
            match try_ask(port, "POST", &path, &headers, body.to_string().as_bytes()).await {
                Some(answer) => self.answered(number, &answer, began),
                // The node is dead at the moment; whether this one was kept is not known.
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            tokio::time::sleep(Duration::from_millis(10 + self.random.below(60) as u64)).await;
        }
    }

    fn answered(&self, number: u64, answer: &Answer, began: Instant) {
        self.seen.send_modify(|seen| seen.slowest = seen.slowest.max(began.elapsed()));
        match answer.status {
            200 => {
                let devices = answer.json()["devices"].as_u64().unwrap() as usize;
                if devices != self.ledger.reach(self.number) {
                    self.ledger.complain(format!("{} reached {devices} devices", SENDERS[self.number]));
                }
                self.ledger.accepted((self.number, number));
                self.seen.send_modify(|seen| seen.accepted = seen.accepted.max(began));
            }
            503 if answer.header("retry-after").is_some() => self.seen.send_modify(|seen| seen.refused += 1),
            _ => self.ledger.complain(format!("/send: {} {}", answer.status, answer.text())),
        }
    }
}
