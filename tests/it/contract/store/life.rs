//! The life of inboxes: everything that can happen to them in any order, beside a model on paper.

mod paper;

use std::collections::HashMap;
use std::time::Duration;

use postroom::domain::*;
use postroom::store::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use self::paper::{Entry, Left, Paper};
use super::rig::*;

const DEVICES: usize = 3;
/// Sessions that there may be at once, on two workers.
const SLOTS: usize = 4;
const WORKERS: u16 = 2;
const ROOMS: [&str; 2] = ["all", "staff"];
/// How long a device is remembered in a run where they expire.
const SHORT: Duration = Duration::from_millis(20);

#[derive(Debug, Clone)]
enum Step {
    /// Session, device, rooms (bit mask).
    Connect(usize, usize, u8),
    Disconnect(usize),
    /// Rooms, option `resync`, which bounds, length of the text.
    Send(u8, bool, usize, usize),
    /// Device, which of its entries.
    Ack(usize, usize),
    /// The same, while a batch is under way that ends so many entries before it.
    AckBehind(usize, usize, usize),
    Through(usize, usize),
    /// What a device has had of its inbox is acknowledged once more.
    AckAgain(usize),
    /// A device confirms what it owes, or something before it.
    Resynced(usize, bool),
    /// Device, behind which of its entries, entries and bytes of a page.
    Read(usize, usize, usize, usize),
    /// As a crash?
    Reopen(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (device, slot, place) = (0..DEVICES, 0..SLOTS, 0..6_usize);
    let step = prop_oneof![
        4 => (slot.clone(), device.clone(), 1..4_u8).prop_map(|(s, d, r)| Step::Connect(s, d, r)),
        2 => slot.prop_map(Step::Disconnect),
        9 => (1..4_u8, prop::bool::weighted(0.5), 0..BOUNDS.len(), 3..14_usize)
            .prop_map(|(r, o, b, l)| Step::Send(r, o, b, l)),
        3 => (device.clone(), place.clone()).prop_map(|(d, n)| Step::Ack(d, n)),
        6 => (device.clone(), place.clone(), 0..4_usize).prop_map(|(d, n, b)| Step::AckBehind(d, n, b)),
        2 => (device.clone(), place.clone()).prop_map(|(d, n)| Step::Through(d, n)),
        1 => device.clone().prop_map(Step::AckAgain),
        4 => (device.clone(), any::<bool>()).prop_map(|(d, all)| Step::Resynced(d, all)),
        2 => (device, place, 0..4_usize, 0..30_usize).prop_map(|(d, n, e, b)| Step::Read(d, n, e, b)),
        1 => any::<bool>().prop_map(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

const fn bounds(max_messages: u32, max_bytes: u64, policy: BoundPolicy) -> QueueBounds {
    QueueBounds { max_messages, max_bytes, policy }
}

const BOUNDS: [QueueBounds; 6] = [
    bounds(100, 1000, BoundPolicy::Resync),
    bounds(100, 1000, BoundPolicy::DropOldest),
    bounds(4, 1000, BoundPolicy::Resync),
    bounds(4, 1000, BoundPolicy::DropOldest),
    bounds(100, 24, BoundPolicy::Resync),
    bounds(100, 10, BoundPolicy::DropOldest),
];

/// What a worker must have been told of one device, since the store was opened.
#[derive(Debug, Clone, Default)]
struct Told {
    entries: Vec<String>,
    resyncs: usize,
}

struct Run<'b> {
    rig: Rig<'b>,
    paper: Paper,
    expires: bool,
    /// Of each message, by its text: its option.
    sent: HashMap<String, bool>,
    /// Numbers of the devices that are known, and the last entries they had.
    numbers: [Option<DeviceNo>; DEVICES],
    had: [Seq; DEVICES],
    told: [[Told; DEVICES]; WORKERS as usize],
    /// Counters when the store was opened.
    base: Counters,
}

fn at(slot: usize) -> SessionRef {
    session(slot as u16 % WORKERS, slot as u32)
}

fn names(rooms: u8) -> Vec<&'static str> {
    ROOMS.into_iter().enumerate().filter(|(bit, _)| rooms >> bit & 1 != 0).map(|(_, name)| name).collect()
}

impl<'b> Run<'b> {
    fn new(backend: &'b dyn Backend, expires: bool) -> Self {
        let ttl = if expires { DeviceTtl::After(SHORT) } else { DeviceTtl::from_secs(3600) };
        let rig = Rig::with_ttl(backend, ttl);
        let base = rig.balance();
        Self {
            rig,
            paper: Paper::new(DEVICES),
            expires,
            sent: HashMap::new(),
            numbers: [None; DEVICES],
            had: [Seq(0); DEVICES],
            told: Default::default(),
            base,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Connect(slot, device, rooms) => self.connect(slot, device, rooms),
            Step::Disconnect(slot) => {
                self.rig.disconnect(at(slot));
                self.paper.disconnect(slot);
            }
            Step::Send(rooms, resync, bounds, length) => self.send(rooms, resync, BOUNDS[bounds], length),
            Step::Ack(device, n) => self.ack(device, n, None),
            Step::AckBehind(device, n, before) => {
                let waiting = self.paper.known(device).map_or(0, |known| known.inbox.len()).max(1);
                self.ack(device, n % waiting, (n % waiting).checked_sub(before));
            }
            Step::Through(device, n) => {
                let Some((no, seq, _)) = self.entry(device, n) else { return };
                self.rig.ack(&[Ack::Through(no, seq)]);
                self.paper.through(device, n);
                self.had[device] = seq;
            }
            Step::AckAgain(device) => {
                let Some(no) = self.numbers[device] else { return };
                let had = self.had[device];
                self.rig.ack(&[Ack::Entry(no, had), Ack::EntryBehindBatch(no, had, had)]);
            }
            Step::Resynced(device, all) => self.resynced(device, all),
            Step::Read(device, n, entries, bytes) => self.read(device, n, PageLimit { entries, bytes }),
            Step::Reopen(crash) => self.reopen(crash),
        }
        self.forget();
    }

    fn connect(&mut self, slot: usize, device: usize, rooms: u8) {
        let taken = |device: &paper::Device| device.sessions.contains(&slot);
        if self.paper.devices.iter().flatten().any(taken) {
            return;
        }
        let before = self.paper.known(device).cloned().unwrap_or_default();
        let (no, page) = self.rig.connect(at(slot), &device.to_string(), &names(rooms));
        assert!(self.numbers[device].is_none_or(|known| known == no), "a device changed its number");
        assert_eq!(page.resync.is_some(), before.owes);
        assert!(page.more || texts(&page).eq(before.inbox.iter().map(|entry| entry.text.clone())));
        self.numbers[device] = Some(no);
        self.paper.connect(slot, device, rooms);
    }

    fn send(&mut self, rooms: u8, resync: bool, bounds: QueueBounds, length: usize) {
        let text = format!("[{:0>width$}]", self.sent.len(), width = length - 2);
        self.sent.insert(text.clone(), resync);
        let entry = Entry { text: text.clone(), resync };
        let cleared =
            |paper: &Paper| paper.devices.iter().map(|d| d.as_ref().map_or(0, |d| d.cleared)).collect();
        let before: Vec<usize> = cleared(&self.paper);
        let [all, online, queued] = self.paper.send(rooms, &entry, bounds);
        let receipt = self.rig.send(Message { resync, bounds, ..message(&text, &names(rooms)) });
        let expected = [&all, &online, &queued].map(|devices| devices.len() as u32);
        assert_eq!([receipt.devices, receipt.online, receipt.queued], expected);
        for device in queued {
            self.each_worker(device, |told| told.entries.push(text.clone()));
        }
        for (device, after) in cleared(&self.paper).into_iter().enumerate() {
            if after > before[device] {
                self.each_worker(device, |told| told.resyncs += 1);
            }
        }
    }

    /// The workers that carry a session of the device are told.
    fn each_worker(&mut self, device: usize, tell: impl Fn(&mut Told)) {
        let Some(known) = self.paper.known(device) else { return };
        let carries =
            |worker: usize| known.sessions.iter().any(|slot| usize::from(at(*slot).worker.0) == worker);
        let carriers: Vec<usize> = (0..usize::from(WORKERS)).filter(|worker| carries(*worker)).collect();
        for worker in carriers {
            tell(&mut self.told[worker][device]);
        }
    }

    /// Device, place and text of an entry, as the store has it.
    fn entry(&self, device: usize, n: usize) -> Option<(DeviceNo, Seq, String)> {
        let no = self.numbers[device]?;
        let (seq, text) = self.rig.inbox(no, PageLimit { entries: 3, bytes: 30 }).into_iter().nth(n)?;
        Some((no, Seq(seq), text))
    }

    fn ack(&mut self, device: usize, n: usize, batch: Option<usize>) {
        let Some((no, seq, _)) = self.entry(device, n) else { return };
        let end = batch.and_then(|batch| Some((batch, self.entry(device, batch)?.1)));
        let before = self.paper.known(device).map_or(0, |known| known.cleared);
        self.rig.ack(&[match end {
            Some((_, end)) => Ack::EntryBehindBatch(no, seq, end),
            None => Ack::Entry(no, seq),
        }]);
        self.paper.entry(device, n, end.map(|(batch, _)| batch));
        self.had[device] = seq;
        if self.paper.known(device).is_some_and(|known| known.cleared > before) {
            self.each_worker(device, |told| told.resyncs += 1);
        }
    }

    fn resynced(&mut self, device: usize, all: bool) {
        let Some(no) = self.numbers[device] else { return };
        let Some(owed) = self.rig.read(session(0, 99), no, Seq(0), WIDE).resync else { return };
        let through = if all { owed } else { Seq(owed.0 - 1) };
        self.rig.ack(&[Ack::Resynced(no, through)]);
        if all {
            self.paper.resynced(device);
        }
    }

    /// A page is the beginning of what waits there, within its limit, and says whether there is more.
    fn read(&mut self, device: usize, n: usize, limit: PageLimit) {
        let Some(no) = self.numbers[device] else { return };
        let after = self.entry(device, n).map_or(Seq(0), |(_, seq, _)| seq);
        let waiting: Vec<(u64, String)> =
            self.rig.inbox(no, WIDE).into_iter().filter(|(seq, _)| *seq > after.0).collect();
        let page = self.rig.read(session(0, 99), no, after, limit);
        let found: Vec<(u64, String)> = page.entries.iter().map(|(seq, _)| seq.0).zip(texts(&page)).collect();
        assert!(waiting.starts_with(&found), "{waiting:?} {found:?}");
        assert_eq!(found.is_empty(), waiting.is_empty());
        let bytes: usize = found.iter().map(|(_, text)| text.len()).sum();
        assert!(found.len() <= 1 || found.len() <= limit.entries && bytes <= limit.bytes);
        assert!(page.more || found.len() == waiting.len(), "the end is missing");
        assert!(found.last().is_none_or(|(last, _)| page.through.0 >= *last));
        assert!(waiting.get(found.len()).is_none_or(|(next, _)| page.through.0 < *next));
    }

    /// A crash may forget acks, and nothing else; what it forgot is taken over.
    fn reopen(&mut self, crash: bool) {
        self.check_told();
        self.rig.reopen(crash);
        self.told = Default::default();
        self.paper.restart();
        self.forget();
        for (device, no) in self.numbers.into_iter().enumerate() {
            let (Some(no), Some(known)) = (no, self.paper.devices[device].as_mut()) else { continue };
            let page = self.rig.read(session(0, 99), no, Seq(0), WIDE);
            let back: Vec<String> = texts(&page).collect();
            assert!(known.inbox.iter().all(|entry| back.contains(&entry.text)), "lost: {known:?} {back:?}");
            assert!(page.resync.is_some() || !known.owes);
            if crash {
                let entry = |text| Entry { resync: self.sent[&text], text };
                known.inbox = back.into_iter().map(entry).collect();
                known.owes = page.resync.is_some();
            }
        }
        // An ack that was forgotten would settle its entry when it comes again.
        self.had = [Seq(0); DEVICES];
        (self.base, self.paper.left) = (self.rig.balance(), Left::default());
    }

    /// Where devices expire, those without a session have done so before anything else happens.
    fn forget(&mut self) {
        if !self.expires {
            return;
        }
        let (_, _, online) = self.paper.now();
        self.rig.until("the end of those that are away", |counters| counters.devices == online);
        self.paper.expire();
        for device in (0..DEVICES).filter(|device| self.paper.devices[*device].is_none()) {
            self.numbers[device] = None;
            self.told.iter_mut().for_each(|devices| devices[device] = Told::default());
        }
    }

    fn check(&self) {
        for (device, no) in self.numbers.iter().enumerate() {
            let Some(no) = no else { continue };
            let known = self.paper.known(device).unwrap();
            let inbox = self.rig.inbox(*no, WIDE);
            assert!(inbox.is_sorted_by(|a, b| a.0 < b.0));
            let texts = inbox.iter().map(|(_, text)| text);
            assert!(texts.eq(known.inbox.iter().map(|entry| &entry.text)), "{inbox:?} {known:?}");
            let owed = self.rig.read(session(0, 99), *no, Seq(0), WIDE).resync;
            assert_eq!(owed.is_some(), known.owes);
        }
        let (now, base) = (self.rig.balance(), self.base);
        assert_eq!((now.queued, now.devices, now.online), self.paper.now());
        let left = Left {
            acked: now.acked - base.acked,
            expired: now.expired - base.expired,
            resynced: now.resynced - base.resynced,
            dropped: now.dropped - base.dropped,
        };
        assert_eq!(left, self.paper.left);
    }

    /// Every worker was told what it must be told, in order.
    fn check_told(&self) {
        for (worker, devices) in self.told.iter().enumerate() {
            let resyncs = self.rig.resyncs(worker as u16);
            for (device, told) in devices.iter().enumerate() {
                let Some(no) = self.numbers[device] else { continue };
                let live = self.rig.live(worker as u16, no);
                assert!(live.is_sorted_by(|a, b| a.0 < b.0));
                let mut heard = live.iter().map(|(_, text)| text);
                assert!(
                    told.entries.iter().all(|text| heard.any(|heard| heard == text)),
                    "{told:?} {live:?}"
                );
                assert_eq!(resyncs.iter().filter(|(of, _)| *of == no).count(), told.resyncs, "{resyncs:?}");
            }
        }
    }
}

fn texts(page: &Page) -> impl Iterator<Item = String> {
    page.entries.iter().map(|(_, event)| text(event))
}

pub(super) fn inboxes_live_as_on_paper<B: Backend + Default>(_: &B) {
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let run = |(steps, expires): (Vec<Step>, bool)| {
        let backend = B::default();
        let mut run = Run::new(&backend, expires);
        for step in &steps {
            run.step(step);
            run.check();
        }
        run.check_told();
        Ok(())
    };
    runner.run(&(steps(), prop::bool::weighted(0.3)), run).unwrap();
}
