//! One device: its rooms, its inbox, and who carries its sessions.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::domain::{DeviceKey, QueueBounds, Room, Seq, WorkerId};

/// What of a device's row is out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Touch {
    /// Nothing.
    Clean,
    /// All but key and rooms.
    Status,
    /// Everything; the row may not be there yet.
    Whole,
}

/// A device as the writer knows it.
#[derive(Debug)]
pub(in super::super) struct Device {
    pub(in super::super) key: Arc<DeviceKey>,
    pub(in super::super) rooms: Box<[Room]>,
    /// Unix milliseconds; `None` while it has a session, or never expires.
    pub(in super::super) expires: Option<u64>,
    /// It was cleared up to and with this entry, and the client has not confirmed the `_resync`.
    pub(in super::super) owes_resync: Option<Seq>,
    /// Nothing up to here waits any more. Only set where that settles many entries at once: it is what makes
    /// a cleared inbox one row to write instead of one per message.
    pub(in super::super) floor: Seq,
    pub(in super::super) touch: Touch,
    /// What waits, ascending.
    pub(super) inbox: VecDeque<Seq>,
    /// Bytes of the events in `inbox`, added up.
    pub(super) bytes: u64,
    pub(super) carriers: Carriers,
}

impl Device {
    pub(super) fn new(key: Arc<DeviceKey>, rooms: Box<[Room]>) -> Self {
        Self {
            key,
            rooms,
            expires: None,
            owes_resync: None,
            floor: Seq(0),
            touch: Touch::Clean,
            inbox: VecDeque::new(),
            bytes: 0,
            carriers: Carriers::default(),
        }
    }

    /// Whether one more event of `bytes` fits.
    pub(super) fn fits(&self, bytes: u32, bounds: &QueueBounds) -> bool {
        self.inbox.len() < bounds.max_messages as usize && self.bytes + u64::from(bytes) <= bounds.max_bytes
    }

    pub(super) fn push(&mut self, seq: Seq, bytes: u32) {
        self.inbox.push_back(seq);
        self.bytes += u64::from(bytes);
    }

    /// Gives back the memory of an inbox that was long once.
    pub(super) fn shrink(&mut self) {
        if self.inbox.is_empty() && self.inbox.capacity() > 64 {
            self.inbox = VecDeque::new();
        }
    }
}

/// A set of workers: a bit mask for the first 63, which is nearly always enough; bit 63 says "see `wide`".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Workers {
    mask: u64,
    wide: BTreeSet<WorkerId>,
}

const WIDE: u64 = 1 << 63;

fn bit(worker: WorkerId) -> u64 {
    if worker.0 < 63 { 1 << worker.0 } else { WIDE }
}

impl Workers {
    /// Adds those of a device. On the way of every delivery.
    pub(super) fn add(&mut self, carriers: &Carriers) {
        self.mask |= carriers.mask;
        if carriers.mask & WIDE != 0 {
            self.wide.extend(carriers.counts.iter().map(|(worker, _)| *worker).filter(|w| w.0 >= 63));
        }
    }

    pub(in super::super) fn iter(&self) -> impl Iterator<Item = WorkerId> {
        let narrow = (0..63).filter(|bit| self.mask >> bit & 1 != 0).map(WorkerId);
        narrow.chain(self.wide.iter().copied())
    }
}

/// How many sessions of a device each worker carries.
#[derive(Debug, Default)]
pub(super) struct Carriers {
    mask: u64,
    counts: Vec<(WorkerId, u32)>,
}

impl Carriers {
    pub(super) fn online(&self) -> bool {
        self.mask != 0
    }

    pub(super) fn add(&mut self, worker: WorkerId) {
        self.mask |= bit(worker);
        match self.counts.iter_mut().find(|(w, _)| *w == worker) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((worker, 1)),
        }
    }

    pub(super) fn remove(&mut self, worker: WorkerId) {
        if let Some((_, count)) = self.counts.iter_mut().find(|(w, _)| *w == worker) {
            *count -= 1;
        }
        self.counts.retain(|(_, count)| *count > 0);
        self.mask = self.counts.iter().fold(0, |mask, (worker, _)| mask | bit(*worker));
    }

    pub(super) fn workers(&self) -> Workers {
        let mut workers = Workers::default();
        workers.add(self);
        workers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_worker_number_is_found_again() {
        let mut carriers = Carriers::default();
        for worker in [0, 62, 63, 64, 9_000, 9_000] {
            carriers.add(WorkerId(worker));
        }
        let found: Vec<u16> = carriers.workers().iter().map(|w| w.0).collect();
        assert_eq!(found, [0, 62, 63, 64, 9_000]);
        for worker in [0, 62, 63, 64, 9_000] {
            assert!(carriers.online());
            carriers.remove(WorkerId(worker));
        }
        assert_eq!(carriers.workers().iter().collect::<Vec<_>>(), [WorkerId(9_000)]);
        carriers.remove(WorkerId(9_000));
        assert!(!carriers.online());
    }
}
