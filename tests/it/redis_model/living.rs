//! What happens in the world: backends send, devices come and go and acknowledge, things break.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postroom::domain::*;
use postroom::hub::Step;
use postroom::store::*;

use super::device::{passage_room, user_room};
use super::ledger::Target;
use super::node::News;
use super::plan::{BOUNDED, DEVICES, DROPPING, NODES, PER_USER, RESYNCING, ROVING, SHARED, USERS};
use super::session::event;
use super::world::{Act, World};

impl World {
    /// Begins what goes on by itself.
    pub(super) fn begin(&mut self) {
        self.ending = false;
        for device in 0..DEVICES {
            let pause = self.some_ms(0, 200);
            self.after(pause, Act::Wander(device));
        }
        for (pause, act) in [(300, Act::Send), (700, Act::Fault)] {
            self.after(Duration::from_millis(pause), act);
        }
    }

    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Send => self.send_some(),
            Act::Wander(device) => self.wander(device),
            Act::Come(device) => self.come_somewhere(device),
            Act::Leave(slot) => {
                // At rest those who are there stay.
                if !self.ending {
                    self.leave(slot);
                }
            }
            Act::Acknowledge(slot, seq) => self.acknowledge(slot, Seq(seq), false),
            Act::AcknowledgeBatch(slot, seq) => self.acknowledge(slot, Seq(seq), true),
            Act::Beat(slot) => self.beat(slot),
            Act::Fault => self.fault(),
            Act::Mend(node, cut) => self.mend(node, cut),
            Act::Reopen(node) => self.nodes[node].open(self.plan.ttl),
            Act::Look => self.look(),
        }
    }

    fn send_some(&mut self) {
        if self.ending {
            return;
        }
        let node = self.random.below(NODES);
        if self.random.one_in(2) {
            self.send_together(node);
        } else {
            for _ in 0..self.plan.burst {
                self.send_one(node);
            }
        }
        self.after(self.plan.pause, Act::Send);
    }

    fn send_one(&mut self, node: usize) {
        if self.nodes[node].store().is_none() {
            return;
        }
        let (number, message) = self.compose();
        let reply = ReplyTo { worker: WorkerId(0), token: number as u32 };
        if let Some(store) = self.nodes[node].store() {
            store.append(Append { reply, message: Arc::new(message) });
        }
    }

    /// Their numbers follow on: the token is the first one.
    fn send_together(&mut self, node: usize) {
        if self.nodes[node].store().is_none() {
            return;
        }
        let composed: Vec<_> = (0..self.plan.burst).map(|_| self.compose()).collect();
        let Some((first, _)) = composed.first() else { return };
        let reply = ReplyTo { worker: WorkerId(0), token: *first as u32 };
        let messages = composed.into_iter().map(|(_, message)| Arc::new(message)).collect();
        if let Some(store) = self.nodes[node].store() {
            store.append_all(AppendAll { reply, messages });
        }
    }

    fn compose(&mut self) -> (usize, Message) {
        let (target, mut bounds, mut resync) = (self.target(), QueueBounds::default(), false);
        match target {
            Target::User(BOUNDED) => bounds.max_messages = 6,
            Target::User(DROPPING) => {
                (bounds.max_messages, bounds.policy) = (8, BoundPolicy::DropOldest);
            }
            Target::User(RESYNCING) => resync = self.random.one_in(8),
            _ => {}
        }
        let rooms: Vec<Room> = match &target {
            Target::User(user) => vec![Room::stored(&user_room(*user))],
            Target::Shared(rooms) => rooms.iter().map(|room| Room::stored(SHARED[*room])).collect(),
            Target::Passage(passage) => vec![Room::stored(&passage_room(*passage))],
        };
        let number = self.ledger.send(target);
        let message = Message {
            id: MessageId(number as u64 + 1),
            site: SiteName::new("demo").unwrap(),
            rooms: rooms.into(),
            event: event(number),
            resync,
            bounds,
            except: None,
        };
        (number, message)
    }

    fn target(&mut self) -> Target {
        if self.random.below(100) >= self.plan.shared {
            return Target::User(self.random.below(USERS));
        }
        if self.random.one_in(4) {
            return Target::Passage(self.passage());
        }
        let first = self.random.below(SHARED.len());
        if !self.random.one_in(4) {
            return Target::Shared(vec![first]);
        }
        Target::Shared(vec![first, (first + 1) % SHARED.len()])
    }

    /// Begins a session on a node that is up; tries again where none is.
    fn come_somewhere(&mut self, device: usize) {
        if !self.ending || self.ledger.devices[device].sessions.is_empty() {
            let node = self.random.below(NODES);
            if self.come(device, node).is_none() {
                self.after(Duration::from_millis(30), Act::Come(device));
            }
        }
    }

    /// A device moves: to another node, to another session, or away.
    fn wander(&mut self, device: usize) {
        if self.ending {
            return;
        }
        let next = self.some_ms(300, 2000);
        let here = self.ledger.devices[device].sessions.clone();
        let roves = self.plan.has_short_ttl() && device / PER_USER >= ROVING && self.random.one_in(3);
        match self.random.below(10) {
            _ if here.is_empty() => self.come_somewhere(device),
            _ if roves => {
                for slot in here {
                    self.leave(slot);
                }
                self.after(Duration::from_millis(4500), Act::Wander(device));
                return;
            }
            // A second session on the same node, of which either ends first.
            0..=3 => {
                let node = self.sessions[&here[0]].node;
                let newer = self.come(device, node);
                let (soon, later) = (self.some_ms(0, 300), self.some_ms(300, 1500));
                let newer_first = self.random.one_in(2);
                for slot in here {
                    self.after(if newer_first { later } else { soon }, Act::Leave(slot));
                }
                if let Some(newer) = newer.filter(|_| newer_first) {
                    self.after(soon, Act::Leave(newer));
                    self.after(later, Act::Come(device));
                }
            }
            // Away for a moment.
            4 => {
                for slot in here {
                    self.leave(slot);
                }
                let pause = self.some_ms(0, 500);
                self.after(pause, Act::Come(device));
            }
            // To another node; the old one notices it later.
            _ => {
                self.come_somewhere(device);
                for slot in here {
                    let late = self.some_ms(0, 800);
                    self.after(late, Act::Leave(slot));
                }
            }
        }
        self.after(next, Act::Wander(device));
    }

    fn acknowledge(&mut self, slot: u32, seq: Seq, batch: bool) {
        let Some(session) = self.sessions.get(&slot) else { return };
        let (node, owner) = (session.node, session.owner);
        let what = if batch { "the batch to" } else { "" };
        self.ledger.note(owner, format!("session {slot} acknowledges {what} {}", seq.0));
        let Some(kept) = self.sessions.get_mut(&slot).and_then(|session| session.kept.as_mut()) else {
            return;
        };
        let (step, acks) =
            if batch { kept.acknowledge_batch(seq) } else { (Step::Rest, kept.acknowledge(seq)) };
        // What is read on must not hold what was acknowledged: the store is told of that first.
        if let Some(store) = self.nodes[node].store() {
            store.acknowledge(acks);
        }
        self.with(slot, |_| (step, Vec::new()));
    }

    fn beat(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(&slot) else { return };
        let ack = session.kept.as_mut().and_then(super::session::Kept::beat);
        if let (Some(ack), Some(store)) = (ack, self.nodes[session.node].store()) {
            store.acknowledge(vec![ack]);
        }
    }

    /// Looks what has left the inboxes.
    pub(super) fn look(&mut self) {
        let began = Instant::now();
        let known = |device: &super::device::Device| Some((device.no, device.number?));
        let (devices, numbers): (Vec<usize>, Vec<DeviceNo>) =
            self.ledger.devices.iter().filter_map(known).unzip();
        if self.redis_runs
            && let Some(inboxes) = self.vault.inboxes(&numbers)
        {
            for (device, inbox) in devices.into_iter().zip(&inboxes) {
                self.ledger.inbox(device, inbox);
            }
        }
        let pause = (began.elapsed() * 4).max(Duration::from_millis(40));
        self.after(pause, Act::Look);
    }

    fn fault(&mut self) {
        if self.ending {
            return;
        }
        let next = self.some_ms(100, 600);
        self.after(next, Act::Fault);
        let node = self.random.below(NODES);
        if self.nodes[node].stalled || self.nodes[node].running.is_none() || !self.redis_runs {
            return;
        }
        match self.random.below(10) {
            _ if self.random.one_in(self.plan.redis_ends) => self.end_redis(),
            0..=3 => {
                let late = self.some_ms(0, 50);
                self.count("cuts");
                self.nodes[node].proxy.cut_late(late);
            }
            // What was held up arrives late, or goes on.
            4..=6 => {
                self.count("stalls");
                // Longer than a lease, and shorter than anybody waits for an answer: it is taken for dead, and
                // nothing of its own breaks.
                let unnoticed = self.random.one_in(2);
                let pause = if unnoticed { self.some_ms(700, 950) } else { self.some_ms(50, 1200) };
                let cut = !unnoticed && self.random.one_in(2);
                self.nodes[node].proxy.stall();
                self.nodes[node].stalled = true;
                self.after(pause, Act::Mend(node, cut));
            }
            7..=8 => {
                self.count("leases ended");
                self.vault.end_leases(node);
            }
            _ => self.kill(node),
        }
    }

    fn mend(&mut self, node: usize, cut: bool) {
        if cut {
            let late = self.some_ms(0, 50);
            self.nodes[node].proxy.cut_late(late);
        }
        self.nodes[node].proxy.resume();
        self.nodes[node].stalled = false;
    }

    /// A node ends as in a crash; its clients come to others, another node takes its place.
    fn kill(&mut self, node: usize) {
        self.count("kills");
        let late = self.some_ms(0, 50);
        self.nodes[node].proxy.cut_late(late);
        self.nodes[node].kill();
        let on_it = self.sessions.values().filter(|session| session.node == node);
        let slots: Vec<u32> = on_it.map(|session| session.reference.slot).collect();
        for slot in slots {
            let Some(session) = self.end(slot) else { continue };
            let pause = self.some_ms(0, 300);
            self.after(pause, Act::Come(session.owner));
        }
        let pause = self.some_ms(20, 500);
        self.after(pause, Act::Reopen(node));
    }

    /// Redis loses its power, and comes back.
    fn end_redis(&mut self) {
        self.count("ends of Redis");
        self.redis_runs = false;
        let (server, news, pause) = (Arc::clone(&self.server), self.news.clone(), self.some_ms(10, 400));
        std::thread::spawn(move || {
            let mut server = server.lock().unwrap();
            server.kill9();
            std::thread::park_timeout(pause);
            server.restart();
            let _ = news.send(News::RedisRuns);
        });
    }
}
