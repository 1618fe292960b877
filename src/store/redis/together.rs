//! Messages that were sent together enter the lanes together.
//!
//! A device is to get them in their order, also where they are for different rooms. One that had to be sent on to a shard
//! that was not known to have members would come there behind its successors; so all homes are asked first, at once, where
//! their rooms have members.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use super::desk::Desk;
use super::engine::{dispatch, post};
use super::flight::{Item, Landed};
use super::posts::{PostKey, Waits};
use super::words::{RoomName, ShardNo};
use crate::store::{AppendAll, StoreError};

/// Rooms that one script is asked about.
const ROOMS: usize = 256;

pub(super) fn begin(desk: &Rc<Desk>, appends: AppendAll) {
    let AppendAll { reply, messages } = appends;
    let batch = desk.batches.borrow_mut().add(reply, messages.len());
    let post = |(place, message)| post(desk, Waits::Together(batch, place), message);
    let posts: Vec<PostKey> = messages.into_iter().enumerate().map(post).collect();
    let homes = to_ask(desk, &posts);
    // What cannot be asked is refused with its message.
    if homes.is_empty() || homes.keys().any(|home| desk.shared.hopeless(*home).is_some()) {
        return hand_over(desk, &posts);
    }
    let mut questions = Vec::new();
    for (home, rooms) in &homes {
        questions.extend(rooms.chunks(ROOMS).map(|rooms| (*home, rooms.to_vec())));
    }
    let left = Cell::new(questions.len());
    let asking = Rc::new(Asking { desk: Rc::downgrade(desk), left, posts });
    for (home, rooms) in questions {
        if let Some(lane) = desk.lane(home) {
            lane.push(Item::Ask(rooms, Rc::clone(&asking) as Rc<dyn Landed>));
        }
    }
}

fn hand_over(desk: &Rc<Desk>, posts: &[PostKey]) {
    for post in posts {
        dispatch(desk, *post);
    }
}

/// The rooms of these messages, by home. None where all are for the same rooms: those go the same way.
fn to_ask(desk: &Desk, keys: &[PostKey]) -> BTreeMap<ShardNo, Vec<RoomName>> {
    let mut posts = desk.posts.borrow_mut();
    let mut all: Vec<RoomName> = Vec::with_capacity(keys.len());
    let (mut first, mut same) = (Vec::new(), true);
    for key in keys {
        let Some(post) = posts.get_mut(*key) else { continue };
        if first.is_empty() {
            first.clone_from(&post.rooms);
        }
        same &= first == post.rooms;
        all.extend_from_slice(&post.rooms);
    }
    let mut homes: BTreeMap<ShardNo, Vec<RoomName>> = BTreeMap::new();
    if same {
        return homes;
    }
    all.sort_unstable();
    all.dedup();
    for room in all {
        homes.entry(desk.keys.home(&room)).or_default().push(room);
    }
    homes
}

/// Messages that leave when it is known where all their rooms have members.
#[derive(Debug)]
struct Asking {
    desk: Weak<Desk>,
    /// Questions without an answer.
    left: Cell<usize>,
    posts: Vec<PostKey>,
}

impl Landed for Asking {
    fn landed(&self) {
        self.left.set(self.left.get().saturating_sub(1));
        if let (0, Some(desk)) = (self.left.get(), self.desk.upgrade()) {
            hand_over(&desk, &self.posts);
        }
    }

    fn is_awaited(&self) -> bool {
        let Some(desk) = self.desk.upgrade() else { return false };
        let posts = desk.posts.borrow();
        self.posts.iter().any(|post| posts.is_open(*post))
    }

    /// The messages for these rooms will be refused as well, or find their way by asking themselves.
    fn refused(&self, _: StoreError) {
        self.landed();
    }
}
