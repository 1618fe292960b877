//! Sessions of devices begin and end.

use std::mem;
use std::sync::Arc;

use super::{Device, State, Touch, Undo};
use crate::domain::{DeviceKey, DeviceNo, Room, SessionRef};

impl State {
    /// Finds or makes the device, replaces its rooms, and attaches the session. A session that was attached
    /// already moves.
    pub(in super::super) fn connect(
        &mut self,
        session: SessionRef,
        key: DeviceKey,
        mut rooms: Vec<Room>,
        unix_ms: u64,
    ) -> DeviceNo {
        rooms.sort_unstable();
        rooms.dedup();
        self.disconnect(session, unix_ms);
        let no = match self.keys.get(&key) {
            Some(no) => self.renew(*no, rooms),
            None => self.create(key, rooms),
        };
        self.attach(session, no);
        no
    }

    fn renew(&mut self, no: DeviceNo, rooms: Vec<Room>) -> DeviceNo {
        let same = self.devices.get(&no).is_some_and(|device| *device.rooms == *rooms);
        if !same && let Some(before) = self.replace_rooms(no, rooms.into()) {
            self.undo.push(Undo::Rooms(no, before));
        }
        no
    }

    fn create(&mut self, key: DeviceKey, rooms: Vec<Room>) -> DeviceNo {
        let no = DeviceNo(self.numbers.next());
        let key = Arc::new(key);
        for room in &rooms {
            self.rosters.join(&key.site, room, no);
        }
        self.keys.insert(Arc::clone(&key), no);
        self.devices.insert(no, Device::new(key, rooms.into()));
        self.counters.devices += 1;
        self.undo.push(Undo::Created(no));
        self.touch(no, Touch::Whole);
        no
    }

    /// The rooms it had.
    pub(super) fn replace_rooms(&mut self, no: DeviceNo, rooms: Box<[Room]>) -> Option<Box<[Room]>> {
        let device = self.devices.get_mut(&no)?;
        let before = mem::replace(&mut device.rooms, rooms);
        for room in before.iter().filter(|room| device.rooms.binary_search(room).is_err()) {
            self.rosters.leave(&device.key.site, room, no);
        }
        for room in device.rooms.iter().filter(|room| before.binary_search(room).is_err()) {
            self.rosters.join(&device.key.site, room, no);
        }
        self.touch(no, Touch::Whole);
        Some(before)
    }

    fn attach(&mut self, session: SessionRef, no: DeviceNo) {
        self.undo.push(Undo::Attached(session));
        self.sessions.insert(session, no);
        let Some(device) = self.devices.get_mut(&no) else { return };
        self.counters.online += u64::from(!device.carriers.online());
        device.carriers.add(session.worker);
        if let Some(at) = device.expires.take() {
            self.expiries.remove(&(at, no));
            self.touch(no, Touch::Status);
        }
    }

    /// The session ends; with the last one of its device, the device's expiry begins. An unknown session is
    /// ignored.
    pub(in super::super) fn disconnect(&mut self, session: SessionRef, unix_ms: u64) {
        let Some(no) = self.sessions.remove(&session) else { return };
        let Some(device) = self.devices.get_mut(&no) else { return };
        device.carriers.remove(session.worker);
        if device.carriers.online() {
            return;
        }
        self.counters.online -= 1;
        device.expires = self.ttl.map(|ttl| unix_ms.saturating_add(ttl));
        if let Some(at) = device.expires {
            self.expiries.insert((at, no));
            self.touch(no, Touch::Status);
        }
    }
}
