//! Random work against a plain model of what a shard is meant to do.

use std::collections::BTreeMap;

use super::super::super::words::{Arrival, Dno, Gen, NodeId, Note, Outgoing, Settled, Stretch, To};
use super::super::reply;
use super::leaks;
use super::model_state::{Device, Model};
use super::shard::{LONG, Listener, Shard, arrival, bounds, message, room};
use crate::domain::{BoundPolicy, QueueBounds, Seq};

const USERS: [&str; 3] = ["user_1", "user_2", "user_3"];
const ALONE: &str = USERS[2];
const ROOMS: [&str; 4] = ["chess", "go", "news", "staff"];

/// `SplitMix64`: the same numbers for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % limit as u64) as usize
    }

    fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn some<'a>(&mut self, names: &[&'a str]) -> Vec<&'a str> {
        names.iter().copied().filter(|_| self.one_in(2)).collect()
    }
}

/// A node, as the test plays it.
struct Node {
    id: NodeId,
    ears: Listener,
    published: u64,
}

struct Play {
    dice: Dice,
    shard: Shard,
    model: Model,
    nodes: Vec<Node>,
    generation: u64,
    bodies: u64,
    /// Some entries there were.
    old: Vec<(Dno, Seq)>,
}

impl Play {
    fn new(seed: u64) -> Self {
        let mut play = Self {
            dice: Dice(seed),
            shard: Shard::new(),
            model: Model::default(),
            nodes: Vec::new(),
            generation: 0,
            bodies: 0,
            old: vec![(Dno(9), Seq(5))],
        };
        play.add_node();
        play.add_node();
        play
    }

    fn add_node(&mut self) {
        let id = self.shard.register();
        self.nodes.push(Node { id, ears: self.shard.listen(id), published: 0 });
    }

    fn node(&mut self) -> NodeId {
        self.nodes[self.dice.below(self.nodes.len())].id
    }

    fn dno(&mut self) -> u64 {
        1 + self.dice.below(self.model.last_dno as usize + 1) as u64
    }

    fn step(&mut self) {
        match self.dice.below(20) {
            0..=5 => self.send(),
            6..=10 => self.ack(),
            11..=13 => self.connect(),
            14 | 15 => self.disconnect(),
            16 => self.read(),
            17 => self.expire(),
            18 => self.adopt(),
            _ if self.dice.one_in(3) => self.lose_node(),
            _ => self.tick(),
        }
        self.compare_notes();
    }

    fn outgoing(&mut self) -> Outgoing {
        let to = match self.dice.below(6) {
            0 => To::Devices((0..3).map(|_| Dno(self.dno())).collect()),
            1..=3 => {
                let user = *self.dice.pick(&USERS);
                To::Rooms(vec![(room(user), true)])
            }
            _ => {
                let mut names = self.dice.some(&ROOMS);
                names.extend(self.dice.some(&USERS));
                To::Rooms(names.into_iter().map(|name| (room(name), !self.dice.one_in(5))).collect())
            }
        };
        let policy = *self.dice.pick(&[BoundPolicy::Resync, BoundPolicy::DropOldest]);
        let limits = match self.dice.below(6) {
            0 => bounds(4, 1 << 20, policy),
            1 => bounds(60, 400, policy),
            _ => QueueBounds::default(),
        };
        self.bodies += 1;
        let body = format!("{}{}", self.bodies, "x".repeat(self.dice.below(20)));
        Outgoing { resync: self.dice.one_in(4), bounds: limits, ..message(to, &body) }
    }

    fn send(&mut self) {
        let node = self.node();
        let messages: Vec<_> = (0..self.dice.below(5)).map(|_| self.outgoing()).collect();
        let numbered = self.model.numbered(&messages);
        let sent = self.shard.send(node, &messages);
        let first = if numbered == 0 { 0 } else { self.shard.newest().0 + 1 - numbered };
        assert_eq!(sent, self.model.send(first, &messages));
        self.compare_notes();
        if self.dice.one_in(3) {
            let txn = self.shard.last_txn(node);
            assert_eq!(self.shard.send_as(node, txn, &messages), sent, "a repetition");
        }
    }

    /// An entry that waits, or one that did once.
    fn entry(&mut self) -> (Dno, Seq) {
        let dno = self.dno();
        let inbox = self.model.devices.get(&dno).map_or(&[][..], |device| &device.inbox);
        if inbox.is_empty() || self.dice.one_in(5) {
            let old = *self.dice.pick(&self.old);
            return if self.dice.one_in(2) { old } else { (Dno(dno), old.1) };
        }
        let place = if self.dice.one_in(2) { 0 } else { self.dice.below(inbox.len()) };
        let entry = (Dno(dno), Seq(inbox[place].seq));
        self.old.push(entry);
        entry
    }

