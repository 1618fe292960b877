//! Messages under way: each is answered once all shards concerned have answered, or when its time is up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use super::batches::BatchKey;
use super::words::{RoomName, ShardNo};
use crate::domain::{Message, Receipt, ReplyTo};
use crate::store::StoreError;

/// A message that was not carried out after this is answered as not kept: a backend shall know within 2 s.
const PATIENCE: Duration = Duration::from_millis(1800);

/// Names a message under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PostKey {
    slot: usize,
    serial: u64,
}

/// Who waits for a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Waits {
    /// For this one alone.
    Alone(ReplyTo),
    /// For several at once, of which it is the one in this place.
    Together(BatchKey, usize),
}

/// A message under way.
#[derive(Debug)]
pub(super) struct Post {
    serial: u64,
    waits: Waits,
    pub(super) message: Arc<Message>,
    pub(super) rooms: Vec<RoomName>,
    /// Shards it has been handed to.
    pub(super) asked: Vec<ShardNo>,
    /// Parts that are not answered yet.
    left: usize,
    receipt: Receipt,
    error: Option<StoreError>,
}

/// The answer to a message.
pub(super) struct Answer {
    pub(super) waits: Waits,
    pub(super) outcome: Result<Receipt, StoreError>,
    /// As [`weight`].
    pub(super) weight: usize,
}

/// What a message costs while it is under way, in bytes.
pub(super) fn weight(message: &Message) -> usize {
    const OVERHEAD: usize = 512;
    let rooms: usize = message.rooms.iter().map(|room| room.as_str().len()).sum();
    message.event.json().len() + rooms + OVERHEAD
}

/// All messages under way.
#[derive(Debug, Default)]
pub(super) struct Posts {
    open: Slab<Post>,
    /// In the order of their deadlines.
    deadlines: VecDeque<(Instant, PostKey)>,
    serial: u64,
}

impl Posts {
    pub(super) fn add(&mut self, waits: Waits, message: Arc<Message>, rooms: Vec<RoomName>) -> PostKey {
        self.serial += 1;
        let receipt = Receipt { id: message.id, devices: 0, online: 0, queued: 0 };
        let (serial, asked) = (self.serial, Vec::new());
        let slot =
            self.open.insert(Post { serial, waits, message, rooms, asked, left: 0, receipt, error: None });
        let key = PostKey { slot, serial };
        self.deadlines.push_back((Instant::now() + PATIENCE, key));
        key
    }

    pub(super) fn get_mut(&mut self, key: PostKey) -> Option<&mut Post> {
        self.open.get_mut(key.slot).filter(|post| post.serial == key.serial)
    }

    /// Whether somebody still waits for it.
    pub(super) fn is_open(&self, key: PostKey) -> bool {
        self.open.get(key.slot).is_some_and(|post| post.serial == key.serial)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// One part was answered. The answer of the whole, when it was the last one.
    pub(super) fn answered(&mut self, key: PostKey, part: Result<Kept, StoreError>) -> Option<Answer> {
        let post = self.get_mut(key)?;
        post.left = post.left.saturating_sub(1);
        match part {
            Ok(kept) => {
                post.receipt.devices += kept.devices;
                post.receipt.online += kept.online;
                post.receipt.queued += kept.queued;
            }
            Err(error) => post.error = Some(error),
        }
        if post.left > 0 { None } else { self.close(key) }
    }

    /// Answers whatever has waited for too long, with this reason.
    pub(super) fn overdue(&mut self, now: Instant, reason: impl Fn() -> StoreError) -> Vec<Answer> {
        let mut answers = Vec::new();
        while let Some((deadline, key)) = self.deadlines.front().copied()
            && (deadline <= now || !self.is_open(key))
        {
            self.deadlines.pop_front();
            if let Some(post) = self.get_mut(key) {
                post.error = Some(reason());
                answers.extend(self.close(key));
            }
        }
        answers
    }

    /// When the next one is overdue.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.front().map(|(deadline, _)| *deadline)
    }

    fn close(&mut self, key: PostKey) -> Option<Answer> {
        self.get_mut(key)?;
        let post = self.open.remove(key.slot);
        let weight = weight(&post.message);
        let outcome = match post.error {
            None => Ok(post.receipt),
            // Other shards have it: nobody may say that nothing was kept.
            Some(StoreError::Write(why)) if post.receipt.devices > 0 => Err(StoreError::Unavailable(why)),
            Some(error) => Err(error),
        };
        Some(Answer { waits: post.waits, outcome, weight })
    }
}

impl Post {
    /// More parts have been handed over.
    pub(super) fn expect(&mut self, parts: usize) {
        self.left += parts;
    }
}

/// What one part came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) devices: u32,
    pub(super) online: u32,
    pub(super) queued: u32,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::{Event, MessageId, QueueBounds, SiteName, WorkerId};

    fn outcome_of(first: Result<Kept, StoreError>) -> Result<Receipt, StoreError> {
        let message = Message {
            id: MessageId(1),
            site: SiteName::new("shop").unwrap(),
            rooms: Arc::new([]),
            event: Event::stored(Bytes::from_static(b"[]")),
            resync: false,
            bounds: QueueBounds::default(),
            except: None,
        };
        let mut posts = Posts::default();
        let waits = Waits::Alone(ReplyTo { worker: WorkerId(0), token: 1 });
        let key = posts.add(waits, Arc::new(message), Vec::new());
        posts.get_mut(key).unwrap().expect(2);
        assert!(posts.answered(key, first).is_none());
        posts.answered(key, Err(StoreError::Write("OOM".into()))).unwrap().outcome
    }

    #[test]
    fn what_one_shard_has_kept_is_not_said_to_be_refused() {
        let kept = |devices| Ok(Kept { devices, online: 0, queued: devices });
        assert_eq!(outcome_of(kept(2)), Err(StoreError::Unavailable("OOM".into())));
        assert_eq!(outcome_of(kept(0)), Err(StoreError::Write("OOM".into())));
        assert_eq!(outcome_of(Err(StoreError::Write("x".into()))), Err(StoreError::Write("OOM".into())));
    }
}
