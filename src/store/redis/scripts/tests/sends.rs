//! Who gets a message, what it comes to, and what is published.

use std::slice::from_ref;

use bytes::Bytes;

use super::super::super::words::{Dno, NodeId, Note, Publication, Sent, ShardNo, To, Txn};
use super::super::reply;
use super::shard::{Shard, kept, message, resync, room, rooms};
use crate::domain::Seq;

fn entry(seq: Seq, devices: &str, event: &str) -> Note {
    let copy = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    Note::Entry { seq, devices: copy(devices), event: copy(event) }
}

#[test]
fn a_device_gets_a_message_once_however_many_of_its_rooms_match() {
    let mut shard = Shard::new();
    let node = shard.register();
    let one = shard.connect(node, 1, "user_1", "a", &["news", "staff"]);
    let two = shard.connect(node, 2, "user_2", "a", &["news"]);
    let other = shard.connect(node, 3, "user_3", "a", &["chess"]);
    let sent = shard.send(node, &[message(rooms(&["user_1", "news", "staff"]), "[1]")]);
    assert_eq!(sent, [kept(2, 2, 2)]);
    assert_eq!(shard.bodies(one), ["[1]"]);
    assert_eq!(shard.bodies(two), ["[1]"]);
    assert!(shard.bodies(other).is_empty());
    let list = To::Devices(vec![other, Dno(99), one, other]);
    assert_eq!(shard.send(node, &[message(list, "[2]")]), [kept(2, 2, 2)]);
    assert_eq!(shard.bodies(one), ["[1]", "[2]"]);
    shard.finish();
}

#[test]
fn the_directory_of_a_user_counts_only_at_home() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    let away = To::Rooms(vec![(room("user_1"), false)]);
    assert_eq!(shard.send(node, &[message(away, "[1]")]), [kept(0, 0, 0)]);
    assert_eq!(shard.send(node, &[message(rooms(&["user_1"]), "[2]")]), [kept(1, 1, 1)]);
    assert_eq!(shard.bodies(dno), ["[2]"]);
    shard.finish();
}

#[test]
fn nobody_there_uses_no_seq() {
    let mut shard = Shard::new();
    let node = shard.register();
    let mut listener = shard.listen(node);
    let sent =
        shard.send(node, &[message(rooms(&["news"]), "[1]"), message(To::Devices(vec![Dno(7)]), "[2]")]);
    assert_eq!(sent, [kept(0, 0, 0), kept(0, 0, 0)]);
    let seq: Option<u64> = shard.ask("HGET", "h", &["seq"]);
    assert_eq!(seq, None);
    assert_eq!(listener.heard(&mut shard), []);
    shard.finish();
}

#[test]
fn seqs_grow_and_follow_the_clock() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    let messages = ["[1]", "[2]", "[3]"].map(|body| message(rooms(&["user_1"]), body));
    let before: (u64, u64) = redis::cmd("TIME").query(&mut shard.connection).unwrap();
    shard.send(node, &messages);
    let after: (u64, u64) = redis::cmd("TIME").query(&mut shard.connection).unwrap();
    let units = |(seconds, micros)| (seconds * 1_000_000 + micros) / 128;
    let seqs: Vec<u64> = shard.inbox(dno).0.into_iter().map(|(seq, _)| seq.0).collect();
    assert!(units(before) <= seqs[0] && seqs[0] <= units(after), "{seqs:?}");
    assert_eq!(seqs, [seqs[0], seqs[0] + 1, seqs[0] + 2]);
    let ahead = units(after) + 1_000_000_000;
    let _: u64 = shard.ask("HSET", "h", &["seq", &ahead.to_string()]);
    assert_eq!(shard.post(node, "user_1", "[4]"), Seq(ahead + 1), "never back");
    shard.finish();
}

