//! `noisy`: does a site at full speed trouble a quiet one?

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::party::{Party, Share, outgoing};
use super::rig::{Measured, Rig};
use crate::latency::Latency;
use crate::local;
use crate::outcome::{Outcome, round};
use crate::plan::Noisy;
use crate::post::{Pace, Posted, Target};
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
    /// Where the noise goes.
    site: String,
    target: Target,
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
    let outcome = street.rig.outcome("noisy").connect(connect).beside(&beside);
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
    let (site, target) = (plan.noisy_site.clone(), plan.noisy_target);
    Ok((Street { rig, quiet, noisy, pace, noise, site, target }, connect))
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
        let mark = self.noisy.mark().await?;
        let begin = Instant::now();
        let loud = self.make_noise()?;
        sleep(RAMP).await;
        let quiet = self.alone().await?;
        let (posted, send) = loud.await.context("the noise has ended early")?;
        self.noisy.delivered(&mark, posted.expected, self.rig.common.drain).await;
        let seconds = begin.elapsed().as_secs_f64();
        let share = Share { posted, send, ..self.noisy.share(&mark).await? };
        Ok((quiet, Noise { share, seconds }))
    }

    /// Sends from a thread of its own, so that the quiet site's messages do not wait for the noisy one's in here.
    fn make_noise(&self) -> Result<oneshot::Receiver<(Posted, Latency)>> {
        let (done, noise) = oneshot::channel();
        let (common, site, target, pace) =
            (self.rig.common.clone(), self.site.clone(), self.target, self.noise);
        let people = self.noisy.people.clone();
        local::thread("noise", move || async move {
            let outgoing = Rc::new(outgoing(&common, &site, people, target, common.pad));
            pace.drive(&outgoing, common.seconds + 2 * RAMP, common.drain).await;
            let _ = done.send((outgoing.posted(), outgoing.take_times()));
        })?;
        Ok(noise)
    }
}
