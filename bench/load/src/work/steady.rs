//! `fan-out` and `unicast`: one kind of message, at full speed or at a rate.

use anyhow::Result;

use super::rig::Rig;
use crate::outcome::{Outcome, round};
use crate::plan::Steady;
use crate::post::Target;

/// Sends to that target.
pub async fn run(plan: &Steady, target: Target) -> Result<Outcome> {
    let rig = Rig::set_up(&plan.common)?;
    let (party, connect) = rig.welcome(target).await?;
    let measured = rig.measure(&party, plan.pace()).await?;
    let workload = if target == Target::All { "fan-out" } else { "unicast" };
    let messages_per_s = measured.share.posted.messages as f64 / measured.usage.seconds;
    Ok(rig
        .outcome(workload)
        .connect(connect)
        .measured(&measured)
        .with("messages_per_s", round(messages_per_s)))
}
