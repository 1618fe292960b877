//! Which sessions bear a device, and which listen to a room.

use ahash::AHashMap;

use crate::domain::{DeviceNo, Room, SiteName};

/// Slots of sessions by device and by room. Nothing empty is kept.
#[derive(Debug, Default)]
pub(super) struct Index {
    devices: AHashMap<DeviceNo, Bearers>,
    rooms: AHashMap<SiteName, AHashMap<Room, Vec<u32>>>,
}

/// Nearly every device has one session, which needs no list.
#[derive(Debug)]
enum Bearers {
    One(u32),
    Many(Vec<u32>),
}

impl Index {
    /// The sessions of a device.
    pub(super) fn device(&self, device: DeviceNo) -> &[u32] {
        match self.devices.get(&device) {
            None => &[],
            Some(Bearers::One(slot)) => std::slice::from_ref(slot),
            Some(Bearers::Many(slots)) => slots,
        }
    }

    /// The sessions that listen to a room.
    pub(super) fn room(&self, site: &SiteName, room: &Room) -> &[u32] {
        self.rooms.get(site).and_then(|rooms| rooms.get(room)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn bear(&mut self, device: DeviceNo, slot: u32) {
        match self.devices.get_mut(&device) {
            None => drop(self.devices.insert(device, Bearers::One(slot))),
            Some(Bearers::Many(slots)) => slots.push(slot),
            Some(bearers @ Bearers::One(_)) => {
                if let Bearers::One(first) = *bearers {
                    *bearers = Bearers::Many(vec![first, slot]);
                }
            }
        }
    }

    pub(super) fn unbear(&mut self, device: DeviceNo, slot: u32) {
        let empty = match self.devices.get_mut(&device) {
            None => false,
            Some(Bearers::One(only)) => *only == slot,
            Some(Bearers::Many(slots)) => {
                slots.retain(|other| *other != slot);
                slots.is_empty()
            }
        };
        if empty {
            self.devices.remove(&device);
        }
    }

    /// The rooms in which it is the first one.
    pub(super) fn join(&mut self, site: &SiteName, rooms: &[Room], slot: u32) -> Vec<Room> {
        if rooms.is_empty() {
            return Vec::new();
        }
        let of_site = self.rooms.entry(site.clone()).or_default();
        let mut first = Vec::new();
        for room in rooms {
            let slots = of_site.entry(room.clone()).or_default();
            if slots.is_empty() {
                first.push(room.clone());
            }
            slots.push(slot);
        }
        first
    }

    /// The rooms in which it was the last one.
    pub(super) fn leave(&mut self, site: &SiteName, rooms: &[Room], slot: u32) -> Vec<Room> {
        let mut last = Vec::new();
        let Some(of_site) = self.rooms.get_mut(site) else { return last };
        for room in rooms {
            if let Some(slots) = of_site.get_mut(room) {
                if let Some(at) = slots.iter().position(|other| *other == slot) {
                    slots.swap_remove(at);
                }
                if slots.is_empty() {
                    of_site.remove(room);
                    last.push(room.clone());
                }
            }
        }
        if of_site.is_empty() {
            self.rooms.remove(site);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Site;

    #[test]
    fn nothing_is_left_when_the_last_one_leaves() {
        let (mut index, site) = (Index::default(), Site::sample("s"));
        let rooms = [Room::of(&site, "a"), Room::of(&site, "b")];
        let first = (0..3).map(|slot| index.join(&site.name, &rooms, slot).len());
        assert_eq!(first.collect::<Vec<_>>(), [2, 0, 0]);
        (0..3).for_each(|slot| index.bear(DeviceNo(7), slot));
        assert_eq!((index.room(&site.name, &rooms[0]).len(), index.device(DeviceNo(7)).len()), (3, 3));
        let last = (0..3).map(|slot| index.leave(&site.name, &rooms, slot));
        assert_eq!(last.collect::<Vec<_>>(), [vec![], vec![], rooms.to_vec()]);
        (0..3).for_each(|slot| index.unbear(DeviceNo(7), slot));
        assert!(index.rooms.is_empty() && index.devices.is_empty());
    }
}
