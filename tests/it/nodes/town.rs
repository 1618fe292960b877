//! Devices that roam between the nodes, senders that send to any of them, and a ledger of all.

use std::time::{Duration, Instant};

use crate::support::backend;
use crate::support::client::Client;
use crate::support::crowd::ledger::Cause;
use crate::support::crowd::sender::Seen;
use crate::support::crowd::{Crowd, DEVICES};
use crate::support::gateway::{Gateway, Setup};
use crate::support::random::Random;
use crate::support::redis::RedisServer;
use crate::support::site_server::SiteServer;

/// `/send` answers within 2 s; what a busy machine adds.
pub const ANSWERED: Duration = Duration::from_millis(2500);

/// Several nodes and everything that goes on.
pub struct Town {
    pub nodes: Vec<Gateway>,
    pub crowd: Crowd,
    late: Duration,
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
        let ports: Vec<u16> = nodes.iter().map(|node| node.port).collect();
        let crowd = Crowd::small(&ports, late, 10..70, &mut random).await;
        Self { nodes, crowd, late, _site: site }
    }

    /// Lets things go on for a while.
    pub async fn go_on(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        self.crowd.ledger.check();
    }

    /// Waits until a message is accepted that was handed in after `since`; how long that took.
    pub async fn accepts_after(&self, since: Instant) -> Duration {
        let mut seen = self.crowd.desk.seen.subscribe();
        let accepted = seen.wait_for(|seen| seen.accepted > since);
        let accepted = tokio::time::timeout(Duration::from_secs(30), accepted).await;
        accepted.expect("it must recover").unwrap().accepted - since
    }

    /// SIGKILL of a node. What was acked shortly before it may come again.
    pub async fn kill(&mut self, node: usize) {
        let at = Instant::now();
        self.nodes[node].kill9().await;
        self.crowd.ledger.doubt(None, at, self.late, Cause::NodeDied);
    }

    /// Starts a node again, on its port.
    pub async fn start(&mut self, node: usize) {
        let port = self.nodes[node].port;
        self.nodes[node].start_again().await;
        assert_eq!(self.nodes[node].port, port, "somebody took the port");
    }

    /// Acks of the last time may have been lost, or be late.
    pub fn doubt(&self) {
        self.crowd.ledger.doubt(None, Instant::now(), self.late, Cause::NodeDied);
    }

    /// No more is sent; every device gets and acks all that it was due, and leaves. What the senders saw.
    pub async fn settle(&mut self) -> Seen {
        self.crowd.settle(Duration::from_secs(30)).await;
        self.crowd.devices.shutdown().await;
        let seen = *self.crowd.desk.seen.borrow();
        let (accepted, deliveries, again) = self.crowd.ledger.sum();
        println!(
            "{accepted} accepted, {} times 503, slowest answer {:?}; {deliveries} delivered, {again} of them again",
            seen.refused, seen.slowest
        );
        assert!(accepted > 50 && deliveries > accepted, "{accepted} accepted, {deliveries} delivered");
        assert!(seen.slowest < ANSWERED, "an answer took {:?}", seen.slowest);
        seen
    }

    /// Every device comes once more, and acks what comes again because its ack was lost, or was perhaps accepted.
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