#[test]
fn a_body_is_stored_once() {
    let mut shard = Shard::new();
    let node = shard.register();
    for device in 0..5 {
        shard.connect(node, device, "user_1", &device.to_string(), &[]);
    }
    let seq = shard.post(node, "user_1", "[1]");
    let shared: Vec<String> = shard.ask("LRANGE", "q:1", &["0", "-1"]);
    assert_eq!(shared, [format!("-{}", seq.0)]);
    assert_eq!(shard.ask::<String>("HGET", "refs", &[&seq.0.to_string()]), "5");
    let sent = shard.send(
        node,
        &[
            resync(To::Devices(vec![Dno(1)]), "[2]"),
            resync(rooms(&["user_1"]), "[3]"),
            message(To::Devices(vec![Dno(1)]), "[4]"),
        ],
    );
    assert_eq!(sent, [kept(1, 1, 1), kept(5, 5, 5), kept(1, 1, 1)]);
    let last = shard.newest().0;
    let refs: Vec<String> = shard.ask("LRANGE", "q:1", &["1", "-1"]);
    assert_eq!(refs, [format!("r{}", last - 2), format!("R{}", last - 1), last.to_string()]);
    shard.finish();
}

#[test]
fn each_owner_gets_one_publication_with_its_own_devices() {
    let mut shard = Shard::new();
    let (one, two) = (shard.register(), shard.register());
    let (mut first, mut second) = (shard.listen(one), shard.listen(two));
    for device in 0..12 {
        let node = if device % 3 == 0 { two } else { one };
        shard.connect(node, device, "user_1", &device.to_string(), &[]);
    }
    let both = shard.connect(one, 13, "user_2", "a", &[]);
    shard.connect(two, 14, "user_2", "a", &[]);
    let third = shard.connect(one, 15, "user_3", "a", &[]);
    shard.disconnect(one, 0, &[(third, 15)]);
    let messages =
        [message(rooms(&["user_1", "user_2", "user_3"]), "[\"x\n\",1]"), message(rooms(&["user_2"]), "[2]")];
    assert_eq!(shard.send(one, &messages), [kept(14, 13, 14), kept(1, 1, 1)]);
    let (last, before) = (shard.newest(), Seq(shard.newest().0 - 1));
    let publication = |number, devices| Publication {
        number,
        notes: vec![entry(before, devices, "[\"x\n\",1]"), entry(last, &both.0.to_string(), "[2]")],
    };
    assert_eq!(first.heard(&mut shard), [publication(1, "2,3,5,6,8,9,11,12,13")]);
    assert_eq!(second.heard(&mut shard), [publication(1, "1,4,7,10,13")]);
    shard.post(two, "user_2", "[3]");
    assert_eq!(second.heard(&mut shard)[0].number, 2);
    assert_eq!(shard.tick(one, 0).published, 2);
    shard.finish();
}

#[test]
fn the_home_of_a_room_names_the_other_shards() {
    let mut shard = Shard::new();
    let node = shard.register();
    shard.connect(node, 1, "user_1", "a", &["news"]);
    for here in [0, 2, 3] {
        let cmd = shard.scripts.enlist(&shard.p, ShardNo(here), &[room("news"), room("chess")]);
        shard.run(&cmd).unwrap();
    }
    let elsewhere = vec![ShardNo(0), ShardNo(3)];
    let both = message(rooms(&["news", "chess"]), "[1]");
    let sent = Sent::Kept { devices: 1, online: 1, queued: 1, elsewhere: elsewhere.clone() };
    assert_eq!(shard.send(node, from_ref(&both)), from_ref(&sent));
    assert_eq!(shard.send_as(node, Txn(2), &[both]), [sent], "a repetition names them too");
    let nobody = shard.send(node, &[message(rooms(&["chess"]), "[2]")]);
    assert_eq!(nobody, [Sent::Kept { devices: 0, online: 0, queued: 0, elsewhere }]);
    let not_home = message(To::Rooms(vec![(room("news"), false)]), "[3]");
    assert_eq!(shard.send(node, &[not_home]), [kept(1, 1, 1)]);
    shard.finish();
}

#[test]
fn a_number_is_used_once_and_a_repetition_gets_the_same_answer() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    let messages = [message(rooms(&["user_1"]), "[1]"), message(rooms(&["user_2"]), "[2]")];
    let sent = shard.send(node, &messages);
    assert_eq!(sent, [kept(1, 1, 1), kept(0, 0, 0)]);
    let txn = shard.last_txn(node);
    let mut listener = shard.listen(node);
    shard.disconnect(node, 0, &[(dno, 1)]);
    assert_eq!(shard.send_as(node, txn, &messages), sent, "as it was then");
    assert_eq!(shard.bodies(dno), ["[1]"]);
    assert_eq!(listener.heard(&mut shard), []);
    let late = shard.scripts.send(&shard.p, node, Txn(1), &messages);
    assert_eq!(shard.refused(&late), ("ORDER".into(), "3".into()), "its results are no longer known");
    let early = shard.scripts.send(&shard.p, node, Txn(5), &messages);
    assert_eq!(shard.refused(&early), ("ORDER".into(), "3".into()));
    let stranger = shard.scripts.send(&shard.p, NodeId(9), Txn(1), &[]);
    assert_eq!(shard.refused(&stranger).0, "NOLEASE");
    assert_eq!(shard.bodies(dno), ["[1]"]);
    shard.finish();
}

