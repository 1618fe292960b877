//! What is published is heard.

use postroom::domain::Room;

use super::rig::*;

pub(super) fn what_is_published_is_heard(backend: &impl Backend) {
    let node = Node::new(backend);
    node.listen(&["a"]);
    node.publish(1, &["a"]).unwrap();
    assert_eq!(node.heard_until(1), [1]);
}

pub(super) fn a_message_for_several_rooms_is_heard_once(backend: &impl Backend) {
    let node = Node::new(backend);
    node.listen(&["a", "b", "c"]);
    node.publish(1, &["a", "b", "c", "d"]).unwrap();
    for (id, room) in [(2, "a"), (3, "b"), (4, "c")] {
        // Behind the copy that came by way of this room.
        node.publish(id, &[room]).unwrap();
    }
    let mut heard = node.heard_until_all(&[2, 3, 4]);
    heard.sort_unstable();
    assert_eq!(heard, [1, 2, 3, 4]);
}

pub(super) fn one_for_very_many_rooms_too(backend: &impl Backend) {
    let node = Node::new(backend);
    let names: Vec<String> = (0..2_000).map(|n| format!("room {n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    node.listen(&names[3..5]);
    node.publish(1, &names).unwrap();
    node.publish(2, &names).unwrap();
    assert_eq!(node.heard_until(2), [1, 2]);
}

pub(super) fn messages_for_a_room_come_in_order(backend: &impl Backend) {
    let node = Node::new(backend);
    node.listen(&["a"]);
    let outcomes: Vec<_> = (0..500).map(|id| node.broker.publish(message(id, &["a"]))).collect();
    for outcome in outcomes {
        assert_eq!(wait(outcome), Ok(()));
    }
    assert_eq!(node.heard_until(499), (0..500).collect::<Vec<_>>());
}

pub(super) fn it_comes_as_it_was_published(backend: &impl Backend) {
    let node = Node::new(backend);
    node.listen(&["Ä\u{0} room"]);
    node.publish(7, &["Ä\u{0} room", "other"]).unwrap();
    let heard = node.messages_until(7);
    let rooms: Vec<&str> = heard[0].rooms.iter().map(Room::as_str).collect();
    assert_eq!((heard[0].site.as_str(), rooms), ("shop", vec!["Ä\u{0} room", "other"]));
    assert_eq!(heard[0].event.json(), br#"["news",7]"#);
}

pub(super) fn who_listens_again_hears_again(backend: &impl Backend) {
    let node = Node::new(backend);
    for id in 0..5 {
        node.listen(&["a"]);
        node.publish(id, &["a"]).unwrap();
        assert_eq!(node.heard_until(id), [id]);
        node.unlisten(&["a"]);
    }
}
