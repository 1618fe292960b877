//! Random steps, beside a model that is a list per device.

use std::collections::{HashMap, VecDeque};

use postroom::domain::*;
use postroom::store::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::rig::*;

const DEVICES: usize = 3;
const ROOMS: [&str; 2] = ["all", "staff"];

#[derive(Debug, Clone)]
enum Step {
    /// Rooms (bit mask), option `resync`, bounds (none, resync, drop oldest).
    Send(u8, bool, u8),
    /// Device, which of its entries.
    Ack(usize, usize),
    Through(usize, usize),
    Resynced(usize),
    Disconnect(usize),
    /// Device, rooms (bit mask).
    Connect(usize, u8),
    /// As a crash?
    Reopen(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let device = 0..DEVICES;
    let step = prop_oneof![
        8 => (0..4_u8, prop::bool::weighted(0.3), 0..3_u8).prop_map(|(r, o, b)| Step::Send(r, o, b)),
        6 => (device.clone(), 0..8_usize).prop_map(|(d, n)| Step::Ack(d, n)),
        2 => (device.clone(), 0..4_usize).prop_map(|(d, n)| Step::Through(d, n)),
        1 => device.clone().prop_map(Step::Resynced),
        1 => device.clone().prop_map(Step::Disconnect),
        2 => (device, 0..4_u8).prop_map(|(d, r)| Step::Connect(d, r)),
        1 => any::<bool>().prop_map(Step::Reopen),
    ];
    prop::collection::vec(step, 1..50)
}

#[derive(Debug, Clone, Default)]
struct Model {
    no: Option<DeviceNo>,
    rooms: u8,
    online: bool,
    owes: bool,
    /// Text, option `resync`.
    inbox: VecDeque<(String, bool)>,
}

fn bounds(kind: u8) -> QueueBounds {
    match kind {
        0 => QueueBounds::default(),
        1 => QueueBounds { max_messages: 4, max_bytes: 1000, policy: BoundPolicy::Resync },
        _ => QueueBounds { max_messages: 4, max_bytes: 1000, policy: BoundPolicy::DropOldest },
    }
}

struct Run<'b> {
    rig: Rig<'b>,
    models: Vec<Model>,
    /// Of each message, by its number: its option.
    sent: HashMap<String, bool>,
}

fn names(rooms: u8) -> Vec<&'static str> {
    ROOMS.into_iter().enumerate().filter(|(bit, _)| rooms >> bit & 1 != 0).map(|(_, name)| name).collect()
}

impl Run<'_> {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Send(rooms, resync, kind) => self.send(rooms, resync, bounds(kind)),
            Step::Ack(device, n) => self.ack(device, n),
            Step::Through(device, n) => self.through(device, n),
            Step::Resynced(device) => {
                if let Some(no) = self.models[device].no {
                    self.rig.ack(&[Ack::Resynced(no, LAST)]);
                    self.models[device].owes = false;
                }
            }
            Step::Disconnect(device) => {
                self.rig.disconnect(session(0, device as u32));
                self.models[device].online = false;
            }
            Step::Connect(device, rooms) => {
                let rooms_of = names(rooms);
                let (no, page) = self.rig.connect(session(0, device as u32), &device.to_string(), &rooms_of);
                let model = &mut self.models[device];
                assert!(model.no.is_none_or(|known| known == no));
                assert_eq!(
                    (page.resync.is_some(), page.entries.len()),
                    (model.owes, model.inbox.len().min(16))
                );
                (model.no, model.rooms, model.online) = (Some(no), rooms, true);
            }
            Step::Reopen(crash) => self.reopen(crash),
        }
    }

    fn send(&mut self, rooms: u8, resync: bool, bounds: QueueBounds) {
        let text = format!("[{}]", self.sent.len());
        self.sent.insert(text.clone(), resync);
        let (mut devices, mut queued) = (0, 0);
        for model in self.models.iter_mut().filter(|model| model.rooms & rooms != 0) {
            devices += 1;
            let full = model.inbox.len() >= bounds.max_messages as usize;
            if full && bounds.policy == BoundPolicy::Resync {
                model.inbox.clear();
                model.owes = true;
                continue;
            }
            while model.inbox.len() >= bounds.max_messages as usize {
                model.inbox.pop_front();
            }
            model.inbox.push_back((text.clone(), resync));
            queued += 1;
        }
        let names = names(rooms);
        let names = if names.is_empty() { vec!["nowhere"] } else { names };
        let receipt = self.rig.send(Message { resync, bounds, ..message(&text, &names) });
        let online = self.models.iter().filter(|m| m.rooms & rooms != 0 && m.online).count();
        assert_eq!((receipt.devices, receipt.online, receipt.queued), (devices, online as u32, queued));
    }

    /// The seq of an entry, as the store has it.
    fn seq(&self, device: usize, n: usize) -> Option<(DeviceNo, Seq)> {
        let no = self.models[device].no?;
        let inbox = self.rig.inbox(no, PageLimit { entries: 3, bytes: 100 });
        inbox.get(n).map(|(seq, _)| (no, Seq(*seq)))
    }

    fn ack(&mut self, device: usize, n: usize) {
        let Some((no, seq)) = self.seq(device, n) else { return };
        self.rig.ack(&[Ack::Entry(no, seq), Ack::Entry(no, seq)]);
        let model = &mut self.models[device];
        let (_, resync) = model.inbox.remove(n).unwrap();
        if resync && n > 0 {
            model.inbox.clear();
            model.owes = true;
        }
    }

    fn through(&mut self, device: usize, n: usize) {
        let Some((no, seq)) = self.seq(device, n) else { return };
        self.rig.ack(&[Ack::Through(no, seq)]);
        self.models[device].inbox.drain(..=n);
    }

    /// A crash may forget acks, nothing else; what it forgot is taken over into the model.
    fn reopen(&mut self, crash: bool) {
        self.rig.reopen(crash);
        for model in &mut self.models {
            model.online = false;
            let Some(no) = model.no else { continue };
            let back = self.rig.texts(no);
            let page = self.rig.read(session(0, 99), no, Seq(0), WIDE);
            assert!(model.inbox.iter().all(|(text, _)| back.contains(text)), "lost: {model:?} {back:?}");
            assert!(page.resync.is_some() || !model.owes);
            if crash {
                // Also an option that was acknowledged away already.
                model.inbox = back.iter().map(|text| (text.clone(), self.sent[text])).collect();
                model.owes = page.resync.is_some();
            }
        }
    }

    fn check(&self) {
        let mut queued = 0;
        for model in &self.models {
            let Some(no) = model.no else { continue };
            let inbox = self.rig.inbox(no, PageLimit { entries: 3, bytes: 100 });
            assert!(inbox.is_sorted_by(|a, b| a.0 < b.0));
            let texts: Vec<&String> = inbox.iter().map(|(_, text)| text).collect();
            assert_eq!(texts, model.inbox.iter().map(|(text, _)| text).collect::<Vec<_>>());
            queued += inbox.len() as u64;
        }
        assert_eq!(self.rig.balance().queued, queued);
    }
}

pub(super) fn it_agrees_with_a_model<B: Backend + Default>(_: &B) {
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let run = |steps: Vec<Step>| {
        let backend = B::default();
        let mut run =
            Run { rig: Rig::new(&backend), models: vec![Model::default(); DEVICES], sent: HashMap::new() };
        for step in &steps {
            run.step(step);
            run.check();
        }
        Ok(())
    };
    runner.run(&steps(), run).unwrap();
}