#[test]
fn an_empty_send_uses_a_number_up() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    let txn = shard.next_txn(node);
    assert_eq!(shard.send_as(node, txn, &[]), []);
    let copy = [message(rooms(&["user_1"]), "[1]")];
    assert_eq!(shard.send_as(node, txn, &copy), [], "an older copy of the number does nothing");
    assert!(shard.bodies(dno).is_empty());
    shard.post(node, "user_1", "[2]");
    let txn = shard.last_txn(node);
    assert_eq!(shard.send_as(node, txn, &[]), []);
    assert_eq!(shard.bodies(dno), ["[2]"]);
    shard.finish();
}

#[test]
fn a_script_serves_256_recipients_and_stops_before_more() {
    let mut shard = Shard::new();
    let node = shard.register();
    for device in 0..260_u64 {
        let others: &[&str] = if device < 200 { &["all", "most"] } else { &["all"] };
        shard.connect(node, device, "user_1", &device.to_string(), others);
    }
    let most = message(rooms(&["most"]), "[1]");
    let one = message(To::Devices(vec![Dno(260)]), "[2]");
    let all = message(rooms(&["all", "user_1"]), "[3]");
    let sent = shard.send(node, &[most.clone(), one.clone(), most.clone(), one.clone()]);
    assert_eq!(sent, [kept(200, 200, 200), kept(1, 1, 1)], "the third would be too many");
    let full = message(To::Devices((5..=260).map(Dno).collect()), "[4]");
    assert_eq!(shard.send(node, &[full.clone(), one.clone()]), [kept(256, 256, 256)]);
    assert_eq!(shard.send(node, &[one.clone(), full]), [kept(1, 1, 1)]);

    let before = shard.counters();
    let seq = shard.newest();
    let many = Sent::TooMany { devices: (1..=260).map(Dno).collect(), elsewhere: Vec::new() };
    assert_eq!(shard.send(node, &[all.clone(), one.clone()]), from_ref(&many));
    assert_eq!((shard.newest(), shard.counters()), (seq, before), "nothing was done");
    assert_eq!(shard.send(node, &[one.clone(), all.clone(), one.clone()]), [kept(1, 1, 1), many.clone()]);
    let list = To::Devices((1..=260).map(Dno).collect());
    assert_eq!(shard.send(node, &[message(list, "[5]")]), from_ref(&many), "a list that nobody cut");
    shard.send(node, &[one.clone(), all.clone(), one.clone()]);
    let txn = shard.last_txn(node);
    let again = shard.scripts.send(&shard.p, node, txn, &[one.clone(), all, one]);
    assert_eq!(reply::send(shard.run(&again).unwrap()).unwrap(), [kept(1, 1, 1), many]);
    shard.finish();
}

#[test]
fn in_a_cluster_it_is_published_by_shard() {
    let mut shard = Shard::publishing_by_shard();
    let node = shard.register();
    shard.connect(node, 1, "user_1", "a", &[]);
    let mut listener = shard.listen(node);
    let seq = shard.post(node, "user_1", "[1]");
    let notes = vec![entry(seq, "1", "[1]")];
    assert_eq!(listener.heard(&mut shard), [Publication { number: 1, notes }]);
    shard.finish();
}

#[test]
fn a_number_may_be_used_up_any_number_of_times_and_at_any_time() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    shard.send(node, &[message(rooms(&["user_1"]), "[1]")]);
    for used in 1..=2 {
        assert_eq!(shard.send_as(node, Txn(used), &[]), []);
    }
    assert_eq!(shard.send_as(node, Txn(3), &[]), []);
    assert_eq!(shard.bodies(dno), ["[1]"]);
    shard.finish();
}
