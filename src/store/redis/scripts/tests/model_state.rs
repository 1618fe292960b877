//! What a shard is meant to do, as plainly as it can be said.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::words::{Dno, Note, Outgoing, Sent, Settled, To};
use super::shard::kept;
use crate::domain::{BoundPolicy, QueueBounds, Seq};

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) body: String,
    pub(super) resync: bool,
}

#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) user: String,
    pub(super) name: String,
    pub(super) rooms: BTreeSet<String>,
    /// Generations by node.
    pub(super) owners: BTreeMap<u64, u64>,
    pub(super) inbox: Vec<Entry>,
    pub(super) owes: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) acked: u64,
    pub(super) expired: u64,
    pub(super) resynced: u64,
    pub(super) dropped: u64,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) devices: BTreeMap<u64, Device>,
    pub(super) last_dno: u64,
    pub(super) longest: usize,
    pub(super) counts: Counts,
    /// Notes of the running script, by node.
    pub(super) notes: BTreeMap<u64, Vec<Note>>,
}

impl Model {
    pub(super) fn online(&self) -> u64 {
        self.devices.values().filter(|device| !device.owners.is_empty()).count() as u64
    }

    pub(super) fn find(&self, user: &str, device: &str) -> Option<u64> {
        let mut all = self.devices.iter();
        all.find(|(_, known)| known.user == user && known.name == device).map(|(dno, _)| *dno)
    }

    pub(super) fn connect(
        &mut self,
        node: u64,
        generation: u64,
        user: &str,
        device: &str,
        rooms: &[&str],
    ) -> u64 {
        let dno = self.find(user, device).unwrap_or(self.last_dno + 1);
        self.last_dno = self.last_dno.max(dno);
        let known = self.devices.entry(dno).or_default();
        (known.user, known.name) = (user.to_owned(), device.to_owned());
        known.rooms = rooms.iter().map(|room| (*room).to_owned()).collect();
        known.owners.insert(node, generation);
        dno
    }

    pub(super) fn disconnect(&mut self, node: u64, dno: u64, generation: u64) {
        let Some(device) = self.devices.get_mut(&dno) else { return };
        if device.owners.get(&node) == Some(&generation) {
            device.owners.remove(&node);
        }
    }

    pub(super) fn bury(&mut self, node: u64) {
        for device in self.devices.values_mut() {
            device.owners.remove(&node);
        }
    }

    pub(super) fn expire(&mut self, dno: u64) {
        let device = self.devices.remove(&dno).unwrap();
        self.counts.expired += device.inbox.len() as u64;
    }

    fn recipients(&self, to: &To) -> Vec<u64> {
        let name = |name: &str| [b"s\0", name.as_bytes()].concat();
        let is_member = |device: &Device| match to {
            To::Devices(_) => false,
            To::Rooms(rooms) => rooms.iter().any(|(room, home)| {
                device.rooms.iter().any(|own| *name(own) == *room.0)
                    || *home && *name(&device.user) == *room.0
            }),
        };
        let listed = |dno: &u64| matches!(to, To::Devices(list) if list.contains(&Dno(*dno)));
        let all = self.devices.iter().filter(|(dno, device)| listed(dno) || is_member(device));
        all.map(|(dno, _)| *dno).collect()
    }

    /// How many messages get a number.
    pub(super) fn numbered(&self, messages: &[Outgoing]) -> u64 {
        messages.iter().filter(|message| !self.recipients(&message.to).is_empty()).count() as u64
    }

    /// The first message that somebody gets has number `seq`.
    pub(super) fn send(&mut self, mut seq: u64, messages: &[Outgoing]) -> Vec<Sent> {
        let mut sent = Vec::new();
        for message in messages {
            let to = self.recipients(&message.to);
            sent.push(self.deliver(seq, message, &to));
            seq += u64::from(!to.is_empty());
        }
        sent
    }

