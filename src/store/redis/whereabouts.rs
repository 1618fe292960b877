//! In which shards a room has members, as far as this node knows.
//!
//! A room's home shard knows for certain, and says so with every message; what is remembered here only saves a second
//! round trip. The first message of an unknown room asks, and those behind it wait for its answer, so that none overtakes another.

use ahash::AHashMap;

use super::posts::PostKey;
use super::words::{RoomName, ShardNo};

/// Rooms remembered; beyond, they become the older ones, and those that were are forgotten and learnt anew. What was asked
/// for messages that are sent together is therefore still known when they leave.
const ROOMS: usize = 50_000;

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
    /// Learnt before these. What is in both is as it is in `rooms`.
    older: AHashMap<RoomName, Known>,
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
            let is_asking = |_: &RoomName, known: &mut Known| *known == Known::Asking;
            let asking = self.rooms.extract_if(is_asking).collect();
            self.older = std::mem::replace(&mut self.rooms, asking);
        }
        let mut shards = Vec::new();
        for room in rooms {
            match self.known(room) {
                Some(Known::Shards(known)) => shards.extend_from_slice(known),
                Some(Known::Asking) => {}
                None => drop(self.rooms.insert(room.clone(), Known::Asking)),
            }
        }
        shards.sort_unstable();
        shards.dedup();
        Way::Known(shards)
    }

    fn known(&self, room: &RoomName) -> Option<&Known> {
        self.rooms.get(room).or_else(|| self.older.get(room))
    }

    /// The home of these rooms said where else they have members. Of several rooms it says it of all together, which is
    /// more than is needed and does no harm.
    pub(super) fn learn(&mut self, rooms: &[RoomName], elsewhere: &[ShardNo]) {
        for room in rooms {
            let mut shards = elsewhere.to_vec();
            if let (Some(Known::Shards(known)), true) = (self.known(room), rooms.len() > 1) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Event, Message, MessageId, QueueBounds, ReplyTo, SiteName, WorkerId};
    use crate::store::redis::posts::{Posts, Waits};

    fn post() -> PostKey {
        let message = Message {
            id: MessageId(1),
            site: SiteName::new("shop").unwrap(),
            rooms: std::sync::Arc::new([]),
            event: Event::stored(bytes::Bytes::from_static(b"[]")),
            resync: false,
            bounds: QueueBounds::default(),
            except: None,
        };
        let reply = ReplyTo { worker: WorkerId(0), token: 1 };
        Posts::default().add(Waits::Alone(reply), message.into(), Vec::new())
    }

    fn room(no: usize) -> RoomName {
        RoomName(no.to_be_bytes().as_slice().into())
    }

    #[test]
    fn what_was_just_learnt_is_not_forgotten_for_others() {
        let (mut whereabouts, post) = (Whereabouts::default(), post());
        for no in 0..=ROOMS {
            whereabouts.learn(&[room(no)], &[ShardNo(3)]);
        }
        let asking = room(ROOMS + 1);
        assert_eq!(whereabouts.way(post, std::slice::from_ref(&asking)), Way::Known(Vec::new()));
        for no in 0..=ROOMS {
            assert_eq!(whereabouts.way(post, &[room(no)]), Way::Known(vec![ShardNo(3)]), "{no}");
        }
        assert_eq!(whereabouts.way(post, &[asking]), Way::Parked);
    }

    #[test]
    fn what_is_remembered_is_bounded_but_for_what_is_asked() {
        let (mut whereabouts, post) = (Whereabouts::default(), post());
        let asking = room(0);
        assert_eq!(whereabouts.way(post, std::slice::from_ref(&asking)), Way::Known(Vec::new()));
        for no in 1..4 * ROOMS {
            whereabouts.learn(&[room(no)], &[]);
            assert_eq!(whereabouts.way(post, &[room(no)]), Way::Known(Vec::new()));
            assert!(whereabouts.rooms.len() + whereabouts.older.len() <= 2 * ROOMS + 3);
        }
        assert_eq!(whereabouts.way(post, &[asking]), Way::Parked);
    }
}
