//! Acks, on their way to one shard.

use std::time::Instant;

use super::super::words::Settled;
use super::Lane;

/// Acks that may wait for one shard.
const MAX_ACKS: usize = 1 << 16;

impl Lane {
    /// It rests for a moment, and leaves with others.
    pub(in super::super) fn acknowledge(&self, ack: Settled) {
        let mut waiting = self.waiting.borrow_mut();
        let before = waiting.acks.len();
        if before >= MAX_ACKS {
            return self.desk.shared.forget_acks(1);
        }
        waiting.acks.push_back(ack);
        if before == 0 {
            self.acks_leave.set(self.desk.acks_leave());
        }
        // In between the lane has nothing to do about it.
        if before == 0 || waiting.are_acks_many() {
            self.bell.notify_one();
        }
    }

    /// When there is something to do though nothing comes.
    pub(super) fn wakes_at(&self) -> Instant {
        let tick = self.next_tick.get();
        if self.waiting.borrow().acks.is_empty() { tick } else { tick.min(self.acks_leave.get()) }
    }
}
