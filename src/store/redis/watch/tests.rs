//! Random interleavings of one shard, the two connections to it, and the sessions of one node; and each rule by itself.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::domain::WorkerId;

const DEVICES: usize = 3;

fn session(slot: usize) -> SessionRef {
    SessionRef { worker: WorkerId(0), slot: slot as u32, serial: 0 }
}

fn site() -> SiteName {
    SiteName::new("s").unwrap()
}

#[derive(Debug, Clone)]
enum Act {
    /// A client comes to a device, one of the newest sessions leaves.
    Come(usize),
    Leave(usize),
    /// The shard carries out the next command of the lane.
    CarryOut,
    /// A message for a device; whether its publication is lost.
    Send(usize, bool),
    /// The next answer, the next publication arrives.
    Answer,
    Publication,
    /// A tick; what was published before it and does not come is given up on when `GiveUp` comes.
    Tick,
    GiveUp,
    /// The shard takes the node for dead; it registers anew.
    Disown,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..DEVICES).prop_map(Act::Come),
        3 => (0..8_usize).prop_map(Act::Leave),
        10 => Just(Act::CarryOut),
        8 => (0..DEVICES, prop::bool::weighted(0.15)).prop_map(|(d, lost)| Act::Send(d, lost)),
        10 => Just(Act::Answer),
        8 => Just(Act::Publication),
        1 => Just(Act::Tick),
        2 => Just(Act::GiveUp),
        1 => Just(Act::Disown),
    ];
    prop::collection::vec(act, 1..120)
}

enum Command {
    Connect(usize, usize, Gen),
    Disconnect(Dno, Gen),
    Read(usize, Dno, u64),
    Adopt(Vec<(Dno, Gen, Mark)>),
}

enum Answer {
    Connected { session: usize, device: usize, generation: Gen, published: u64, snapshot: Vec<u64>, seq: u64 },
    Page { session: usize, entries: Vec<u64>, seq: u64 },
}

/// The shard, as its scripts keep it.
#[derive(Default)]
struct Shard {
    seq: u64,
    published: u64,
    inboxes: [Vec<u64>; DEVICES],
    owner: [Option<Gen>; DEVICES],
}

#[derive(Debug, PartialEq)]
enum Phase {
    Connecting,
    Live,
    /// Whether something came or was missed meanwhile.
    Reading(bool),
    Gone,
}

struct Guest {
    device: usize,
    phase: Phase,
    last: u64,
    got: Vec<u64>,
}

#[derive(Default)]
struct World {
    watch: Watch,
    shard: Shard,
    lane: VecDeque<Command>,
    answers: VecDeque<Answer>,
    publications: VecDeque<(u64, u64, Dno)>,
    suspicion: Option<u64>,
    clients: Vec<Guest>,
}

impl World {
    fn act(&mut self, act: &Act) {
        match *act {
            Act::Come(device) => {
                let generation = self.watch.next_generation();
                self.lane.push_back(Command::Connect(self.clients.len(), device, generation));
                self.clients.push(Guest { device, phase: Phase::Connecting, last: 0, got: Vec::new() });
            }
            Act::Leave(back) => self.leave(back),
            Act::CarryOut => self.carry_out(),
            Act::Send(device, lost) => self.send(device, lost),
            Act::Answer => self.answer(),
            Act::Publication => self.publication(),
            Act::Tick => self.suspicion = Some(self.shard.published),
            Act::GiveUp => self.give_up(),
            Act::Disown => self.disown(),
        }
    }

    fn leave(&mut self, back: usize) {
        let Some(index) = self.clients.len().checked_sub(back + 1) else { return };
        let client = &mut self.clients[index];
        let was = std::mem::replace(&mut client.phase, Phase::Gone);
        if !matches!(was, Phase::Gone | Phase::Connecting)
            && let Some((dno, generation)) = self.watch.left(session(index), Dno(client.device as u64))
        {
            self.lane.push_back(Command::Disconnect(dno, generation));
        }
    }

