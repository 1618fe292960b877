//! `storm`: everybody comes back at once, and something waits for each.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::party::{Party, outgoing};
use super::rig::Rig;
use crate::crowd::Wave;
use crate::local::wait_for;
use crate::outcome::{Outcome, round};
use crate::plan::Storm;
use crate::post::{Due, Fate, Outgoing, Target};
use crate::progress::say;

/// For the server to notice that everybody has left.
const GOODBYE: Duration = Duration::from_secs(1);
/// For the queues to be filled, and for the last to come back.
const PATIENCE: Duration = Duration::from_mins(2);
/// Connections by which queues are filled one by one.
const LANES: usize = 16;

/// All connect, leave, and come back.
pub async fn run(plan: &Storm) -> Result<Outcome> {
    let rig = Rig::set_up(&plan.common)?;
    let (party, _) = rig.welcome(plan.fill).await?;
    party.crowd.leave().await?;
    sleep(GOODBYE).await;
    let filled = fill(plan, &party).await?;
    let mark = party.mark().await?;
    let begin = rig.begin();
    let took = come_back(plan, &party).await;
    let (usage, mut lag) = rig.end(&begin).await;
    let mut share = party.share(&mark).await?;
    share.posted = filled.posted();
    lag.merge(&share.times.lag);
    let (counts, times) = (share.counts, &share.times);
    let back = counts.joined.max(1) as f64;
    let outcome = rig.outcome("storm").usage(&usage, &lag).share(&share, usage.seconds);
    Ok(outcome
        .without_rates()
        .connect(usage.cpu() * 1e6 / back)
        .with("storm_seconds", took.and_then(|took| round(took.as_secs_f64())))
        .with("connect_p50_ms", times.connect.p50())
        .with("connect_p99_ms", times.connect.p99())
        .with("connect_max_ms", times.connect.max())
        .with("ready_p50_ms", times.ready.p50())
        .with("ready_p99_ms", times.ready.p99())
        .with("through", if plan.queue > 0 { counts.ready } else { counts.joined })
        .with("batches", counts.batches)
        .with("failures", counts.failures))
}

/// Posts until everybody's queue is full.
async fn fill(plan: &Storm, party: &Party) -> Result<Rc<Outgoing>> {
    let common = &plan.common;
    let filling = Rc::new(outgoing(common, &common.site, party.people.clone(), plan.fill, common.pad));
    let (each, lanes) = match plan.fill {
        Target::All => (1, 1),
        Target::User => (u64::from(common.clients), LANES),
    };
    let wanted = u64::from(plan.queue) * each;
    let left = Rc::new(Cell::new(wanted.div_ceil(filling.messages())));
    let end = Instant::now() + PATIENCE;
    let mut all = JoinSet::new();
    for _ in 0..lanes {
        all.spawn_local(post(Rc::clone(&filling), Rc::clone(&left), end));
    }
    while all.join_next().await.is_some() {}
    let messages = filling.posted().messages;
    ensure!(messages >= wanted, "only {messages} of {wanted} messages that are to wait were accepted");
    say(&format!("{messages} messages wait, {} deliveries", filling.posted().expected));
    Ok(filling)
}

async fn post(filling: Rc<Outgoing>, left: Rc<Cell<u64>>, end: Instant) {
    let mut lane = filling.lane();
    while left.get() > 0 && Instant::now() < end {
        left.set(left.get() - 1);
        if filling.post(&mut lane, Due::now()).await != Fate::Accepted {
            left.set(left.get() + 1);
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Returns how long it took until the last one was through, if all were.
async fn come_back(plan: &Storm, party: &Party) -> Option<Duration> {
    let all = u64::from(plan.common.clients);
    let before = party.crowd.counts();
    let begin = Instant::now();
    let opening = party.people.len();
    party.crowd.open(&Wave { numbers: party.people.clone(), opening, within: plan.within, owed: plan.queue });
    let through = || {
        let now = party.crowd.counts().since(&before);
        if plan.queue > 0 { now.ready >= all } else { now.joined >= all }
    };
    let whole = wait_for(plan.within + PATIENCE, through).await;
    let took = begin.elapsed();
    say(&format!("the storm took {:.1} s", took.as_secs_f64()));
    whole.then_some(took)
}
