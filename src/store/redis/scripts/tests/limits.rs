//! Inboxes that are full.

use super::super::super::words::{Dno, NodeId, Note, Outgoing, Publication, Settled};
use super::shard::{Shard, bounds, kept, message, rooms};
use crate::domain::{BoundPolicy, QueueBounds, Seq};

fn bound(body: &str, to: &[&str], limits: QueueBounds) -> Outgoing {
    Outgoing { bounds: limits, ..message(rooms(to), body) }
}

fn two(shard: &mut Shard) -> (Dno, Dno) {
    let node = shard.register();
    (shard.connect(node, 1, "user_1", "a", &[]), shard.connect(node, 2, "user_2", "a", &[]))
}

const NODE: NodeId = NodeId(1);

#[test]
fn too_many_messages_clear_the_inbox() {
    let mut shard = Shard::new();
    let (one, other) = two(&mut shard);
    let limits = bounds(2, 1 << 20, BoundPolicy::Resync);
    for body in ["[1]", "[2]"] {
        assert_eq!(shard.send(NODE, &[bound(body, &["user_1"], limits)]), [kept(1, 1, 1)]);
    }
    let mut listener = shard.listen(NODE);
    assert_eq!(shard.send(NODE, &[bound("[3]", &["user_1", "user_2"], limits)]), [kept(2, 2, 1)]);
    let seq = shard.newest();
    assert_eq!(shard.inbox(one), (vec![], Some(seq)));
    assert_eq!(shard.inbox(other), (vec![(seq, "[3]".into())], None));
    assert_eq!(shard.counters()[..5], [4, 0, 0, 3, 0]);
    let heard = listener.heard(&mut shard);
    let [Publication { number: 3, notes }] = &heard[..] else { panic!("{heard:?}") };
    assert!(notes.contains(&Note::Resync { dno: one, through: seq }));
    let entries = notes.iter().filter(|note| matches!(note, Note::Entry { devices, .. } if devices == "2"));
    assert_eq!((entries.count(), notes.len()), (1, 2));
    shard.ack(&[Settled::Entry(other, seq)]);
    shard.finish();
}

#[test]
fn a_message_that_nobody_keeps_leaves_no_body() {
    let mut shard = Shard::new();
    let (one, _) = two(&mut shard);
    let none = bounds(0, 1 << 20, BoundPolicy::Resync);
    assert_eq!(shard.send(NODE, &[bound("[1]", &["user_1", "user_2"], none)]), [kept(2, 2, 0)]);
    let long = bounds(9, 2, BoundPolicy::Resync);
    assert_eq!(shard.send(NODE, &[bound("[2]", &["user_1"], long)]), [kept(1, 1, 0)]);
    let seq = shard.newest();
    assert_eq!(shard.inbox(one), (vec![], Some(seq)));
    for limits in [bounds(9, 2, BoundPolicy::DropOldest), bounds(0, 99, BoundPolicy::DropOldest)] {
        assert_eq!(shard.send(NODE, &[bound("[3]", &["user_1", "user_2"], limits)]), [kept(2, 2, 0)]);
    }
    let bodies: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*m:*").query(&mut shard.connection).unwrap();
    assert!(bodies.is_empty());
    assert_eq!(shard.counters()[..5], [7, 0, 0, 3, 4]);
    shard.finish();
}

#[test]
fn too_many_bytes_are_found_exactly_in_a_short_inbox() {
    let mut shard = Shard::new();
    let (one, _) = two(&mut shard);
    let limits = bounds(100, 20, BoundPolicy::Resync);
    for body in ["[12345678]", "[23456789]"] {
        assert_eq!(shard.send(NODE, &[bound(body, &["user_1"], limits)]), [kept(1, 1, 1)]);
    }
    assert_eq!(shard.send(NODE, &[bound("[]", &["user_1"], limits)]), [kept(1, 1, 0)]);
    let seq = shard.newest();
    assert_eq!(shard.inbox(one), (vec![], Some(seq)));
    shard.finish();
}

#[test]
fn bytes_of_a_long_inbox_are_found_within_32_messages() {
    let mut shard = Shard::new();
    let (one, _) = two(&mut shard);
    let limits = bounds(1000, 40 * 10, BoundPolicy::Resync);
    for _ in 0..8 {
        let mut appended = 0;
        while appended < 100 && shard.read(one, Seq(0), 1, 1).resync.is_none() {
            shard.send(NODE, &[bound("[12345678]", &["user_1"], limits)]);
            appended += 1;
        }
        assert!((41..=64).contains(&appended), "{appended}");
        let newest = shard.newest();
        shard.ack(&[Settled::Resynced(one, newest)]);
    }
    shard.finish();
}

