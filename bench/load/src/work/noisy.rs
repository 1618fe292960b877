//! `noisy`: does a site at full speed trouble a quiet one?

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::party::{Party, Share};
use super::rig::{Measured, Rig};
use crate::latency::Latency;
use crate::outcome::{Outcome, round};
use crate::plan::Noisy;
use crate::post::Pace;
use crate::progress::say;

/// How long there is noise before the quiet site is measured, and at least after it.
const RAMP: Duration = Duration::from_millis(500);
/// Connections of a site that sends at a rate.
const LANES: usize = 16;

/// The two sites.
struct Street {
    rig: Rig,
    quiet: Party,
    noisy: Party,
    pace: Pace,
    noise: Pace,
}

/// What the noisy site did, and in how many seconds.
#[derive(Default)]
struct Noise {
    share: Share,
    seconds: f64,
}

/// Alone and beside, in turn.
pub async fn run(plan: &Noisy) -> Result<Outcome> {
    let (street, connect) = set(plan).await?;
    let (mut alone, mut beside, mut noise) = (Measured::default(), Measured::default(), Noise::default());
    for slice in 1..=plan.slices {
        say(&format!("slice {slice} of {}", plan.slices));
        alone = together(alone, &street.alone().await?);
        let (quiet, loud) = street.beside().await?;
        beside = together(beside, &quiet);
        noise = Noise { share: noise.share.plus(&loud.share), seconds: noise.seconds + loud.seconds };
    }
    let outcome = street.rig.outcome("noisy").connect(connect).measured(&beside);
    Ok(compared(outcome.latencies("alone", &alone.share).latencies("beside", &beside.share), &alone, &beside)
        .with("noisy_busy", noise.share.posted.busy)
        .with("noisy_failed", noise.share.posted.failed)
        .with("noisy_posts_per_s", round(noise.share.posted.posts as f64 / noise.seconds))
        .with("noisy_deliveries_per_s", round(noise.share.counts.delivered as f64 / noise.seconds))
        .with("noisy_expected", noise.share.posted.expected)
        .with("noisy_delivered", noise.share.counts.delivered)
        .with("noisy_closed", noise.share.counts.closed))
}

fn compared(outcome: Outcome, alone: &Measured, beside: &Measured) -> Outcome {
    let ratio = |of: fn(&Share) -> &Latency| {
        let p99 = |measured: &Measured| of(&measured.share).p99();
        p99(beside).zip(p99(alone)).and_then(|(beside, alone)| round(beside / alone))
    };
    outcome
        .with("delivery_p99_ratio", ratio(|share| &share.times.delivery))
        .with("send_p99_ratio", ratio(|share| &share.send))
        .with("alone_busy", alone.share.posted.busy)
        .with("alone_expected", alone.share.posted.expected)
        .with("alone_delivered", alone.share.counts.delivered)
        .with("quiet_busy", beside.share.posted.busy)
}

fn together(mut some: Measured, other: &Measured) -> Measured {
    some.lag.merge(&other.lag);
    some.usage = some.usage.plus(&other.usage);
    some.share = some.share.plus(&other.share);
    some
}

async fn set(plan: &Noisy) -> Result<(Street, f64)> {
    let rig = Rig::set_up(&plan.common)?;
    let (quiet, connect) = rig.welcome(plan.target).await?;
    let noisy =
        Party::new(&plan.common, "noisy", &plan.noisy_site, 0..plan.noisy_clients, plan.noisy_target)?;
    rig.let_in(&noisy).await?;
    let noise = match plan.noisy_rate {
        Some(rate) => Pace::rate(rate, LANES),
        None => Pace::Full { lanes: plan.noisy_concurrency as usize },
    };
    let pace = Pace::rate(plan.rate, LANES);
    rig.warm_up(&quiet, pace).await?;
    Ok((Street { rig, quiet, noisy, pace, noise }, connect))
}

impl Street {
    /// The quiet site, for one slice.
    async fn alone(&self) -> Result<Measured> {
        let (seconds, drain) = (self.rig.common.seconds, self.rig.common.drain);
        let mark = self.quiet.mark().await?;
        let begin = self.rig.begin();
        self.pace.drive(&self.quiet.outgoing, seconds, drain).await;
        self.quiet.drained(&mark, drain).await;
        let (usage, mut lag) = self.rig.end(&begin).await;
        let share = self.quiet.share(&mark).await?;
        lag.merge(&share.times.lag);
        Ok(Measured { usage, share, lag, times: 0 })
    }

    /// The same beside the noisy one. Its deliveries are waited for after that, so that the next slice is quiet.
    async fn beside(&self) -> Result<(Measured, Noise)> {
        let (seconds, drain) = (self.rig.common.seconds, self.rig.common.drain);
        let mark = self.noisy.mark().await?;
        let (noise, outgoing, begin) = (self.noise, Rc::clone(&self.noisy.outgoing), Instant::now());
        let loud = tokio::task::spawn_local(async move {
            noise.drive(&outgoing, seconds + 2 * RAMP, drain).await;
        });
        sleep(RAMP).await;
        let quiet = self.alone().await?;
        let _ = loud.await;
        self.noisy.drained(&mark, drain).await;
        let seconds = begin.elapsed().as_secs_f64();
        let share = self.noisy.share(&mark).await?;
        Ok((quiet, Noise { share, seconds }))
    }
}
