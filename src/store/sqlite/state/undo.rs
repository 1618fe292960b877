//! Taking back what a round did, when its transaction failed.

use std::collections::VecDeque;

use super::{State, Touch};
use crate::domain::{DeviceNo, Room, Seq, SessionRef};

/// How to take one step back. Undone last to first.
pub(super) enum Undo {
    /// A device was made.
    Created(DeviceNo),
    /// Its rooms were replaced.
    Rooms(DeviceNo, Box<[Room]>),
    /// A session was attached.
    Attached(SessionRef),
    /// A message was appended.
    Append(Seq),
    /// An inbox was cleared because it was full; the message that did it was not put in.
    Cleared { no: DeviceNo, entries: VecDeque<Seq>, owed: Option<Seq>, floor: Seq, set: Seq },
    /// Entries were dropped because an inbox was full, and the message itself where it does not fit at all.
    Dropped { no: DeviceNo, entries: VecDeque<Seq>, itself: bool, floor: Seq, set: Seq },
}

impl State {
    /// Takes back the connects and messages of this round.
    pub(in super::super) fn undo(&mut self, unix_ms: u64) {
        self.changes.created.clear();
        while let Some(step) = self.undo.pop() {
            match step {
                Undo::Created(no) => self.forget(no),
                Undo::Rooms(no, rooms) => drop(self.replace_rooms(no, rooms)),
                Undo::Attached(session) => self.disconnect(session, unix_ms),
                Undo::Append(seq) => self.undo_append(seq),
                Undo::Cleared { no, entries, owed, floor, set } => {
                    let back = self.put_back(no, entries, floor, set);
                    self.counters.resynced -= back + 1;
                    self.counters.accepted -= 1;
                    if let Some(device) = self.devices.get_mut(&no) {
                        // A resync that an ack has caused since stays.
                        device.owes_resync = device.owes_resync.filter(|due| *due != set).or(owed);
                    }
                }
                Undo::Dropped { no, entries, itself, floor, set } => {
                    let back = self.put_back(no, entries, floor, set);
                    self.counters.dropped -= back + u64::from(itself);
                    self.counters.accepted -= u64::from(itself);
                }
            }
        }
    }

    /// A device that was made in this round. Its entries were taken back before.
    fn forget(&mut self, no: DeviceNo) {
        let Some(device) = self.devices.remove(&no) else { return };
        for room in &device.rooms {
            self.rosters.leave(&device.key.site, room, no);
        }
        if let Some(at) = device.expires {
            self.expiries.remove(&(at, no));
        }
        self.keys.remove(&device.key);
        self.counters.devices -= 1;
    }

    fn undo_append(&mut self, seq: Seq) {
        let Some(message) = self.open.remove(&seq) else { return };
        for no in message.due() {
            let Some(device) = self.devices.get_mut(&no) else { continue };
            if device.inbox.back() == Some(&seq) {
                device.inbox.pop_back();
                device.bytes -= u64::from(message.bytes);
                self.counters.accepted -= 1;
                self.counters.queued -= 1;
            }
        }
    }

    /// Puts entries back to the front of an inbox; how many. `floor` was its floor before, `set` the one that
    /// taking them out set: where another took its place since, entries below that one stay out.
    fn put_back(&mut self, no: DeviceNo, entries: VecDeque<Seq>, floor: Seq, set: Seq) -> u64 {
        let Some(device) = self.devices.get_mut(&no) else { return 0 };
        if device.floor == set {
            device.floor = floor;
        }
        let mut back = 0;
        for seq in entries.into_iter().rev().filter(|seq| *seq > device.floor) {
            let Some(message) = self.open.get_mut(&seq) else { continue };
            message.restore(no);
            device.inbox.push_front(seq);
            device.bytes += u64::from(message.bytes);
            back += 1;
        }
        self.counters.queued += back;
        self.touch(no, Touch::Status);
        back
    }
}
