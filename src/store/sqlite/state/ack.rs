//! Entries leave an inbox.

use super::{Cleared, State, Touch};
use crate::domain::{DeviceNo, Seq};

impl State {
    /// One entry. Where that makes the device resync, what was cleared. Entries up to `batch` do not count as
    /// older ones.
    pub(in super::super) fn ack_entry(&mut self, no: DeviceNo, seq: Seq, batch: Seq) -> Option<Cleared> {
        if seq > self.committed {
            return None;
        }
        let bytes = self.bytes_of(seq);
        let device = self.devices.get_mut(&no)?;
        let place = match device.inbox.front() {
            Some(first) if *first == seq => 0,
            _ => device.inbox.binary_search(&seq).ok()?,
        };
        let older = place > device.inbox.partition_point(|waiting| *waiting <= batch);
        device.inbox.remove(place);
        device.bytes -= u64::from(bytes);
        device.shrink();
        self.counters.acked += 1;
        self.counters.queued -= 1;
        let resync = older && self.open.get(&seq).is_some_and(|message| message.resync);
        self.settle(no, seq, !resync);
        resync.then(|| self.clear(no, seq)).flatten()
    }

    /// Every entry up to and with `seq`.
    pub(in super::super) fn ack_through(&mut self, no: DeviceNo, seq: Seq) {
        let taken = self.take_through(no, seq);
        self.counters.acked += taken;
    }

    /// The device has had the `_resync` for what was cleared up to and with `through`.
    pub(in super::super) fn resynced(&mut self, no: DeviceNo, through: Seq) {
        let Some(device) = self.devices.get_mut(&no) else { return };
        if device.owes_resync.is_some_and(|cleared| cleared <= through) {
            device.owes_resync = None;
            self.touch(no, Touch::Status);
        }
    }

    /// An entry with `resync` was acknowledged before an older one: nothing that waits is of use any more.
    fn clear(&mut self, no: DeviceNo, acked: Seq) -> Option<Cleared> {
        let inbox = &self.devices.get(&no)?.inbox;
        let waiting = inbox.range(..inbox.partition_point(|seq| *seq <= self.committed));
        let through = waiting.last().map_or(acked, |last| acked.max(*last));
        let taken = self.take_through(no, through);
        self.counters.resynced += taken;
        let device = self.devices.get_mut(&no)?;
        (device.owes_resync, device.floor) = (Some(through), through);
        let workers = device.carriers.workers();
        self.touch(no, Touch::Status);
        Some(Cleared { device: no, through, workers })
    }

    /// Takes entries from the front; how many. The floor tells the file, so no list needs to be written.
    fn take_through(&mut self, no: DeviceNo, seq: Seq) -> u64 {
        let seq = seq.min(self.committed);
        let mut taken = 0;
        while let Some(first) = self.take_first(no, seq) {
            self.settle(no, first, false);
            taken += 1;
        }
        if taken > 0 {
            self.touch(no, Touch::Status);
        }
        self.counters.queued -= taken;
        taken
    }

    fn take_first(&mut self, no: DeviceNo, through: Seq) -> Option<Seq> {
        let device = self.devices.get_mut(&no)?;
        let first = *device.inbox.front().filter(|first| **first <= through)?;
        device.inbox.pop_front();
        device.floor = device.floor.max(first);
        device.bytes -= u64::from(self.open.get(&first).map_or(0, |message| message.bytes));
        device.shrink();
        Some(first)
    }
}
