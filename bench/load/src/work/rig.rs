//! What measures: the meter, and how late this thread's own timers are.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::party::{Party, Share};
use crate::auth;
use crate::latency::Latency;
use crate::local;
use crate::meter::{Meter, Moment, Usage};
use crate::outcome::{Memory, Outcome};
use crate::plan::Common;
use crate::post::{Pace, Target};
use crate::progress::say;

/// Acknowledgements may be written down a moment after they came: their cost is counted too.
const AFTERMATH: Duration = Duration::from_millis(300);

/// What a stretch of work did and used.
#[derive(Debug, Default)]
pub struct Measured {
    /// What it used.
    pub usage: Usage,
    /// What happened.
    pub share: Share,
    /// How late the generator's timers were.
    pub lag: Latency,
    /// How many times POSTs were let go, where that was paced.
    pub times: u64,
}

/// What measures.
pub struct Rig {
    pub common: Common,
    pub meter: Meter,
    /// The server's memory before the first client.
    pub before_kib: u64,
    lag: Rc<RefCell<Latency>>,
}

impl Rig {
    /// Begins to answer as the sites' own server, and looks at the processes.
    pub fn set_up(common: &Common) -> Result<Self> {
        if let Some(port) = common.auth_port {
            auth::serve(port)?;
        }
        let meter = Meter::new(&common.pid, &common.pid2)?;
        let lag = Rc::new(RefCell::new(Latency::default()));
        let probed = Rc::clone(&lag);
        tokio::task::spawn_local(local::probe(move |late| probed.borrow_mut().add(late)));
        Ok(Self { common: common.clone(), before_kib: meter.resident_kib(), meter, lag })
    }

    /// The clients of the site, all connected; and what a connect cost the server, in microseconds.
    pub async fn welcome(&self, target: Target) -> Result<(Party, f64)> {
        let party = Party::new(&self.common, "clients", &self.common.site, 0..self.common.clients, target)?;
        let cost = self.let_in(&party).await?;
        Ok((party, cost))
    }

    /// Connects all of a party; returns what a connect cost the server, in microseconds.
    pub async fn let_in(&self, party: &Party) -> Result<f64> {
        let before = self.meter.now();
        party.crowd.open_all(&party.wave()).await?;
        let usage = before.until(&self.meter.now());
        let count = party.people.len();
        say(&format!("{count} clients are connected, after {:.1} s", usage.seconds));
        Ok(usage.cpu() * 1e6 / count.max(1) as f64)
    }

    /// Sends at that pace: first to warm up, then measured.
    pub async fn measure(&self, party: &Party, pace: Pace) -> Result<Measured> {
        let (seconds, drain) = (self.common.seconds, self.common.drain);
        self.warm_up(party, pace).await?;
        let mark = party.mark().await?;
        let begin = self.begin();
        let times = pace.drive(&party.outgoing, seconds, drain).await;
        party.drained(&mark, drain).await;
        let (usage, mut lag) = self.end(&begin).await;
        let share = party.share(&mark).await?;
        lag.merge(&share.times.lag);
        let (came, wanted) = (share.counts.delivered, share.posted.expected);
        say(&format!(
            "{} POSTs, {came} of {wanted} deliveries in {:.1} s",
            share.posted.posts, usage.seconds
        ));
        Ok(Measured { usage, share, lag, times })
    }

    /// Sends without measuring.
    pub async fn warm_up(&self, party: &Party, pace: Pace) -> Result<()> {
        let mark = party.mark().await?;
        pace.drive(&party.outgoing, self.common.warm, self.common.drain).await;
        party.drained(&mark, self.common.drain).await;
        sleep(AFTERMATH).await;
        Ok(())
    }

    /// Begins to measure what is used.
    pub fn begin(&self) -> Moment {
        drop(self.lag.borrow_mut().take());
        self.meter.now()
    }

    /// What was used since, and how late timers of this thread were. The time ends now; the cost a moment later.
    pub async fn end(&self, begin: &Moment) -> (Usage, Latency) {
        let mut usage = begin.until(&self.meter.now());
        let lag = self.lag.borrow_mut().take();
        sleep(AFTERMATH).await;
        let all = begin.until(&self.meter.now());
        (usage.user, usage.sys, usage.second) = (all.user, all.sys, all.second);
        (usage, lag)
    }

    /// The server's memory with so many clients, now.
    pub fn memory(&self, clients: u32) -> Memory {
        Memory { before_kib: self.before_kib, now_kib: self.meter.resident_kib(), clients }
    }

    /// A result without anything measured but memory.
    pub fn outcome(&self, workload: &'static str) -> Outcome {
        let clients = self.common.clients;
        Outcome::new(&self.common.label, workload, clients).memory(self.memory(clients))
    }
}