    fn ack(&mut self) {
        let mut batch = Vec::new();
        for _ in 0..=self.dice.below(6) {
            let (dno, seq) = self.entry();
            batch.push(match self.dice.below(10) {
                0 => Settled::Through(dno, seq),
                1 => Settled::Resynced(dno, Seq(seq.0 + self.dice.below(100_000) as u64)),
                2 | 3 => Settled::EntryBehindBatch(dno, seq, Seq(seq.0 - self.dice.below(6) as u64)),
                _ => Settled::Entry(dno, seq),
            });
        }
        if self.dice.one_in(2) {
            let (_, seq) = self.entry();
            batch.extend((1..=self.model.last_dno).map(|dno| Settled::Entry(Dno(dno), seq)));
        }
        self.shard.ack(&batch);
        for settled in &batch {
            self.model.ack(*settled);
        }
        self.compare_notes();
        if self.dice.one_in(3) {
            // Some of it may have an effect now: what came behind it is gone.
            self.shard.ack(&batch);
            for settled in &batch {
                self.model.ack(*settled);
            }
        }
    }

    fn connect(&mut self) {
        let node = self.node();
        self.generation += 1;
        let user = *self.dice.pick(&USERS);
        // Most users have one device.
        let device = if user == ALONE { "a" } else { *self.dice.pick(&["a", "b", "c"]) };
        let names = self.dice.some(&ROOMS);
        let limits = (1 + self.dice.below(20), self.dice.below(300));
        let arrives = arrival(self.generation, user, device, &names);
        let arrives = Arrival { entries: limits.0, bytes: limits.1, ..arrives };
        let admitted = self.shard.arrive(node, &arrives);
        let dno = self.model.connect(node.0, self.generation, user, device, &names);
        let published = self.nodes.iter().find(|known| known.id == node).unwrap().published;
        assert_eq!((admitted.dno.0, admitted.published), (dno, published));
        self.compare_stretch(dno, &admitted.stretch, 0, limits);
        if self.dice.one_in(3) {
            let txn = self.shard.last_txn(node);
            let cmd = self.shard.scripts.connect(&self.shard.p, node, txn, &arrives);
            let again = reply::connect(self.shard.run(&cmd).unwrap()).unwrap();
            assert_eq!(format!("{again:?}"), format!("{admitted:?}"), "a repetition");
        }
    }

    fn compare_stretch(&mut self, dno: u64, stretch: &Stretch, after: u64, limits: (usize, usize)) {
        let nothing = Device::default();
        let device = self.model.devices.get(&dno).unwrap_or(&nothing);
        let behind: Vec<_> = device.inbox.iter().filter(|entry| entry.seq > after).collect();
        let (mut expected, mut bytes) = (Vec::new(), 0);
        for entry in &behind {
            bytes += entry.body.len();
            if !expected.is_empty() && (bytes > limits.1 || expected.len() >= limits.0) {
                break;
            }
            expected.push((Seq(entry.seq), entry.body.clone().into()));
        }
        let more = expected.len() < behind.len();
        let present: Option<u64> = self.shard.ask("HGET", "h", &["seq"]);
        let through = if more { expected[expected.len() - 1].0 } else { Seq(present.unwrap_or(0)) };
        assert_eq!(stretch.entries, expected);
        assert_eq!((stretch.through, stretch.more, stretch.resync), (through, more, device.owes.map(Seq)));
    }

    fn read(&mut self) {
        let (dno, after) = self.entry();
        let limits = (1 + self.dice.below(20), self.dice.below(300));
        let stretch = self.shard.read(dno, after, limits.0, limits.1);
        self.compare_stretch(dno.0, &stretch, after.0, limits);
    }

