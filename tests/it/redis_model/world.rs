//! The world of a run: Redis, three nodes, their sessions, the devices; and its clock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postroom::domain::*;
use postroom::hub::Step;
use postroom::store::*;

use super::ledger::Ledger;
use super::node::{News, Node};
use super::plan::{NODES, PASSAGE, Plan};
use super::session::{Kept, Session, Shown};
use super::vault::Vault;
use crate::support::random::Random;
use crate::support::redis::RedisServer;

/// Something that happens at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    Send,
    /// A device does something.
    Wander(usize),
    /// A device begins a session.
    Come(usize),
    Leave(u32),
    Acknowledge(u32, u64),
    AcknowledgeBatch(u32, u64),
    Beat(u32),
    /// Something breaks.
    Fault,
    /// A stall ends; whether the connections are cut instead of going on.
    Mend(usize, bool),
    Reopen(usize),
    /// Looks what has left the inboxes.
    Look,
}

pub(super) const PAGE: PageLimit = PageLimit { entries: 20, bytes: 1 << 20 };

/// The world.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) random: Random,
    pub(super) server: Arc<Mutex<RedisServer>>,
    pub(super) redis_runs: bool,
    pub(super) vault: Vault,
    pub(super) nodes: Vec<Node>,
    pub(super) sessions: HashMap<u32, Session>,
    slots: u32,
    pub(super) ledger: Ledger,
    pub(super) news: Sender<News>,
    heard: Receiver<News>,
    agenda: BinaryHeap<Reverse<(Instant, u64, Act)>>,
    acts: u64,
    /// Nothing breaks and nobody wanders any more; what is shown is acknowledged.
    pub(super) ending: bool,
    /// Every entry is acknowledged.
    pub(super) sweeping: bool,
    pub(super) tally: HashMap<&'static str, usize>,
}

impl World {
    pub(super) fn new(mut plan: Plan) -> Self {
        let server = RedisServer::with(&[("appendonly", "yes"), ("appendfsync", "always")]);
        let (news, heard) = channel();
        let nodes = (0..=NODES).map(|place| Node::new(place, &server, news.clone())).collect();
        Self {
            random: plan.random.fork(),
            vault: Vault::new(&server),
            server: Arc::new(Mutex::new(server)),
            redis_runs: true,
            plan,
            nodes,
            sessions: HashMap::new(),
            slots: 0,
            ledger: Ledger::new(),
            news,
            heard,
            agenda: BinaryHeap::new(),
            acts: 0,
            ending: false,
            sweeping: false,
            tally: HashMap::new(),
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    pub(super) fn after(&mut self, pause: Duration, act: Act) {
        self.acts += 1;
        self.agenda.push(Reverse((Instant::now() + pause, self.acts, act)));
    }

    /// The passage of the moment.
    pub(super) fn passage(&self) -> usize {
        (self.ledger.now().as_millis() / PASSAGE.as_millis()) as usize
    }

    pub(super) fn some_ms(&mut self, from: usize, to: usize) -> Duration {
        Duration::from_millis((from + self.random.below(to - from)) as u64)
    }

    /// Lets the world go on until this is so; false when the time is up first.
    pub(super) fn go_on(&mut self, time: Duration, mut is_so: impl FnMut(&mut Self) -> bool) -> bool {
        let end = Instant::now() + time;
        loop {
            let asked = Instant::now();
            if is_so(self) {
                return true;
            }
            if asked >= end {
                return false;
            }
            // To look must not keep the world from going on.
            let pause = asked.elapsed() * 4;
            let next = Instant::now() + pause.max(Duration::from_millis(10));
            while Instant::now() < next {
                self.step();
            }
        }
    }

    fn step(&mut self) {
        let due = self.agenda.peek().map(|Reverse((at, ..))| *at);
        let pause = due.map_or(Duration::from_millis(5), |at| at.saturating_duration_since(Instant::now()));
        match self.heard.recv_timeout(pause.min(Duration::from_millis(5))) {
            Ok(news) => self.hear(news),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => unreachable!("the world has a sender itself"),
        }
        while let Ok(news) = self.heard.try_recv() {
            self.hear(news);
        }
        let now = Instant::now();
        while self.agenda.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((_, _, act))) = self.agenda.pop() else { break };
            self.act(act);
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Told(node, incarnation, worker, events) => {
                for event in events {
                    self.told(node, incarnation, worker, event);
                }
            }
            News::Opened(node, running) => self.nodes[node].running = Some(running),
            News::RedisRuns => self.redis_runs = true,
        }
    }

