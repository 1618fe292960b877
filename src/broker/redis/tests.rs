//! What is heard, without a server.

use std::sync::Mutex;

use bytes::Bytes;

use super::hearing::Hearing;
use super::*;
use crate::domain::{Event, MessageId, QueueBounds};

#[derive(Default)]
struct Sessions(Mutex<Vec<MessageId>>);

impl Reception for Sessions {
    fn broadcast(&self, message: Arc<Message>) {
        self.0.lock().unwrap().push(message.id);
    }
}

fn message(id: u64) -> Message {
    Message {
        id: MessageId(id),
        site: SiteName::new("shop").unwrap(),
        rooms: [Room::stored("a")].into(),
        event: Event::stored(Bytes::from_static(b"[]")),
        resync: false,
        bounds: QueueBounds::default(),
        except: None,
    }
}

#[test]
fn what_comes_on_several_ways_is_handed_on_once_and_garbage_not_at_all() {
    let sessions = Arc::new(Sessions::default());
    let hearing = Hearing::new(Arc::clone(&sessions) as _);
    let sealed =
        [(1, 0), (1, 1), (2, 0)].map(|(origin, number)| wire::seal(origin, number, &message(origin)));
    for envelope in sealed.iter().chain(&sealed) {
        hearing.heard(envelope);
        hearing.heard(&Bytes::from_static(b"hello"));
        hearing.heard(&Bytes::from_static(b"\xff later"));
    }
    assert_eq!(*sessions.0.lock().unwrap(), [1, 1, 2].map(MessageId));
}

#[test]
fn what_is_under_way_is_bounded_in_number_and_in_bytes_but_one_message_always_is_let_through() {
    let underway = Arc::new(Underway::default());
    let large = Underway::enter(&underway, 100 << 20).unwrap();
    assert!(Underway::enter(&underway, 1).is_none());
    drop(large);
    let many: Vec<_> = (0..4096).map(|_| Underway::enter(&underway, 1).unwrap()).collect();
    assert!(Underway::enter(&underway, 1).is_none());
    drop(many);
    assert!(Underway::enter(&underway, 100 << 20).is_some());
}

#[test]
fn a_channel_lies_in_the_home_of_its_room() {
    let options = RedisBrokerOptions { prefix: "p".to_owned(), shards: 4, cluster: true };
    let channels = Channels::new(&options);
    let shop = SiteName::new("shop").unwrap();
    let (slot, channel) = channels.room(&shop, &Room::stored("a"));
    assert!(channel.starts_with(b"p{") && channel.ends_with(b"}:b:shop\0a"));
    assert_eq!(slot, crate::backplane::Slot::of(&channel));
    assert!(channels.everybody().1.ends_with(b"}:b:"));
}
