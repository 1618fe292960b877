//! The registry is built again from what the file has.

use std::sync::Arc;

use super::{Device, Numbering, OpenMessage, State, Touch};
use crate::domain::{DeviceKey, DeviceNo, Room, Seq};

/// A device as the file has it.
pub(in super::super) struct StoredDevice {
    pub(in super::super) no: DeviceNo,
    pub(in super::super) key: DeviceKey,
    pub(in super::super) rooms: Vec<Room>,
    /// Unix milliseconds.
    pub(in super::super) expires: Option<u64>,
    pub(in super::super) owes_resync: Option<Seq>,
    pub(in super::super) floor: Seq,
}

/// A message as the file has it, without its body.
pub(in super::super) struct StoredMessage {
    pub(in super::super) seq: Seq,
    pub(in super::super) bytes: u32,
    pub(in super::super) resync: bool,
    /// Ascending.
    pub(in super::super) due: Vec<DeviceNo>,
    /// Whether `due` comes from `remainder`.
    pub(in super::super) noted: bool,
}

impl State {
    /// A device. All must come before the messages. Its sessions ended with the process, so where the file knows
    /// of no end before, it is away from now on.
    pub(in super::super) fn restore_device(&mut self, stored: StoredDevice, unix_ms: u64) {
        let StoredDevice { no, key, mut rooms, expires, owes_resync, floor } = stored;
        rooms.sort_unstable();
        rooms.dedup();
        let key = Arc::new(key);
        for room in &rooms {
            self.rosters.join(&key.site, room, no);
        }
        let mut device = Device::new(Arc::clone(&key), rooms.into());
        (device.owes_resync, device.floor) = (owes_resync, floor);
        // Never later than that: the ttl may be shorter than it was, or the clock was ahead when it was written.
        // The file keeps the later one, for the clock may as well be behind now.
        let latest = self.ttl.map(|ttl| unix_ms.saturating_add(ttl));
        device.expires = latest.map(|latest| expires.map_or(latest, |at| at.min(latest)));
        let changed = device.expires.is_none() != expires.is_none();
        if let Some(at) = device.expires {
            self.expiries.insert((at, no));
        }
        self.keys.insert(key, no);
        self.devices.insert(no, device);
        self.counters.devices += 1;
        if changed {
            self.touch(no, Touch::Status);
        }
    }

    /// A message; they come by growing seq. Devices that are gone, or past it, are left out.
    pub(in super::super) fn restore_message(&mut self, stored: StoredMessage) {
        let StoredMessage { seq, bytes, resync, mut due, noted } = stored;
        due.retain(|no| {
            let device = self.devices.get_mut(no).filter(|device| device.floor < seq);
            device.map(|device| device.push(seq, bytes)).is_some()
        });
        self.counters.accepted += due.len() as u64;
        self.counters.queued += due.len() as u64;
        if due.is_empty() {
            self.changes.settled.push(seq);
        }
        let mut message = OpenMessage::new(due.into(), bytes, resync);
        message.noted = noted;
        self.open.insert(seq, message);
    }

    /// All is there; these numbers were the last ones.
    pub(in super::super) fn restored(&mut self, seq: u64, number: u64) {
        self.seqs = Numbering { last: seq, ceiling: seq };
        self.numbers = Numbering { last: number, ceiling: number };
        self.committed = Seq(seq);
    }
}
