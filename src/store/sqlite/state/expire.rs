//! Devices that were away for too long go, with their inboxes.

use ahash::{AHashMap, AHashSet};

use super::State;
use crate::domain::{DeviceNo, Room, SiteName};

impl State {
    /// When the next device expires, in Unix milliseconds.
    pub(in super::super) fn next_expiry(&self) -> Option<u64> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Forgets the devices whose time has come.
    pub(in super::super) fn expire(&mut self, unix_ms: u64) {
        let mut gone = AHashSet::new();
        let mut left: AHashMap<SiteName, AHashSet<Room>> = AHashMap::new();
        while let Some((_, no)) = self.expiries.first().copied().filter(|(at, _)| *at <= unix_ms) {
            self.expiries.pop_first();
            self.expire_one(no, &mut left);
            gone.insert(no);
        }
        for (site, rooms) in &left {
            for room in rooms {
                self.rosters.leave_all(site, room, &gone);
            }
        }
    }

    /// One device, all but its places in rosters, which many leave at once.
    fn expire_one(&mut self, no: DeviceNo, left: &mut AHashMap<SiteName, AHashSet<Room>>) {
        let Some(device) = self.devices.remove(&no) else { return };
        self.keys.remove(&device.key);
        self.counters.devices -= 1;
        self.counters.queued -= device.inbox.len() as u64;
        self.counters.expired += device.inbox.len() as u64;
        for seq in &device.inbox {
            self.settle(no, *seq, false);
        }
        left.entry(device.key.site.clone()).or_default().extend(device.rooms);
        self.changes.gone.push(no);
    }
}
