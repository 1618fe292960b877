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
    if homes.is_empty() {
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

/// The rooms of these messages, by home. None where all are for the same rooms: those go the same way. Nor a home that is
/// down: messages for it are refused, and the others keep their order.
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
    homes.retain(|home, _| desk.shared.hopeless(*home).is_none());
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use bytes::Bytes;

    use super::*;
    use crate::domain::{
        DeviceTtl, Event, Message, MessageId, QueueBounds, ReplyTo, Room, SiteName, WorkerId,
    };
    use crate::store::redis::shared::Shared;
    use crate::store::redis::{MaxWaiting, RedisOptions};
    use crate::store::{Outlet, StoreEvent};

    struct Nobody;

    impl Outlet for Nobody {
        fn deliver(&self, _: WorkerId, _: Vec<StoreEvent>) {}
    }

    fn desk() -> Rc<Desk> {
        let options = RedisOptions {
            prefix: "test".into(),
            shards: 2,
            sharded_pubsub: false,
            lease: Duration::from_secs(1),
            wait_replicas: 0,
            ttl: DeviceTtl::Never,
            max_waiting: MaxWaiting::default(),
        };
        let shared = Arc::new(Shared::new(options.shards, options.max_waiting));
        Rc::new(Desk::new(options, shared, Arc::new(Nobody)))
    }

    fn message(room: &str) -> Arc<Message> {
        Arc::new(Message {
            id: MessageId(1),
            site: SiteName::new("shop").unwrap(),
            rooms: Arc::new([Room::stored(room)]),
            event: Event::stored(Bytes::from_static(b"[]")),
            resync: false,
            bounds: QueueBounds::default(),
            except: None,
        })
    }

    #[test]
    fn homes_are_asked_though_another_one_is_down() {
        let desk = desk();
        let _ = desk.shared.up(ShardNo(0));
        let began = Instant::now();
        while desk.shared.hopeless(ShardNo(1)).is_none() {
            assert!(began.elapsed() < Duration::from_secs(10), "it was never up");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let reply = ReplyTo { worker: WorkerId(0), token: 1 };
        let batch = desk.batches.borrow_mut().add(reply, 20);
        let posts: Vec<PostKey> = (0..20)
            .map(|no| post(&desk, Waits::Together(batch, no), message(&format!("room{no}"))))
            .collect();
        let homes = to_ask(&desk, &posts);
        assert_eq!(homes.keys().copied().collect::<Vec<_>>(), [ShardNo(0)]);
        assert!(homes.values().all(|rooms| (1..20).contains(&rooms.len())), "{homes:?}");
    }
}
