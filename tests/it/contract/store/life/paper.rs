//! Inboxes on paper: what the documents say of them, in the simplest way.

use std::collections::BTreeSet;

use postroom::domain::{BoundPolicy, QueueBounds};

/// An entry that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) resync: bool,
}

/// A device that is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Device {
    /// Bit mask.
    pub(super) rooms: u8,
    pub(super) sessions: BTreeSet<usize>,
    pub(super) inbox: Vec<Entry>,
    pub(super) owes: bool,
    /// How often its inbox was cleared.
    pub(super) cleared: usize,
}

/// What has left the inboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Left {
    pub(super) acked: u64,
    pub(super) expired: u64,
    pub(super) resynced: u64,
    pub(super) dropped: u64,
}

/// All devices.
#[derive(Debug, Clone, Default)]
pub(super) struct Paper {
    pub(super) devices: Vec<Option<Device>>,
    pub(super) left: Left,
}

impl Device {
    fn bytes(&self) -> u64 {
        self.inbox.iter().map(|entry| entry.text.len() as u64).sum()
    }

    fn fits(&self, entry: &Entry, bounds: QueueBounds) -> bool {
        self.inbox.len() < bounds.max_messages as usize
            && self.bytes() + entry.text.len() as u64 <= bounds.max_bytes
    }

    fn clear(&mut self, left: &mut Left) {
        left.resynced += self.inbox.len() as u64;
        self.inbox.clear();
        self.owes = true;
        self.cleared += 1;
    }

    /// Whether it stands in the inbox now.
    fn take(&mut self, entry: &Entry, bounds: QueueBounds, left: &mut Left) -> bool {
        if !self.fits(entry, bounds) && bounds.policy == BoundPolicy::Resync {
            self.clear(left);
            left.resynced += 1;
            return false;
        }
        if entry.text.len() as u64 > bounds.max_bytes {
            left.dropped += 1;
            return false;
        }
        while !self.fits(entry, bounds) {
            self.inbox.remove(0);
            left.dropped += 1;
        }
        self.inbox.push(entry.clone());
        true
    }
}

impl Paper {
    pub(super) fn new(devices: usize) -> Self {
        Self { devices: vec![None; devices], left: Left::default() }
    }

    pub(super) fn known(&self, device: usize) -> Option<&Device> {
        self.devices[device].as_ref()
    }

    pub(super) fn connect(&mut self, slot: usize, device: usize, rooms: u8) {
        let device = self.devices[device].get_or_insert_default();
        device.rooms = rooms;
        device.sessions.insert(slot);
    }

    pub(super) fn disconnect(&mut self, slot: usize) {
        self.devices.iter_mut().flatten().for_each(|device| _ = device.sessions.remove(&slot));
    }

    /// Who gets it: all, those of them that are there, those in whose inbox it stands.
    pub(super) fn send(&mut self, rooms: u8, entry: &Entry, bounds: QueueBounds) -> [Vec<usize>; 3] {
        let [mut all, mut online, mut queued] = [const { Vec::new() }; 3];
        for (number, device) in self.devices.iter_mut().enumerate() {
            let Some(device) = device.as_mut().filter(|device| device.rooms & rooms != 0) else { continue };
            all.push(number);
            if !device.sessions.is_empty() {
                online.push(number);
            }
            if device.take(entry, bounds, &mut self.left) {
                queued.push(number);
            }
        }
        [all, online, queued]
    }

    /// The `n`th entry is acknowledged, with a batch under way that ends with the `batch`th.
    pub(super) fn entry(&mut self, device: usize, n: usize, batch: Option<usize>) {
        let Some(device) = &mut self.devices[device] else { return };
        let older = n > batch.map_or(0, |batch| batch + 1);
        let entry = device.inbox.remove(n);
        self.left.acked += 1;
        if older && entry.resync {
            device.clear(&mut self.left);
        }
    }

    pub(super) fn through(&mut self, device: usize, n: usize) {
        let Some(device) = &mut self.devices[device] else { return };
        device.inbox.drain(..=n);
        self.left.acked += n as u64 + 1;
    }

    pub(super) fn resynced(&mut self, device: usize) {
        if let Some(device) = &mut self.devices[device] {
            device.owes = false;
        }
    }

    /// Whoever has no session is forgotten.
    pub(super) fn expire(&mut self) {
        for device in &mut self.devices {
            if let Some(gone) = device.take_if(|device| device.sessions.is_empty()) {
                self.left.expired += gone.inbox.len() as u64;
            }
        }
    }

    /// Every session ends.
    pub(super) fn restart(&mut self) {
        self.left = Left::default();
        self.devices.iter_mut().flatten().for_each(|device| {
            device.sessions.clear();
            device.cleared = 0;
        });
    }

    /// Entries that wait, devices, devices with a session.
    pub(super) fn now(&self) -> (u64, u64, u64) {
        let devices = || self.devices.iter().flatten();
        let queued: usize = devices().map(|device| device.inbox.len()).sum();
        let online = devices().filter(|device| !device.sessions.is_empty());
        (queued as u64, devices().count() as u64, online.count() as u64)
    }
}
