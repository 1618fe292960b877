//! Who is in which room.

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};

use crate::domain::{DeviceNo, Room, SiteName};

/// The devices of one room.
#[derive(Debug, Default)]
struct Roster {
    /// Ascending.
    members: Vec<DeviceNo>,
    /// `members` as it was last handed out; made anew only after a change.
    shared: Option<Arc<[DeviceNo]>>,
}

impl Roster {
    fn join(&mut self, no: DeviceNo) {
        if let Err(place) = self.members.binary_search(&no) {
            self.members.insert(place, no);
            self.shared = None;
        }
    }

    fn share(&mut self) -> Arc<[DeviceNo]> {
        Arc::clone(self.shared.get_or_insert_with(|| self.members.as_slice().into()))
    }
}

/// All rooms of all sites that have a member.
#[derive(Debug, Default)]
pub(super) struct Rosters(AHashMap<SiteName, AHashMap<Room, Roster>>);

impl Rosters {
    pub(super) fn join(&mut self, site: &SiteName, room: &Room, no: DeviceNo) {
        if !self.0.contains_key(site) {
            self.0.insert(site.clone(), AHashMap::new());
        }
        let Some(rooms) = self.0.get_mut(site) else { return };
        if let Some(roster) = rooms.get_mut(room) {
            roster.join(no);
        } else {
            rooms.insert(room.clone(), Roster { members: vec![no], shared: None });
        }
    }

    pub(super) fn leave(&mut self, site: &SiteName, room: &Room, no: DeviceNo) {
        self.change(site, room, |members| {
            if let Ok(place) = members.binary_search(&no) {
                members.remove(place);
            }
        });
    }

    /// Takes many devices out of one room, in one pass.
    pub(super) fn leave_all(&mut self, site: &SiteName, room: &Room, gone: &AHashSet<DeviceNo>) {
        self.change(site, room, |members| members.retain(|no| !gone.contains(no)));
    }

    fn change(&mut self, site: &SiteName, room: &Room, change: impl FnOnce(&mut Vec<DeviceNo>)) {
        let Some(rooms) = self.0.get_mut(site) else { return };
        let Some(roster) = rooms.get_mut(room) else { return };
        change(&mut roster.members);
        roster.shared = None;
        if roster.members.is_empty() {
            rooms.remove(room);
        }
        if rooms.is_empty() {
            self.0.remove(site);
        }
    }

    /// The devices in any of `rooms`, ascending, each once.
    pub(super) fn resolve(&mut self, site: &SiteName, rooms: &[Room]) -> Arc<[DeviceNo]> {
        let Some(rosters) = self.0.get_mut(site) else { return Arc::default() };
        let mut present = rooms.iter().filter(|room| rosters.contains_key(*room));
        let first = present.next();
        if present.next().is_none() {
            let only = first.and_then(|room| rosters.get_mut(room));
            return only.map(Roster::share).unwrap_or_default();
        }
        let members = rooms.iter().filter_map(|room| rosters.get(room)).flat_map(|roster| &roster.members);
        let mut merged: Vec<DeviceNo> = members.copied().collect();
        merged.sort_unstable();
        merged.dedup();
        merged.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> Room {
        Room::stored(name)
    }

    fn sample() -> (SiteName, Rosters) {
        let site = SiteName::new("s").unwrap();
        let mut rosters = Rosters::default();
        for (name, no) in [("a", 3), ("a", 1), ("b", 2), ("b", 3), ("c", 9), ("a", 1)] {
            rosters.join(&site, &room(name), DeviceNo(no));
        }
        (site, rosters)
    }

    fn found(rosters: &mut Rosters, site: &SiteName, names: &[&str]) -> Vec<u64> {
        let rooms: Vec<Room> = names.iter().map(|name| room(name)).collect();
        rosters.resolve(site, &rooms).iter().map(|no| no.0).collect()
    }

    #[test]
    fn a_device_in_several_of_the_rooms_is_found_once() {
        let (site, mut rosters) = sample();
        assert_eq!(found(&mut rosters, &site, &["a"]), [1, 3]);
        assert_eq!(found(&mut rosters, &site, &["x", "a", "b"]), [1, 2, 3]);
        assert_eq!(found(&mut rosters, &site, &["a", "b", "c"]), [1, 2, 3, 9]);
        assert_eq!(found(&mut rosters, &site, &["x"]), [0; 0]);
    }

    #[test]
    fn one_list_is_shared_until_the_room_changes() {
        let (site, mut rosters) = sample();
        let first = rosters.resolve(&site, &[room("a")]);
        rosters.join(&site, &room("a"), DeviceNo(1));
        assert!(Arc::ptr_eq(&first, &rosters.resolve(&site, &[room("x"), room("a")])));
        rosters.leave(&site, &room("a"), DeviceNo(3));
        assert_eq!(found(&mut rosters, &site, &["a"]), [1]);
        assert_eq!(first.len(), 2);
    }

    #[test]
    fn empty_rooms_leave_nothing_behind() {
        let (site, mut rosters) = sample();
        let gone: AHashSet<DeviceNo> = [1, 2, 3, 9].map(DeviceNo).into_iter().collect();
        for name in ["a", "b", "c"] {
            rosters.leave_all(&site, &room(name), &gone);
        }
        assert!(rosters.0.is_empty());
    }
}
