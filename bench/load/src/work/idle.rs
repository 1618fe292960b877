//! `idle`: what clients cost that do nothing.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::party::outfit;
use super::rig::Rig;
use crate::crowd::{Counts, Crowd, Wave};
use crate::latency::Latency;
use crate::meter::{Line, Usage};
use crate::outcome::{Memory, Outcome, round};
use crate::plan::Idle;
use crate::progress::say;

/// A step, when all its clients are in.
struct Step {
    memory: Memory,
    connect_us: f64,
}

/// What the step that is looked at longer has shown.
struct Held {
    memory: Memory,
    connect_us: f64,
    usage: Usage,
    lag: Latency,
}

/// Opens clients step by step.
pub async fn run(plan: &Idle) -> Result<Outcome> {
    ensure!(plan.steps.is_sorted_by(|one, next| one < next), "--steps must grow");
    let Some(&last) = plan.steps.last() else { anyhow::bail!("--steps is empty") };
    let at = if plan.steps.contains(&plan.at) { plan.at } else { last };
    let rig = Rig::set_up(&plan.common)?;
    let crowd = Crowd::gather("clients", &outfit(&plan.common, &plan.common.site))?;
    let (mut steps, mut held, mut there) = (Vec::new(), None, 0);
    for &clients in &plan.steps {
        let step = climb(&rig, plan, &crowd, there, clients).await?;
        if clients == at {
            held = Some(hold(&rig, plan, &step).await);
        }
        steps.push(step);
        there = clients;
    }
    let Some(held) = held else { anyhow::bail!("no step was held") };
    Ok(outcome(plan, &steps, &held, &crowd.counts()))
}

async fn climb(rig: &Rig, plan: &Idle, crowd: &Crowd, from: u32, to: u32) -> Result<Step> {
    let before = rig.meter.now();
    let opening = plan.common.opening as usize;
    let wave = Wave { numbers: from..to, opening, within: std::time::Duration::ZERO, owed: 0 };
    crowd.open_all(&wave).await?;
    let connect_us = before.until(&rig.meter.now()).cpu() * 1e6 / f64::from((to - from).max(1));
    sleep(plan.settle).await;
    let memory = rig.memory(to);
    say(&format!("{to} clients: {} KiB, {:.2} KiB each", memory.now_kib, memory.per_connection()));
    Ok(Step { memory, connect_us })
}

async fn hold(rig: &Rig, plan: &Idle, step: &Step) -> Held {
    let begin = rig.begin();
    sleep(plan.hold).await;
    let (usage, lag) = rig.end(&begin).await;
    Held { memory: step.memory, connect_us: step.connect_us, usage, lag }
}

fn outcome(plan: &Idle, steps: &[Step], held: &Held, counts: &Counts) -> Outcome {
    let point = |step: &Step| (f64::from(step.memory.clients), step.memory.now_kib as f64);
    let line = Line::through(&steps.iter().map(point).collect::<Vec<_>>());
    let minute = held.usage.cpu() * 60.0 / held.usage.seconds.max(1e-9);
    let mut outcome = Outcome::new(&plan.common.label, "idle", held.memory.clients)
        .gone(counts)
        .usage(&held.usage, &held.lag)
        .memory(held.memory)
        .connect(held.connect_us)
        .idle(minute)
        .with("rss_before_kib", held.memory.before_kib)
        .with("steps", steps.iter().map(row).collect::<Vec<_>>());
    if let Some(line) = line {
        outcome = outcome.projected(line.slope, line.at(100_000.0) / 1024.0);
    }
    outcome
}

fn row(step: &Step) -> Value {
    json!({
        "clients": step.memory.clients,
        "rss_kib": step.memory.now_kib,
        "kib_per_connection": round(step.memory.per_connection()),
        "connect_us_cpu": round(step.connect_us),
    })
}
