//! Rooms that a client has asked for and has no answer about yet. Who takes a wish back before the answer must not end up in
//! the room.

use std::cell::{Cell, RefCell};

use ahash::AHashMap;

use crate::domain::Room;

/// Questions to its site that one client may have under way: more than a page has at a time, and few enough that a client
/// that asks without end costs nobody else anything.
const MOST: usize = 100;

/// The open wishes of one client.
#[derive(Default)]
pub(super) struct Wishes {
    open: RefCell<AHashMap<Room, Open>>,
    under_way: Cell<usize>,
    last: Cell<u64>,
}

/// Wishes for one room since the client left it last, or had never been there.
struct Open {
    first: u64,
    count: usize,
}

impl Wishes {
    /// A question about no room. Whether it may be asked; then it is to be finished.
    pub(super) fn begin(&self) -> bool {
        let free = self.under_way.get() < MOST;
        if free {
            self.under_way.set(self.under_way.get() + 1);
        }
        free
    }

    /// There is an answer to a question about no room.
    pub(super) fn finish(&self) {
        self.under_way.set(self.under_way.get().saturating_sub(1));
    }

    /// A wish for a room, beside earlier ones: something else may come of each. `None` where too much is under way.
    pub(super) fn make(&self, room: &Room) -> Option<u64> {
        if !self.begin() {
            return None;
        }
        let number = self.last.get() + 1;
        self.last.set(number);
        self.open.borrow_mut().entry(room.clone()).or_insert(Open { first: number, count: 0 }).count += 1;
        Some(number)
    }

    /// There is an answer. Whether the wish still counts.
    pub(super) fn settle(&self, room: &Room, number: u64) -> bool {
        self.finish();
        let mut open = self.open.borrow_mut();
        let Some(wishes) = open.get_mut(room).filter(|wishes| wishes.first <= number) else { return false };
        wishes.count -= 1;
        if wishes.count == 0 {
            open.remove(room);
        }
        true
    }

    /// The client does not want it any more.
    pub(super) fn withdraw(&self, room: &Room) {
        self.open.borrow_mut().remove(room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_that_was_not_withdrawn_counts() {
        let (wishes, room) = (Wishes::default(), Room::stored("doc:a/b"));
        let first = wishes.make(&room).unwrap();
        let second = wishes.make(&room).unwrap();
        assert!(wishes.settle(&room, second) && wishes.settle(&room, first));
        let third = wishes.make(&room).unwrap();
        wishes.withdraw(&room);
        let fourth = wishes.make(&room).unwrap();
        assert!(!wishes.settle(&room, third) && wishes.settle(&room, fourth));
        assert_eq!((wishes.under_way.get(), wishes.open.borrow().len()), (0, 0));
    }

    #[test]
    fn so_many_are_under_way_and_no_more() {
        let (wishes, room) = (Wishes::default(), Room::stored("doc:a/b"));
        let numbers: Vec<u64> = (0..MOST).map(|_| wishes.make(&room).unwrap()).collect();
        wishes.withdraw(&room);
        assert_eq!(wishes.make(&room), None);
        assert!(numbers.iter().all(|number| !wishes.settle(&room, *number)));
        assert!(wishes.make(&room).is_some());
    }
}
