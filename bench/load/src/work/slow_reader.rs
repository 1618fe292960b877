//! `slow-reader`: does somebody who does not read trouble those who do, and what becomes of him?

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::party::{Party, Share, outgoing};
use super::rig::{Measured, Rig};
use super::watch::Watch;
use crate::local::wait_for;
use crate::outcome::Outcome;
use crate::plan::SlowReader;
use crate::post::{Outgoing, Pace, Target};
use crate::progress::say;

/// For the server to give back what it had kept.
const CALM: Duration = Duration::from_secs(1);
/// Connections for each kind of message.
const LANES: usize = 16;

/// Everybody who takes part.
struct Scene {
    rig: Rig,
    fast: Party,
    slow: Party,
    stuffing: Rc<Outgoing>,
    pace: Pace,
    stuffing_pace: Pace,
}

/// First all read, then some do not.
pub async fn run(plan: &SlowReader) -> Result<Outcome> {
    let (scene, connect) = set(plan).await?;
    let watch = scene.watch().await?;
    let reading = scene.play().await?;
    drop(watch);
    let before_kib = scene.rig.meter.resident_kib();
    let watch = scene.watch().await?;
    scene.slow.crowd.stop_reading();
    let deaf = scene.play().await?;
    scene.wait_for_close(&watch, plan).await;
    sleep(CALM).await;
    say(&format!("{} of {} slow ones were closed", watch.closed(), plan.slow));
    let outcome = scene.rig.outcome("slow-reader").connect(connect).beside(&deaf);
    Ok(latencies(outcome, &reading.share)
        .with("slow_closed", watch.closed())
        .with("slow_closed_after_s", watch.closed_after_s())
        .with("rss_before_kib", before_kib)
        .with("rss_peak_kib", watch.peak_kib())
        .with("rss_after_kib", scene.rig.meter.resident_kib()))
}

fn latencies(outcome: Outcome, reading: &Share) -> Outcome {
    outcome
        .latencies("reading", reading)
        .with("reading_delivered", reading.counts.delivered)
        .with("reading_expected", reading.posted.expected)
}

async fn set(plan: &SlowReader) -> Result<(Scene, f64)> {
    let common = &plan.common;
    let rig = Rig::set_up(common)?;
    let (fast, connect) = rig.welcome(Target::All).await?;
    let people = common.clients..common.clients + plan.slow;
    let slow = Party::new(common, "slow", &common.site, people.clone(), Target::User)?;
    rig.let_in(&slow).await?;
    let stuffing = Rc::new(outgoing(common, &common.site, people, Target::User, plan.stuffing_pad));
    let (pace, stuffing_pace) = (Pace::rate(plan.rate, LANES), Pace::rate(plan.stuffing, LANES));
    rig.warm_up(&fast, pace).await?;
    Ok((Scene { rig, fast, slow, stuffing, pace, stuffing_pace }, connect))
}

impl Scene {
    /// Watches the slow ones. This costs something, so it is done in both halves.
    async fn watch(&self) -> Result<Watch> {
        let ports = self.slow.crowd.ports().await?;
        Watch::begin(self.rig.meter.server(), self.rig.common.port, ports)
    }

    /// Sends to all, and more to the slow ones; measures the fast ones.
    async fn play(&self) -> Result<Measured> {
        let (seconds, drain) = (self.rig.common.seconds, self.rig.common.drain);
        let mark = self.fast.mark().await?;
        let begin = self.rig.begin();
        self.send(seconds).await;
        self.fast.drained(&mark, drain).await;
        let (usage, mut lag) = self.rig.end(&begin).await;
        let share = self.fast.share(&mark).await?;
        lag.merge(&share.times.lag);
        Ok(Measured { usage, share, lag, times: 0 })
    }

    async fn send(&self, span: Duration) {
        let (stuffing, pace, drain) = (Rc::clone(&self.stuffing), self.stuffing_pace, self.rig.common.drain);
        let stuffed = tokio::task::spawn_local(async move { pace.drive(&stuffing, span, drain).await });
        self.pace.drive(&self.fast.outgoing, span, drain).await;
        let _ = stuffed.await;
    }

    /// Goes on sending until the slow ones are closed.
    async fn wait_for_close(&self, watch: &Watch, plan: &SlowReader) {
        let all = || watch.closed() >= u64::from(plan.slow);
        let turns = plan.patience.as_secs();
        for _ in 0..turns {
            if all() {
                return;
            }
            self.send(Duration::from_secs(1)).await;
        }
        wait_for(Duration::from_millis(500), all).await;
    }
}