    fn told(&mut self, node: usize, incarnation: u64, worker: WorkerId, event: StoreEvent) {
        // An answer counts though its node has died since: it had left by then.
        if let StoreEvent::Appended { token, outcome } = event {
            self.count(if outcome.is_ok() { "sent" } else { "refused" });
            return self.ledger.answered(token as usize, outcome.ok().map(|receipt| receipt.devices));
        }
        if let StoreEvent::AppendedAll { token, outcomes } = event {
            for (message, outcome) in (token as usize..).zip(outcomes) {
                self.count(if outcome.is_ok() { "sent" } else { "refused" });
                self.count("together");
                self.ledger.answered(message, outcome.ok().map(|receipt| receipt.devices));
            }
            return;
        }
        if !self.nodes[node].is_now(incarnation) {
            return;
        }
        match event {
            StoreEvent::Connected { session, device, page } => self.connected(session.slot, device, &page),
            StoreEvent::ConnectFailed { session, .. } => self.failed(session.slot),
            StoreEvent::Page { session, page } => {
                self.with(session.slot, |kept| kept.page(&page));
            }
            StoreEvent::Missed { session } => {
                self.count("missed");
                self.with(session.slot, |kept| (kept.flow.missed(), Vec::new()));
            }
            StoreEvent::Lost { session } => self.lost(session.slot),
            StoreEvent::Entry { seq, event, devices, .. } => {
                for slot in self.bearers(node, worker, &devices) {
                    self.with(slot, |kept| (Step::Rest, kept.entry(seq, &event).into_iter().collect()));
                }
            }
            StoreEvent::Resync { device, through } => {
                for slot in self.bearers(node, worker, &[device]) {
                    self.with(slot, |kept| {
                        let told = kept.resync(through);
                        told.map_or((Step::Rest, Vec::new()), |(step, shown)| (step, vec![shown]))
                    });
                }
            }
            StoreEvent::Appended { .. } | StoreEvent::AppendedAll { .. } => {}
        }
    }

    fn bearers(&self, node: usize, worker: WorkerId, devices: &[DeviceNo]) -> Vec<u32> {
        let sessions = devices.iter().filter_map(|device| self.nodes[node].sessions.get(device)).flatten();
        sessions.copied().filter(|slot| self.sessions[slot].reference.worker == worker).collect()
    }

    /// Does something with a session that bears a device, and takes the step that comes of it.
    pub(super) fn with(&mut self, slot: u32, work: impl FnOnce(&mut Kept) -> (Step, Vec<Shown>)) {
        let Some(session) = self.sessions.get_mut(&slot) else { return };
        let Some(kept) = &mut session.kept else { return };
        let (step, shown) = work(kept);
        let (reference, node, device) = (session.reference, session.node, kept.device);
        for one in shown {
            self.show(slot, &one);
        }
        if let (Step::Read(after), Some(store)) = (step, self.nodes[node].store()) {
            store.read(Read { session: reference, device, after, limit: PAGE });
        }
    }

    fn show(&mut self, slot: u32, shown: &Shown) {
        let Some(session) = self.sessions.get_mut(&slot) else { return };
        let acts: Vec<Act> = match shown {
            Shown::Batch(entries) => {
                for (seq, message) in entries {
                    self.ledger.shows(session, *seq, *message);
                }
                entries.last().map(|(seq, _)| Act::AcknowledgeBatch(slot, seq.0)).into_iter().collect()
            }
            Shown::Entry(seq, message) => {
                self.ledger.shows(session, *seq, *message);
                vec![Act::Acknowledge(slot, seq.0)]
            }
            Shown::Resync(through) => {
                self.ledger.resynced(session, *through);
                vec![Act::Beat(slot), Act::Beat(slot)]
            }
        };
        for act in acts {
            let pause = match act {
                Act::Beat(_) => self.some_ms(20, 120),
                // Some clients never acknowledge; at the end they do what is needed to get everything.
                Act::Acknowledge(..) if !self.sweeping && self.random.below(100) < 15 => continue,
                Act::AcknowledgeBatch(..) if !self.ending && self.random.below(100) < 15 => continue,
                _ if self.random.one_in(8) => self.some_ms(100, 800),
                _ => self.some_ms(0, 30),
            };
            self.after(pause, act);
        }
    }

