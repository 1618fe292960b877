//! kill -9, again and again, of the real binary, while many send, receive, ack, go and come back. Afterwards every
//! message that was answered with 2xx has reached every device it was for, in order; nothing that was acked long
//! before a crash came again; and nothing is left. `POSTROOM_SEED` repeats the choices of a run.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::crowd::ledger::{Cause, FORGETTABLE, UNDER_WAY};
use crate::support::crowd::{Crowd, DEVICES};
use crate::support::gateway::{Gateway, Setup};
use crate::support::random::Random;

/// Kills in quick succession, and kills that leave time for acks to become durable.
const QUICK: usize = 10;
const CALM: usize = 5;

/// Everything that goes on.
struct Town {
    gateway: Gateway,
    crowd: Crowd,
}

impl Town {
    async fn found(gateway: Gateway, random: &mut Random) -> Self {
        let crowd = Crowd::small(&[gateway.port], UNDER_WAY, 5..55, random).await;
        Self { gateway, crowd }
    }

    /// Lets things go on for a while, and kills in the middle of a rush.
    async fn kill_after(&mut self, calm: Duration, rush: Duration) {
        let Self { gateway, crowd } = self;
        tokio::time::sleep(calm).await;
        crowd.desk.rush.store(true, Ordering::SeqCst);
        tokio::time::sleep(rush).await;
        let at = Instant::now();
        gateway.kill9().await;
        crowd.desk.rush.store(false, Ordering::SeqCst);
        crowd.ledger.doubt(None, at, FORGETTABLE, Cause::NodeDied);
        gateway.start_again().await;
        crowd.ledger.check();
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
    town.crowd.settle(Duration::from_secs(20)).await;
    town.crowd.devices.shutdown().await;
    let (accepted, deliveries, again) = town.crowd.ledger.sum();
    println!("{accepted} accepted, {deliveries} delivered, {again} of them again");
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
