//! The workloads, one file each, and what they are made of: a rig that measures, and parties (the clients and the
//! messages of one site) that are measured.

mod bursts;
mod half_load;
mod idle;
mod noisy;
mod party;
mod rig;
mod slow_reader;
mod steady;
mod storm;
mod watch;

use anyhow::Result;

pub use party::Share;
pub use rig::Measured;

use crate::outcome::Outcome;
use crate::plan::{Plan, Work};
use crate::post::Target;

/// Does what was asked for.
pub async fn run(plan: &Plan) -> Result<Outcome> {
    match &plan.work {
        Work::FanOut(steady) => steady::run(steady, Target::All).await,
        Work::Unicast(steady) => steady::run(steady, Target::User).await,
        Work::Bursts(plan) => bursts::run(plan).await,
        Work::HalfLoad(plan) => half_load::run(plan).await,
        Work::Idle(plan) => idle::run(plan).await,
        Work::Storm(plan) => storm::run(plan).await,
        Work::SlowReader(plan) => slow_reader::run(plan).await,
        Work::Noisy(plan) => noisy::run(plan).await,
    }
}

#[cfg(test)]
mod tests;