    fn disconnect(&mut self) {
        let node = self.node();
        let mut ends = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let dno = self.dno();
            let newest = self.model.devices.get(&dno).and_then(|device| device.owners.get(&node.0));
            let older = u64::from(self.dice.one_in(4));
            ends.push((Dno(dno), newest.map_or(1, |generation| generation - older)));
        }
        self.shard.disconnect(node, LONG, &ends);
        for (dno, generation) in ends {
            self.model.disconnect(node.0, dno.0, generation);
        }
    }

    fn adopt(&mut self) {
        let node = self.node();
        self.generation += 1;
        let dnos = [self.dno(), self.dno(), self.dno()].map(Dno);
        let held = dnos.map(|dno| (dno, Gen(self.generation), self.shard.mark(dno)));
        let txn = self.shard.next_txn(node);
        let cmd = self.shard.scripts.adopt(&self.shard.p, node, txn, &held);
        let gone = reply::adopt(self.shard.run(&cmd).unwrap()).unwrap();
        let mut expected = Vec::new();
        for (dno, generation, _) in held {
            match self.model.devices.get_mut(&dno.0) {
                Some(device) => drop(device.owners.insert(node.0, generation.0)),
                None => expected.push(dno),
            }
        }
        assert_eq!(gone, expected);
    }

    fn expire(&mut self) {
        let away: Vec<u64> = self.shard.ask("ZRANGE", "exp", &["0", "-1"]);
        let expected = self.model.devices.iter().filter(|(_, device)| device.owners.is_empty());
        let mut sorted = away.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected.map(|(dno, _)| *dno).collect::<Vec<_>>());
        if away.is_empty() {
            return;
        }
        let dno = *self.dice.pick(&away);
        let _: u64 = self.shard.ask("ZADD", "exp", &["1000", &dno.to_string()]);
        self.tick();
        self.model.expire(dno);
    }

    fn tick(&mut self) {
        let node = self.node();
        let report = self.shard.tick_out(node, LONG);
        let published = self.nodes.iter().find(|known| known.id == node).unwrap().published;
        assert_eq!(report.published, published);
    }

    /// Its lease is over, or it resigns; another one comes.
    fn lose_node(&mut self) {
        let lost = self.nodes.remove(self.dice.below(self.nodes.len()));
        if self.dice.one_in(2) {
            let cmd = self.shard.scripts.resign(&self.shard.p, lost.id);
            self.shard.run(&cmd).unwrap();
        } else {
            let _: u64 = self.shard.ask("ZADD", "lease", &["1", &lost.id.0.to_string()]);
        }
        self.tick();
        self.model.bury(lost.id.0);
        self.add_node();
    }

    /// What the nodes heard is what they were meant to hear, in one publication at most.
    fn compare_notes(&mut self) {
        let mut expected = std::mem::take(&mut self.model.notes);
        for node in &mut self.nodes {
            let heard = node.ears.heard(&mut self.shard);
            let expected = expected.remove(&node.id.0).unwrap_or_default();
            node.published += u64::from(!expected.is_empty());
            assert!(heard.len() <= 1, "{heard:?}");
            assert!(heard.iter().all(|publication| publication.number == node.published));
            let heard = heard.into_iter().flat_map(|publication| publication.notes).collect();
            assert_eq!(by_kind(heard), by_kind(expected));
        }
    }

    fn compare_all(&mut self) {
        self.tick();
        leaks::check(&mut self.shard);
        for (dno, device) in &self.model.devices {
            let (entries, owes) = self.shard.inbox(Dno(*dno));
            let expected = device.inbox.iter().map(|entry| (Seq(entry.seq), entry.body.clone()));
            assert_eq!((entries, owes), (expected.collect(), device.owes.map(Seq)), "device {dno}");
        }
        let counts = &self.model.counts;
        let expected = [
            counts.accepted,
            counts.acked,
            counts.expired,
            counts.resynced,
            counts.dropped,
            self.model.online(),
        ];
        assert_eq!(self.shard.counters(), expected);
        let devices: u64 = self.shard.ask("HLEN", "s", &[]);
        assert_eq!(devices, self.model.devices.len() as u64);
    }
}

/// Entries in their order; cleared inboxes in any.
fn by_kind(notes: Vec<Note>) -> (Vec<Note>, BTreeMap<Dno, Vec<Seq>>) {
    let (mut entries, mut cleared) = (Vec::new(), BTreeMap::<Dno, Vec<Seq>>::new());
    for note in notes {
        match note {
            Note::Resync { dno, through } => cleared.entry(dno).or_default().push(through),
            entry @ Note::Entry { .. } => entries.push(entry),
        }
    }
    (entries, cleared)
}

fn play(seed: u64) {
    let mut play = Play::new(seed);
    for round in 1..=600 {
        play.step();
        if round % 50 == 0 {
            play.compare_all();
        }
    }
    let counts = &play.model.counts;
    let all = [counts.accepted, counts.acked, counts.expired, counts.resynced, counts.dropped];
    assert!(all.iter().all(|count| *count > 0), "a play that tries little: {counts:?}");
    play.shard.finish();
}

#[test]
fn random_work_comes_to_what_the_model_says() {
    for seed in 0..8 {
        // Named, so that a failure can be played again.
        eprintln!("seed {seed}");
        play(seed);
    }
}