    fn deliver(&mut self, seq: u64, message: &Outgoing, to: &[u64]) -> Sent {
        let body = String::from_utf8(message.event.json().to_vec()).unwrap();
        let (mut online, mut queued) = (0, 0);
        let mut listed: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        if !to.is_empty() {
            self.longest = self.longest.max(body.len());
        }
        for dno in to {
            let entry = Entry { seq, body: body.clone(), resync: message.resync };
            let took = self.append(*dno, entry, &message.bounds);
            let device = &self.devices[dno];
            online += u32::from(!device.owners.is_empty());
            if took {
                queued += 1;
                for node in device.owners.keys() {
                    listed.entry(*node).or_default().push(dno.to_string());
                }
            }
        }
        for (node, dnos) in listed {
            let (devices, event) = (dnos.join(",").into(), body.clone().into());
            self.notes.entry(node).or_default().push(Note::Entry { seq: Seq(seq), devices, event });
        }
        kept(to.len() as u32, online, queued)
    }

    /// Whether the inbox keeps it.
    fn append(&mut self, dno: u64, entry: Entry, bounds: &QueueBounds) -> bool {
        self.counts.accepted += 1;
        let device = self.devices.get_mut(&dno).unwrap();
        let (most, bytes) = (bounds.max_messages as usize, bounds.max_bytes as usize);
        let (seq, waiting) = (entry.seq, device.inbox.len() + 1);
        if bounds.policy == BoundPolicy::DropOldest && entry.body.len() > bytes {
            self.counts.dropped += 1;
            return false;
        }
        device.inbox.push(entry);
        let weighed = waiting <= 32 || waiting % 32 == 0 || seq % 32 == 0;
        let weighed = weighed && waiting * self.longest > bytes;
        let sum = |inbox: &[Entry]| inbox.iter().map(|entry| entry.body.len()).sum::<usize>();
        let full = |inbox: &[Entry]| inbox.len() > most || weighed && sum(inbox) > bytes;
        if !full(&device.inbox) {
            return true;
        }
        if bounds.policy == BoundPolicy::Resync {
            self.counts.resynced += waiting as u64;
            device.inbox.clear();
            self.owe(dno, seq);
            return false;
        }
        while full(&device.inbox) {
            device.inbox.remove(0);
            self.counts.dropped += 1;
        }
        true
    }

    fn owe(&mut self, dno: u64, seq: u64) {
        let device = self.devices.get_mut(&dno).unwrap();
        device.owes = Some(seq);
        for node in device.owners.keys() {
            let note = Note::Resync { dno: Dno(dno), through: Seq(seq) };
            self.notes.entry(*node).or_default().push(note);
        }
    }

    pub(super) fn ack(&mut self, settled: Settled) {
        match settled {
            Settled::Entry(dno, seq) => self.ack_entry(dno.0, seq.0, 0),
            Settled::EntryBehindBatch(dno, seq, batch) => self.ack_entry(dno.0, seq.0, batch.0),
            Settled::Through(dno, seq) => {
                let Some(device) = self.devices.get_mut(&dno.0) else { return };
                let before = device.inbox.len();
                device.inbox.retain(|entry| entry.seq > seq.0);
                self.counts.acked += (before - device.inbox.len()) as u64;
            }
            Settled::Resynced(dno, seq) => {
                let Some(device) = self.devices.get_mut(&dno.0) else { return };
                device.owes = device.owes.filter(|owed| *owed > seq.0);
            }
        }
    }

    fn ack_entry(&mut self, dno: u64, seq: u64, batch: u64) {
        let Some(device) = self.devices.get_mut(&dno) else { return };
        let Some(place) = device.inbox.iter().position(|entry| entry.seq == seq) else { return };
        let resync = device.inbox.remove(place).resync;
        self.counts.acked += 1;
        if !resync || !device.inbox[..place].iter().any(|entry| entry.seq > batch) {
            return;
        }
        let through = device.inbox.last().map_or(seq, |last| last.seq.max(seq));
        self.counts.resynced += device.inbox.len() as u64;
        device.inbox.clear();
        self.owe(dno, through);
    }
}