#[test]
fn drop_oldest_keeps_the_newest() {
    let mut shard = Shard::new();
    let (one, other) = two(&mut shard);
    let mut listener = shard.listen(NODE);
    let limits = bounds(3, 20, BoundPolicy::DropOldest);
    for body in ["[1]", "[2]", "[3]", "[4]"] {
        assert_eq!(shard.send(NODE, &[bound(body, &["user_1", "user_2"], limits)]), [kept(2, 2, 2)]);
    }
    assert_eq!(shard.bodies(one), ["[2]", "[3]", "[4]"]);
    assert_eq!(shard.send(NODE, &[bound("[1234567890123]", &["user_1"], limits)]), [kept(1, 1, 1)]);
    assert_eq!(shard.bodies(one), ["[4]", "[1234567890123]"], "bytes");
    assert_eq!(shard.bodies(other), ["[2]", "[3]", "[4]"]);
    let heard = listener.heard(&mut shard).len();
    assert_eq!(shard.send(NODE, &[bound(&"x".repeat(21), &["user_1"], limits)]), [kept(1, 1, 0)]);
    assert_eq!(shard.bodies(one), ["[4]", "[1234567890123]"], "what cannot fit is dropped itself");
    assert_eq!((heard, listener.heard(&mut shard).len()), (5, 0), "and no note is made of it");
    assert_eq!(shard.inbox(one).1, None);
    assert_eq!(shard.counters()[..5], [10, 0, 0, 0, 5]);
    shard.finish();
}

#[test]
fn a_bound_that_shrank_drops_the_many_at_once() {
    let mut shard = Shard::new();
    let (one, _) = two(&mut shard);
    for _ in 0..6 {
        let messages = vec![message(rooms(&["user_1"]), "[0]"); 100];
        assert_eq!(shard.send(NODE, &messages).len(), 100);
    }
    let limits = bounds(10, 1 << 20, BoundPolicy::DropOldest);
    assert_eq!(shard.send(NODE, &[bound("[1]", &["user_1"], limits)]), [kept(1, 1, 1)]);
    assert_eq!(shard.bodies(one).len(), 10);
    assert_eq!(shard.counters()[4], 591);
    let aside: u64 = shard.ask("SCARD", "g", &[]);
    assert_eq!(aside, 1, "too many to be released in one step");
    shard.finish();
}

#[test]
fn bytes_are_found_too_where_an_inbox_stands_at_its_most() {
    let mut shard = Shard::new();
    let (one, _) = two(&mut shard);
    let limits = bounds(40, 40 * 4, BoundPolicy::DropOldest);
    for _ in 0..50 {
        shard.send(NODE, &[bound("[]", &["user_1"], limits)]);
    }
    for _ in 0..2000 {
        shard.send(NODE, &[bound("[12345678]", &["user_1"], limits)]);
        if shard.bodies(one).len() <= 16 {
            return shard.finish();
        }
    }
    panic!("the bytes were never added up");
}

#[test]
fn a_message_may_be_dropped_by_a_later_one_of_the_same_script() {
    let mut shard = Shard::new();
    let (one, other) = two(&mut shard);
    let limits = bounds(1, 100, BoundPolicy::DropOldest);
    let both = ["user_1", "user_2"];
    let messages =
        [bound("[1]", &both, limits), bound("[2]", &["user_1"], limits), bound("[3]", &both, limits)];
    assert_eq!(shard.send(NODE, &messages), [kept(2, 2, 2), kept(1, 1, 1), kept(2, 2, 2)]);
    assert_eq!((shard.bodies(one), shard.bodies(other)), (vec!["[3]".into()], vec!["[3]".into()]));
    let limits = bounds(1, 100, BoundPolicy::Resync);
    let messages = [bound("[4]", &both, limits), bound("[5]", &both, limits)];
    assert_eq!(shard.send(NODE, &messages), [kept(2, 2, 0), kept(2, 2, 2)]);
    assert_eq!((shard.bodies(one), shard.bodies(other)), (vec!["[5]".into()], vec!["[5]".into()]));
    shard.finish();
}