    fn carry_out(&mut self) {
        let shard = &mut self.shard;
        match self.lane.pop_front() {
            None => {}
            Some(Command::Connect(session, device, generation)) => {
                shard.owner[device] = Some(generation);
                let (snapshot, seq) = (shard.inboxes[device].clone(), shard.seq);
                let published = shard.published;
                self.answers.push_back(Answer::Connected {
                    session,
                    device,
                    generation,
                    published,
                    snapshot,
                    seq,
                });
            }
            Some(Command::Disconnect(dno, generation)) => {
                let owner = &mut shard.owner[dno.0 as usize];
                *owner = owner.filter(|own| *own != generation);
            }
            Some(Command::Adopt(pairs)) => {
                for (dno, generation, _) in &pairs {
                    shard.owner[dno.0 as usize] = Some(*generation);
                }
            }
            Some(Command::Read(session, dno, after)) => {
                let inbox = &shard.inboxes[dno.0 as usize];
                let entries = inbox.iter().copied().filter(|seq| *seq > after).collect();
                self.answers.push_back(Answer::Page { session, entries, seq: shard.seq });
            }
        }
    }

    fn send(&mut self, device: usize, lost: bool) {
        let shard = &mut self.shard;
        shard.seq += 1;
        shard.inboxes[device].push(shard.seq);
        if shard.owner[device].is_some() {
            shard.published += 1;
            if !lost {
                self.publications.push_back((shard.published, shard.seq, Dno(device as u64)));
            }
        }
    }

    fn answer(&mut self) {
        match self.answers.pop_front() {
            None => {}
            Some(Answer::Connected { session: index, device, generation, published, snapshot, seq }) => {
                let dno = Dno(device as u64);
                let client = &mut self.clients[index];
                if client.phase == Phase::Gone {
                    if let Some((dno, generation)) = self.watch.abandoned(dno, generation) {
                        self.lane.push_back(Command::Disconnect(dno, generation));
                    }
                    return;
                }
                client.got.extend(&snapshot);
                (client.last, client.phase) = (seq, Phase::Live);
                if self.watch.admitted(session(index), &site(), (dno, generation), published) {
                    self.missed(index);
                }
            }
            Some(Answer::Page { session: index, entries, seq }) => {
                let client = &mut self.clients[index];
                let Phase::Reading(again) = client.phase else { return };
                client.got.extend(entries);
                (client.last, client.phase) = (seq, Phase::Live);
                if again {
                    self.missed(index);
                }
            }
        }
    }

    /// As the sessions do it: read on behind the last entry.
    fn missed(&mut self, index: usize) {
        let client = &mut self.clients[index];
        match client.phase {
            Phase::Live => {
                client.phase = Phase::Reading(false);
                self.lane.push_back(Command::Read(index, Dno(client.device as u64), client.last));
            }
            Phase::Reading(_) => client.phase = Phase::Reading(true),
            Phase::Connecting | Phase::Gone => {}
        }
    }

    fn all_missed(&mut self) {
        let all: Vec<SessionRef> = self.watch.all_sessions().collect();
        for session in all {
            self.missed(session.slot as usize);
        }
    }

    fn publication(&mut self) {
        let Some((number, seq, dno)) = self.publications.pop_front() else { return };
        match self.watch.heard(number) {
            Heard::Old => return,
            Heard::Next => {}
            Heard::Gap => self.all_missed(),
        }
        let named = self.watch.sessions(dno).map(|(_, sessions)| sessions.to_vec());
        for session in named.unwrap_or_default() {
            let client = &mut self.clients[session.slot as usize];
            match client.phase {
                Phase::Live if seq > client.last => {
                    client.last = seq;
                    client.got.push(seq);
                }
                Phase::Reading(_) => client.phase = Phase::Reading(true),
                _ => {}
            }
        }
    }

    fn give_up(&mut self) {
        if let Some(published) = self.suspicion.take()
            && self.watch.give_up_on(published)
        {
            self.all_missed();
        }
    }

