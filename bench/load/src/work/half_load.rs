//! `half-load`: how long things take when the server has as much to do as it has time left.

use anyhow::{Result, ensure};

use super::rig::{Measured, Rig};
use crate::meter::verdict;
use crate::outcome::{Outcome, round, shares};
use crate::plan::HalfLoad;
use crate::post::Pace;
use crate::progress::say;

/// Finds the full speed, then sends at half of it.
pub async fn run(plan: &HalfLoad) -> Result<Outcome> {
    let rig = Rig::set_up(&plan.common)?;
    let (party, connect) = rig.welcome(plan.target).await?;
    let lanes = plan.concurrency as usize;
    let full = rig.measure(&party, Pace::Full { lanes }).await?;
    let posts = full.share.posted.posts as f64 / full.usage.seconds;
    ensure!(posts > 0.0, "no POST was accepted at full speed");
    say(&format!("full speed is {posts:.0} POSTs per second"));
    let half = rig.measure(&party, Pace::rate(posts / 2.0, lanes)).await?;
    Ok(with_full(rig.outcome("half-load").connect(connect).measured(&half), &full))
}

/// Full speed counts what was also delivered in its time, since that includes the last delivery.
fn with_full(outcome: Outcome, full: &Measured) -> Outcome {
    let (share, seconds) = (&full.share, full.usage.seconds);
    let delivered = share.counts.delivered as f64;
    outcome
        .with("full_posts_per_s", round(share.posted.posts as f64 / seconds))
        .with("full_messages_per_s", round(share.posted.messages as f64 / seconds))
        .with("full_deliveries_per_s", round(delivered / seconds))
        .with("full_cpu_per_million", round(full.usage.cpu() * 1e6 / delivered))
        .with("full_expected", share.posted.expected)
        .with("full_delivered", share.counts.delivered)
        .with(
            "full_bottleneck",
            serde_json::to_value(verdict(shares(&full.usage, &full.lag))).unwrap_or_default(),
        )
        .latencies("full", share)
}