    /// A device begins a session on a node.
    pub(super) fn come(&mut self, device: usize, node: usize) -> Option<u32> {
        let store = self.nodes[node].store()?;
        self.slots += 1;
        let slot = self.slots;
        let reference = SessionRef { worker: WorkerId((slot % 2) as u16), slot, serial: slot };
        let passage = Some(self.passage()).filter(|_| !self.random.one_in(3));
        let owner = &mut self.ledger.devices[device];
        let attempt = owner.attempt(passage);
        owner.sessions.push(slot);
        let (key, rooms) = (owner.key(), owner.rooms(passage));
        let began = Instant::now();
        store.connect(Connect { session: reference, device: key, rooms, limit: PAGE });
        let session = Session { reference, owner: device, node, began, attempt, kept: None, shown: 0 };
        self.sessions.insert(slot, session);
        self.ledger
            .note(device, format!("session {slot} begins on {:?}, passage: {passage:?}", self.nodes[node]));
        self.count("connects");
        Some(slot)
    }

    fn connected(&mut self, slot: u32, device: DeviceNo, page: &Page) {
        let Some(session) = self.sessions.get_mut(&slot) else { return };
        session.kept = Some(Kept::new(device));
        let (owner, node) = (session.owner, session.node);
        self.nodes[node].sessions.entry(device).or_default().push(slot);
        self.ledger.devices[owner].settle(session.attempt, true);
        self.ledger.note(
            owner,
            format!("session {slot} bears {device:?}, through {:?}, more: {}", page.through, page.more),
        );
        self.returned(owner, device);
        self.with(slot, |kept| kept.page(page));
    }

    /// A device is there again. It may have been forgotten where it was away for long.
    fn returned(&mut self, owner: usize, device: DeviceNo) {
        let now = Instant::now();
        // The lease of a node may have ended before its sessions did.
        let tolerated = self.plan.ttl.saturating_sub(Duration::from_millis(1500));
        let owner_ = &mut self.ledger.devices[owner];
        let away = owner_.away_since.take();
        if owner_.was_lost || away.is_some_and(|since| now - since >= tolerated) {
            (owner_.forgotten, owner_.was_lost) = (Some(now), false);
        }
        let before = owner_.number.replace(device);
        let forgotten = owner_.forgotten == Some(now);
        if before.is_some_and(|before| before != device) {
            owner_.waiting.clear();
            self.count("forgotten");
            if !forgotten {
                self.ledger.violation(Some(owner), "it was forgotten though it was not away for long");
            }
        }
    }

    fn failed(&mut self, slot: u32) {
        self.count("failed connects");
        if let Some(owner) = self.leave(slot) {
            let pause = self.some_ms(20, 200);
            self.after(pause, Act::Come(owner));
        }
    }

    fn lost(&mut self, slot: u32) {
        let session = self.sessions.get(&slot).map(|session| (session.owner, session.attempt));
        let Some((owner, attempt)) = session else { return };
        self.count("lost");
        self.ledger.note(owner, format!("session {slot} is lost"));
        self.ledger.devices[owner].was_lost = true;
        // One that is in other rooms by now may be sent away: after an end of Redis nobody knows which rooms are right.
        if !self.plan.has_short_ttl() && !self.ledger.devices[owner].has_moved(attempt) {
            self.ledger.violation(Some(owner), "it was forgotten");
        }
        self.leave(slot);
        self.after(Duration::from_millis(20), Act::Come(owner));
    }

    /// A session ends, as its node notices it.
    pub(super) fn leave(&mut self, slot: u32) -> Option<usize> {
        let session = self.end(slot)?;
        if let Some(store) = self.nodes[session.node].store() {
            store.disconnect(Disconnect { session: session.reference });
        }
        Some(session.owner)
    }

    /// A session is no more.
    pub(super) fn end(&mut self, slot: u32) -> Option<Session> {
        let session = self.sessions.remove(&slot)?;
        if let Some(kept) = &session.kept
            && let Some(slots) = self.nodes[session.node].sessions.get_mut(&kept.device)
        {
            slots.retain(|other| *other != slot);
        }
        self.ledger.note(session.owner, format!("session {slot} ends"));
        let owner = &mut self.ledger.devices[session.owner];
        owner.settle(session.attempt, false);
        owner.sessions.retain(|other| *other != slot);
        let any = owner.sessions.iter().any(|slot| self.sessions[slot].kept.is_some());
        if !any && session.kept.is_some() {
            owner.away_since = Some(Instant::now());
        }
        Some(session)
    }
}
