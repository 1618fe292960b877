//! `bursts`: many POSTs at once, again and again.

use anyhow::Result;

use super::rig::Rig;
use crate::outcome::Outcome;
use crate::plan::Bursts;
use crate::post::Pace;

/// Sends in bursts.
pub async fn run(plan: &Bursts) -> Result<Outcome> {
    let rig = Rig::set_up(&plan.common)?;
    let (party, connect) = rig.welcome(plan.target).await?;
    let (size, lanes) = (plan.burst as usize, plan.concurrency as usize);
    let measured = rig.measure(&party, Pace::Paced { size, every: plan.every, lanes }).await?;
    Ok(rig.outcome("bursts").connect(connect).measured(&measured).with("bursts", measured.times))
}
