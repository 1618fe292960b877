//! Clients that mean harm, or are broken. Whatever one does, it is closed or told; the others do not notice, memory
//! stays bounded, and the process lives.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};
use crate::support::site_server::SiteServer;

mod auth;
mod floods;
mod frames;
mod names;
mod neighbours;
mod noise;
mod raw;
mod sizes;
mod slow;
mod upgrades;

/// The others get a message within this time, once the offender has had its way.
const PROMPT: Duration = Duration::from_secs(1);
/// While the offender is at work on the same two cores, beside other tests.
const DURING: Duration = Duration::from_secs(5);
/// KiB by which the gateway may have grown after an attack, unless the test states another bound.
const GROWTH: usize = 48 * 1024;

/// A gateway, its backend, and two clients who have nothing to do with the attack; one on each worker.
struct Scene {
    gateway: Gateway,
    server: SiteServer,
    bystanders: [Client; 2],
    beats: u64,
    /// KiB of resident memory before the attack.
    before: usize,
}

impl Scene {
    async fn new() -> Self {
        let server = backend::start().await;
        Self::with(Setup::demo(&server), server).await
    }

    async fn with(setup: Setup, server: SiteServer) -> Self {
        let gateway = setup.start().await;
        let a = Client::v4(&gateway, "demo", "user_calm+lobby", "a").await;
        let b = Client::v3(&gateway, "demo", "user_calm+lobby", "b").await;
        let mut scene = Self { gateway, server, bystanders: [a, b], beats: 0, before: 0 };
        scene.beat().await;
        scene.before = scene.resident();
        scene
    }

    /// Sends to the bystanders; how long it took until both had it.
    async fn beat(&mut self) -> Duration {
        self.beats += 1;
        let start = Instant::now();
        self.gateway.send("demo", &["lobby"], "beat", json!(self.beats)).await;
        for bystander in &mut self.bystanders {
            let beat = bystander.acked("beat").await;
            assert_eq!(beat.args(), [json!(self.beats)]);
        }
        start.elapsed()
    }

    /// Runs an attack on a thread of its own. The bystanders get their messages all the while.
    async fn during<T: Send + 'static>(&mut self, attack: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, mut done) = tokio::sync::oneshot::channel();
        let attacker = std::thread::spawn(move || {
            let outcome = attack();
            let _ = tell.send(());
            outcome
        });
        let mut longest = Duration::ZERO;
        while matches!(done.try_recv(), Err(tokio::sync::oneshot::error::TryRecvError::Empty)) {
            longest = longest.max(self.beat().await);
            let _ = tokio::time::timeout(Duration::from_millis(20), &mut done).await;
            if attacker.is_finished() {
                break;
            }
        }
        assert!(longest < DURING, "a bystander waited {longest:?}");
        attacker.join().expect("the attack went as planned")
    }

    /// After the attack: a message comes at once, memory is bounded, the process lives.
    async fn calm(&mut self) {
        self.calm_within(GROWTH).await;
    }

    async fn calm_within(&mut self, growth: usize) {
        let took = self.beat().await;
        assert!(took < PROMPT, "a bystander waited {took:?}");
        let now = self.resident();
        assert!(
            now <= self.before + growth,
            "the gateway grew from {} KiB to {now} KiB, by more than {growth}",
            self.before
        );
        assert_eq!(self.gateway.get("/livez").await.status, 200);
    }

    /// KiB of memory that the process holds.
    fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.gateway.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().split(' ').next().unwrap().parse().unwrap()
    }
}
