//! In which shards a room has members, as far as this node knows.
//!
//! A room's home shard knows for certain, and says so with every message; what is remembered here only saves a second
//! round trip. The first message of an unknown room asks, and those behind it wait for its answer, so that none overtakes another.

use ahash::AHashMap;

use super::posts::PostKey;
use super::words::{RoomName, ShardNo};

/// Rooms remembered; beyond, all are forgotten and learnt anew.
const ROOMS: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// A message is on its way to the home.
    Asking,
    /// Besides the home.
    Shards(Box<[ShardNo]>),
}

/// In which shards rooms have members besides their homes.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    rooms: AHashMap<RoomName, Known>,
    /// Messages that wait until their rooms are known, in their order.
    parked: Vec<PostKey>,
}

/// Where a message goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the homes of its rooms, and here.
    Known(Vec<ShardNo>),
    /// Nowhere yet.
    Parked,
}

impl Whereabouts {
    /// Where a message for these rooms goes.
    pub(super) fn way(&mut self, post: PostKey, rooms: &[RoomName]) -> Way {
        if rooms.iter().any(|room| self.rooms.get(room) == Some(&Known::Asking)) {
            self.parked.push(post);
            return Way::Parked;
        }
        if self.rooms.len() > ROOMS {
            self.rooms.retain(|_, known| *known == Known::Asking);
        }
        let mut shards = Vec::new();
        for room in rooms {
            match self.rooms.get(room) {
                Some(Known::Shards(known)) => shards.extend_from_slice(known),
                Some(Known::Asking) => {}
                None => drop(self.rooms.insert(room.clone(), Known::Asking)),
            }
        }
        shards.sort_unstable();
        shards.dedup();
        Way::Known(shards)
    }

    /// The home of these rooms said where else they have members. Of several rooms it says it of all together, which is
    /// more than is needed and does no harm.
    pub(super) fn learn(&mut self, rooms: &[RoomName], elsewhere: &[ShardNo]) {
        for room in rooms {
            let mut shards = elsewhere.to_vec();
            if let (Some(Known::Shards(known)), true) = (self.rooms.get(room), rooms.len() > 1) {
                shards.extend_from_slice(known);
            }
            shards.sort_unstable();
            shards.dedup();
            match self.rooms.get_mut(room) {
                Some(Known::Shards(known)) if **known == *shards => {}
                Some(known) => *known = Known::Shards(shards.into()),
                None => drop(self.rooms.insert(room.clone(), Known::Shards(shards.into()))),
            }
        }
    }

    /// A message could not ask: the next one has to.
    pub(super) fn forget(&mut self, rooms: &[RoomName]) {
        for room in rooms {
            if self.rooms.get(room) == Some(&Known::Asking) {
                self.rooms.remove(room);
            }
        }
    }

    /// The messages that waited, to be tried again in this order.
    pub(super) fn unpark(&mut self) -> Vec<PostKey> {
        std::mem::take(&mut self.parked)
    }
}
