//! A message goes into the inboxes of its recipients.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Cleared, OpenMessage, State, Touch, Undo, Workers};
use crate::domain::{BoundPolicy, DeviceNo, Message, QueueBounds, Receipt, Seq};

/// What an append came to.
pub(in super::super) struct Appended {
    pub(in super::super) receipt: Receipt,
    /// The entry, where anybody takes it: its place, and all who do.
    pub(in super::super) entry: Option<(Seq, Arc<[DeviceNo]>)>,
    /// The workers that carry one of them.
    pub(in super::super) workers: Workers,
    /// Inboxes that were full.
    pub(in super::super) cleared: Vec<Cleared>,
}

impl State {
    /// Appends to the inboxes of all devices in one of the message's rooms.
    pub(in super::super) fn append(&mut self, message: &Arc<Message>) -> Appended {
        let devices = self.rosters.resolve(&message.site, &message.rooms);
        let mut receipt = Receipt { id: message.id, devices: devices.len() as u32, online: 0, queued: 0 };
        let mut workers = Workers::default();
        if devices.is_empty() {
            return Appended { receipt, entry: None, workers, cleared: Vec::new() };
        }
        let (seq, bytes) = (Seq(self.seqs.next()), message.event.json().len() as u32);
        let mut full = Vec::new();
        for no in devices.iter() {
            let Some(device) = self.devices.get_mut(no) else { continue };
            receipt.online += u32::from(device.carriers.online());
            if device.fits(bytes, &message.bounds) {
                device.push(seq, bytes);
                workers.add(&device.carriers);
            } else {
                full.push(*no);
            }
        }
        self.counters.accepted += u64::from(receipt.devices);
        self.counters.queued += u64::from(receipt.devices) - full.len() as u64;
        self.undo.push(Undo::Append(seq));
        let mut cleared = Vec::new();
        full.retain(|no| !self.overflow(*no, seq, bytes, &message.bounds, &mut workers, &mut cleared));
        let takers = if full.is_empty() {
            devices
        } else {
            devices.iter().filter(|no| full.binary_search(no).is_err()).copied().collect()
        };
        receipt.queued = takers.len() as u32;
        let entry = (!takers.is_empty()).then(|| self.open_message(seq, bytes, message, takers));
        Appended { receipt, entry, workers, cleared }
    }

    fn open_message(
        &mut self,
        seq: Seq,
        bytes: u32,
        message: &Arc<Message>,
        takers: Arc<[DeviceNo]>,
    ) -> (Seq, Arc<[DeviceNo]>) {
        self.open.insert(seq, OpenMessage::new(Arc::clone(&takers), bytes, message.resync));
        self.changes.created.push((seq, Arc::clone(message)));
        (seq, takers)
    }

    /// A full inbox. Whether it takes the message after all.
    fn overflow(
        &mut self,
        no: DeviceNo,
        seq: Seq,
        bytes: u32,
        bounds: &QueueBounds,
        workers: &mut Workers,
        cleared: &mut Vec<Cleared>,
    ) -> bool {
        match bounds.policy {
            BoundPolicy::Resync => {
                cleared.extend(self.overflow_resync(no, seq));
                false
            }
            BoundPolicy::DropOldest => self.drop_oldest(no, seq, bytes, bounds, workers),
        }
    }

    fn overflow_resync(&mut self, no: DeviceNo, seq: Seq) -> Option<Cleared> {
        let device = self.devices.get_mut(&no)?;
        let entries = std::mem::take(&mut device.inbox);
        device.bytes = 0;
        let (owed, floor) = (device.owes_resync, device.floor);
        (device.owes_resync, device.floor) = (Some(seq), seq);
        let workers = device.carriers.workers();
        self.counters.queued -= entries.len() as u64;
        self.counters.resynced += entries.len() as u64 + 1;
        for entry in &entries {
            self.settle(no, *entry, false);
        }
        self.touch(no, Touch::Status);
        self.undo.push(Undo::Cleared { no, entries, owed, floor, set: seq });
        Some(Cleared { device: no, through: seq, workers })
    }

    /// Drops from the front until the new entry fits; where it cannot fit at all, only itself is dropped.
    fn drop_oldest(
        &mut self,
        no: DeviceNo,
        seq: Seq,
        bytes: u32,
        bounds: &QueueBounds,
        workers: &mut Workers,
    ) -> bool {
        let takes = bounds.max_messages > 0 && u64::from(bytes) <= bounds.max_bytes;
        let mut entries = VecDeque::new();
        let Some(before) = self.devices.get(&no).map(|device| device.floor) else { return false };
        while takes && let Some(oldest) = self.drop_one(no, bytes, bounds) {
            self.settle(no, oldest, false);
            entries.push_back(oldest);
        }
        let set = entries.back().copied().unwrap_or(before);
        let Some(device) = self.devices.get_mut(&no) else { return false };
        device.floor = set;
        if takes {
            device.push(seq, bytes);
            workers.add(&device.carriers);
            self.counters.queued += 1;
        }
        self.counters.queued -= entries.len() as u64;
        self.counters.dropped += entries.len() as u64 + u64::from(!takes);
        self.touch(no, Touch::Status);
        self.undo.push(Undo::Dropped { no, entries, itself: !takes, floor: before, set });
        takes
    }

    fn drop_one(&mut self, no: DeviceNo, bytes: u32, bounds: &QueueBounds) -> Option<Seq> {
        let device = self.devices.get_mut(&no)?;
        if device.fits(bytes, bounds) {
            return None;
        }
        let oldest = device.inbox.pop_front()?;
        let freed = self.open.get(&oldest).map_or(0, |message| message.bytes);
        device.bytes -= u64::from(freed);
        Some(oldest)
    }
}