    /// Everything under the old name is void: the numbers of the flight do not count, its connects go again.
    fn disown(&mut self) {
        self.publications.clear();
        self.suspicion = None;
        self.shard.published = 0;
        self.shard.owner = [None; DEVICES];
        while !self.answers.is_empty() {
            self.answer();
        }
        let old: Vec<Command> = self.lane.drain(..).collect();
        let pairs = self.watch.renamed(false);
        self.lane.push_back(Command::Adopt(pairs));
        // At once, not when they are adopted: what comes under the new name must not go out before what was lost.
        self.all_missed();
        for command in old {
            match command {
                Command::Connect(session, device, _) => {
                    let generation = self.watch.next_generation();
                    self.lane.push_back(Command::Connect(session, device, generation));
                }
                Command::Read(..) => self.lane.push_back(command),
                Command::Disconnect(..) | Command::Adopt(_) => {}
            }
        }
    }

    /// Until nothing is on its way, with ticks.
    fn come_to_rest(&mut self) {
        for _ in 0..1000 {
            while !(self.lane.is_empty() && self.answers.is_empty() && self.publications.is_empty()) {
                self.carry_out();
                self.answer();
                self.publication();
            }
            self.act(&Act::Tick);
            self.give_up();
            if self.lane.is_empty() {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    fn check(&self) {
        for (index, client) in self.clients.iter().enumerate() {
            assert!(client.got.is_sorted_by(|a, b| a < b), "guest {index}: {:?}", client.got);
            if client.phase != Phase::Gone {
                assert_eq!(client.phase, Phase::Live, "guest {index}");
                assert_eq!(client.got, self.shard.inboxes[client.device], "guest {index}");
            }
        }
        for device in 0..DEVICES {
            let here = self.clients.iter().any(|c| c.device == device && c.phase != Phase::Gone);
            assert_eq!(self.shard.owner[device].is_some(), here, "device {device}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_misses_or_doubles_anything(acts in acts()) {
        let mut world = World::default();
        for act in &acts {
            world.act(act);
        }
        world.come_to_rest();
        world.check();
    }
}

/// The ring at connect: the publication went by before its device was known here.
#[test]
fn what_went_by_before_the_answer_of_the_connect_is_read() {
    let mut world = World::default();
    world.act(&Act::Come(0));
    world.act(&Act::CarryOut);
    world.act(&Act::Send(0, false));
    world.act(&Act::Publication);
    world.act(&Act::Answer);
    assert_eq!(world.clients[0].phase, Phase::Reading(false));
    world.come_to_rest();
    world.check();
}

#[test]
fn a_second_session_of_a_device_is_no_exception() {
    let mut world = World::default();
    for act in [Act::Come(0), Act::CarryOut, Act::Answer, Act::Come(0), Act::CarryOut] {
        world.act(&act);
    }
    for act in [Act::Send(0, false), Act::Publication, Act::Answer] {
        world.act(&act);
    }
    assert_eq!((&world.clients[0].got, &world.clients[1].phase), (&vec![1], &Phase::Reading(false)));
    world.come_to_rest();
    world.check();
}

#[test]
fn nothing_is_read_twice_that_need_not_be() {
    let mut watch = Watch::default();
    let generation = watch.next_generation();
    assert_eq!(watch.heard(1), Heard::Next);
    assert!(watch.sessions(Dno(5)).is_none());
    // The connect was carried out behind publication 1: its answer holds what that one named.
    assert!(!watch.admitted(session(0), &site(), (Dno(5), generation), 1));
    assert!(!watch.give_up_on(1));
}

#[test]
fn a_flood_of_strangers_costs_one_reading_and_no_memory() {
    let mut watch = Watch::default();
    for number in 1..=5_000 {
        watch.heard(number);
        watch.sessions(Dno(number));
    }
    assert_eq!(watch.strangers.len(), STRANGERS);
    let generation = watch.next_generation();
    assert!(watch.admitted(session(0), &site(), (Dno(9_999), generation), 10), "nobody knows any more");
    let generation = watch.next_generation();
    assert!(!watch.admitted(session(1), &site(), (Dno(9_998), generation), 4_990), "still known");
}

#[test]
fn the_newer_session_may_close_first() {
    let mut watch = Watch::default();
    let (first, second) = (watch.next_generation(), watch.next_generation());
    watch.admitted(session(0), &site(), (Dno(1), first), 0);
    watch.admitted(session(1), &site(), (Dno(1), second), 0);
    assert_eq!(watch.left(session(1), Dno(1)), None);
    assert_eq!(watch.left(session(0), Dno(1)), Some((Dno(1), second)));
}
