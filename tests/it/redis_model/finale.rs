//! A run from its beginning to its end, and what has to be true then.

use std::time::Duration;

use postroom::store::*;

use super::node::health;
use super::plan::{DEVICES, NODES, Plan};
use super::vault::Sums;
use super::world::{Act, World};

/// The node that sweeps up behind all others.
const SWEEPER: usize = NODES;
/// How long the devices live once it has come.
const SHORT: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a message may wait for its answer, and a stall lasts.
const RUN_OUT: Duration = Duration::from_secs(2);
/// Things break for as long as this, then it is looked whether all is well.
const ROUND: Duration = Duration::from_secs(10);

/// Carries out a plan.
pub(super) fn carry_out(plan: Plan) {
    let lasts = plan.lasts;
    let mut world = World::new(plan);
    for node in 0..NODES {
        world.nodes[node].open(world.plan.ttl);
    }
    assert!(world.go_on(PATIENCE, |world| world.nodes[..NODES].iter().all(health)), "no nodes");
    world.after(Duration::ZERO, Act::Look);
    let rounds = (lasts.as_secs() / ROUND.as_secs()).max(1) as u32;
    for _ in 0..rounds {
        world.begin();
        world.go_on(lasts / rounds, |_| false);
        world.come_to_rest();
        world.see_that_nobody_lacks_anything();
    }
    world.receive_the_rest();
    world.compare_counters();
    world.sweep_up();
    world.ledger.close();
    world.report();
}

impl World {
    fn come_to_rest(&mut self) {
        self.ending = true;
        self.go_on(RUN_OUT, |_| false);
        for node in &mut self.nodes {
            node.proxy.resume();
            node.stalled = false;
        }
        let rested =
            self.go_on(PATIENCE, |world| world.redis_runs && world.nodes[..NODES].iter().all(health));
        if !rested {
            self.ledger.violation(None, "the nodes are not in order again");
        }
    }

    /// In the end every session is live that is not waiting for its client, and has shown the last of what waits.
    fn see_that_nobody_lacks_anything(&mut self) {
        let mut lacking = Vec::new();
        let content = self.go_on(self.patience() / 4, |world| {
            lacking = world.lacking();
            lacking.is_empty()
        });
        if !content {
            for (device, text) in lacking {
                self.ledger.violation(Some(device), &text);
            }
        }
    }

    fn lacking(&mut self) -> Vec<(usize, String)> {
        let bearing: Vec<_> =
            self.sessions.values().filter_map(|session| Some((session, session.kept.as_ref()?))).collect();
        let numbers: Vec<_> = bearing.iter().map(|(_, kept)| kept.device).collect();
        let Some(inboxes) = self.vault.inboxes(&numbers) else { return vec![(0, "no look at Redis".into())] };
        let mut lacking = Vec::new();
        for ((session, kept), inbox) in bearing.iter().zip(inboxes) {
            let waits = kept.flow.batch().is_some();
            let last = inbox.iter().max().copied().unwrap_or_default();
            if !waits && (!kept.flow.is_live() || kept.flow.last().0 < last) {
                let (slot, live, shown) = (session.reference.slot, kept.flow.is_live(), kept.flow.last().0);
                lacking.push((
                    session.owner,
                    format!("session {slot} (live: {live}) is at {shown}, and does not get {last}"),
                ));
            }
        }
        lacking
    }

    /// Where something is wrong already, the end is not waited for.
    fn patience(&self) -> Duration {
        if self.ledger.violations().is_empty() { PATIENCE } else { PATIENCE / 10 }
    }

    /// Every device begins a new session and gets what it lacks.
    fn receive_the_rest(&mut self) {
        self.leave_all();
        let complete = self.go_on(self.patience(), |world| {
            world.see_that_all_are_here();
            world.ledger.missing().is_empty()
        });
        if !complete {
            self.count("not complete");
        }
    }

    fn leave_all(&mut self) {
        let slots: Vec<u32> = self.sessions.keys().copied().collect();
        for slot in slots {
            self.leave(slot);
        }
    }

    fn see_that_all_are_here(&mut self) {
        for device in 0..DEVICES {
            if self.ledger.devices[device].sessions.is_empty() {
                let node = self.random.below(NODES);
                self.come(device, node);
            }
        }
    }

    /// What is counted balances, is what stands in Redis, and what each node says.
    fn compare_counters(&mut self) {
        let mut seen = String::new();
        let equal = self.go_on(self.patience(), |world| {
            let settled = world.nodes[..NODES]
                .iter()
                .all(|node| node.within(Duration::from_secs(10), postroom::store::redis::RedisStore::settle));
            let sums = world.vault.sums();
            let told: Vec<Counters> =
                world.nodes[..NODES].iter().filter_map(|node| Some(node.store()?.counters())).collect();
            seen = format!("settled: {settled}, {sums:?}, {told:?}");
            settled && sums.is_some_and(|sums| are_equal(&sums, &told))
        });
        if !equal {
            self.ledger.violation(None, &format!("counters differ: {seen}"));
        }
    }

    /// All nodes end, another one comes and lets everything expire: nothing may be left.
    fn sweep_up(&mut self) {
        self.leave_all();
        for node in 0..NODES {
            if !self.nodes[node].within(PATIENCE, Store::close) {
                self.ledger.violation(None, &format!("node {node} does not close"));
            }
            self.nodes[node].kill();
        }
        self.sweeping = true;
        self.nodes[SWEEPER].open(SHORT);
        self.go_on(PATIENCE, |world| health(&world.nodes[SWEEPER]));
        for device in 0..DEVICES {
            self.come(device, SWEEPER);
        }
        let empty =
            self.go_on(self.patience(), |world| world.vault.sums().is_some_and(|sums| sums.waiting == 0));
        if !empty {
            let sums = self.vault.sums();
            self.ledger.violation(None, &format!("not everything can be acknowledged: {sums:?}"));
        }
        self.leave_all();
        if !self.go_on(self.patience(), |world| world.vault.leftovers().is_empty()) {
            for left in self.vault.leftovers() {
                self.ledger.violation(None, &format!("left over: {left}"));
            }
        }
        self.nodes[SWEEPER].within(PATIENCE, Store::close);
    }

    fn report(&self) {
        let mut tally: Vec<_> = self.tally.iter().collect();
        tally.sort();
        let (shown, resyncs, violations) = (self.ledger.shown, self.ledger.resyncs, self.ledger.violations());
        println!("{shown} entries shown, {resyncs} resyncs, {tally:?}");
        println!("violations: {}", violations.len());
        let few = violations[..violations.len().min(20)].concat();
        assert!(violations.is_empty(), "{} violations; the first ones:\n{few}", violations.len());
        // A run in which nothing came would prove nothing.
        let sent = self.tally.get("sent").copied().unwrap_or_default();
        assert!(sent > 300 && shown > sent, "only {sent} messages sent and {shown} entries shown");
    }
}

fn are_equal(sums: &Sums, told: &[Counters]) -> bool {
    let tells = |c: &Counters| {
        let balances = c.accepted == c.acked + c.expired + c.resynced + c.dropped + c.queued;
        balances && (c.queued, c.devices, c.online) == (sums.waiting, sums.devices, sums.online)
    };
    sums.accepted == sums.ended + sums.waiting && sums.online == sums.counted_online && told.iter().all(tells)
}
