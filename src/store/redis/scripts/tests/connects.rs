//! Devices come and go, and inboxes are read.

use super::super::super::words::{Admitted, Arrival, Dno, Gen, Mark, NodeId, Settled, Stretch, Txn};
use super::super::reply;
use super::shard::{LONG, Shard, arrival, kept, message, rooms};
use crate::domain::Seq;

fn owners(shard: &mut Shard, dno: Dno) -> Option<String> {
    shard.ask("HGET", "s", &[&dno.0.to_string()])
}

fn ttl(shard: &mut Shard, dno: Dno) -> Option<f64> {
    shard.ask("ZSCORE", "exp", &[&dno.0.to_string()])
}

fn members(shard: &mut Shard, room: &str) -> Vec<u64> {
    let mut members: Vec<u64> = shard.ask("SMEMBERS", &format!("r:s\0{room}"), &[]);
    members.sort_unstable();
    members
}

#[test]
fn a_device_keeps_its_number_and_its_inbox() {
    let mut shard = Shard::new();
    let (one, two) = (shard.register(), shard.register());
    let dno = shard.connect(one, 5, "user_1", "a", &["news"]);
    assert_eq!(shard.connect(one, 6, "user_1", "b", &[]), Dno(dno.0 + 1));
    shard.post(one, "news", "[1]");
    let there = shard.arrive(two, &arrival(1, "user_1", "a", &["news"]));
    assert_eq!((there.dno, there.published), (dno, 0));
    assert_eq!(there.stretch.entries.len(), 1);
    assert_eq!((there.stretch.through, there.stretch.more), (shard.newest(), false));
    assert_eq!(owners(&mut shard, dno).unwrap(), "1.5;2.1;");
    shard.connect(one, 7, "user_1", "a", &["news"]);
    assert_eq!(
        owners(&mut shard, dno).unwrap(),
        "2.1;1.7;",
        "the new generation takes the place of the old one"
    );
    assert_eq!(shard.counters()[5], 2);
    shard.finish();
}

#[test]
fn rooms_are_replaced_and_an_empty_one_is_remembered() {
    let mut shard = Shard::new();
    let node = shard.register();
    let one = shard.connect(node, 1, "user_1", "a", &["chess", "news"]);
    let two = shard.connect(node, 2, "user_2", "a", &["news"]);
    assert_eq!(shard.connect(node, 3, "user_1", "a", &["go \"quoted\" \u{1}é", "staff"]), one);
    assert_eq!(members(&mut shard, "news"), [two.0]);
    assert_eq!(members(&mut shard, "staff"), [one.0]);
    let empty: Vec<String> = shard.ask("ZRANGE", "xg", &["0", "-1"]);
    assert_eq!(empty, ["s\0chess"]);
    assert_eq!(shard.send(node, &[message(rooms(&["chess"]), "[1]")]), [kept(0, 0, 0)]);
    shard.connect(node, 4, "user_1", "a", &[]);
    let empty: Vec<String> = shard.ask("ZRANGE", "xg", &["0", "-1"]);
    assert_eq!(empty.len(), 3, "{empty:?}");
    shard.finish();
}

#[test]
fn a_repeated_connect_tells_the_state_and_touches_nothing() {
    let mut shard = Shard::new();
    let node = shard.register();
    let arrives = arrival(1, "user_1", "a", &["news"]);
    let first = shard.arrive(node, &arrives);
    let txn = shard.last_txn(node);
    shard.connect(node, 2, "user_1", "a", &["chess"]);
    shard.post(node, "user_1", "[1]");
    let cmd = shard.scripts.connect(&shard.p, node, txn, &arrives);
    let again = reply::connect(shard.run(&cmd).unwrap()).unwrap();
    assert_eq!((again.dno, again.published, again.stretch.entries.len()), (first.dno, 1, 1));
    assert_eq!(owners(&mut shard, first.dno).unwrap(), "1.2;");
    assert!(members(&mut shard, "news").is_empty());
    let never = shard.scripts.connect(&shard.p, node, txn, &arrival(1, "user_9", "a", &[]));
    assert_eq!(shard.refused(&never).0, "GONE");
    let early = shard.scripts.connect(&shard.p, node, Txn(txn.0 + 7), &arrives);
    assert_eq!(shard.refused(&early), ("ORDER".into(), "3".into()));
    let stranger = shard.scripts.connect(&shard.p, NodeId(9), Txn(1), &arrives);
    assert_eq!(shard.refused(&stranger).0, "NOLEASE");
    shard.finish();
}

#[test]
fn only_the_named_generation_ends() {
    let mut shard = Shard::new();
    let (one, two) = (shard.register(), shard.register());
    let dno = shard.connect(one, 1, "user_1", "a", &[]);
    shard.connect(one, 12, "user_1", "a", &[]);
    shard.connect(two, 1, "user_1", "a", &[]);
    shard.disconnect(one, LONG, &[(dno, 1), (dno, 2), (dno, 112), (Dno(77), 1)]);
    assert_eq!(owners(&mut shard, dno).unwrap(), "1.12;2.1;");
    shard.disconnect(one, LONG, &[(dno, 12)]);
    assert_eq!(owners(&mut shard, dno).unwrap(), "2.1;");
    assert_eq!((ttl(&mut shard, dno), shard.counters()[5]), (None, 1));
    shard.disconnect(two, LONG, &[(dno, 1), (dno, 1)]);
    assert_eq!(owners(&mut shard, dno).unwrap(), "");
    assert_eq!(shard.counters()[5], 0);
    let (seconds, _): (f64, f64) = redis::cmd("TIME").query(&mut shard.connection).unwrap();
    let expires = ttl(&mut shard, dno).unwrap() - seconds * 1000.0;
    assert!((expires - LONG as f64).abs() < 60_000.0, "{expires}");
    shard.connect(one, 13, "user_1", "a", &[]);
    assert_eq!((ttl(&mut shard, dno), shard.counters()[5]), (None, 1));
    shard.disconnect(one, 0, &[(dno, 13)]);
    assert_eq!(ttl(&mut shard, dno), None, "never expires");
    shard.finish();
}

#[test]
fn a_repeated_disconnect_does_nothing() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    shard.disconnect(node, LONG, &[(dno, 1)]);
    let txn = shard.last_txn(node);
    shard.connect(node, 1, "user_1", "a", &[]);
    let cmd = shard.scripts.disconnect(&shard.p, node, txn, LONG, &[(dno, Gen(1))]);
    shard.run(&cmd).unwrap();
    assert_eq!(owners(&mut shard, dno).unwrap(), "1.1;");
    let early = shard.scripts.disconnect(&shard.p, node, Txn(9), LONG, &[]);
    assert_eq!(shard.refused(&early), ("ORDER".into(), "3".into()));
    shard.finish();
}

#[test]
fn adopting_takes_devices_over_and_names_those_that_are_gone() {
    let mut shard = Shard::new();
    let (one, two) = (shard.register(), shard.register());
    let away = shard.connect(one, 1, "user_1", "a", &[]);
    let held = shard.connect(one, 2, "user_2", "a", &[]);
    shard.disconnect(one, LONG, &[(away, 1)]);
    let txn = shard.next_txn(two);
    let (of_away, of_held) = (shard.mark(away), shard.mark(held));
    let pairs = [
        (Dno(99), Gen(1), Mark::default()),
        (away, Gen(1), of_away),
        (held, Gen(2), of_held),
        (held, Gen(3), of_held),
    ];
    let cmd = shard.scripts.adopt(&shard.p, two, txn, &pairs);
    for _ in 0..2 {
        assert_eq!(reply::adopt(shard.run(&cmd).unwrap()).unwrap(), [Dno(99)]);
        assert_eq!(owners(&mut shard, away).unwrap(), "2.1;");
        assert_eq!(owners(&mut shard, held).unwrap(), "1.2;2.3;");
        assert_eq!((ttl(&mut shard, away), shard.counters()[5]), (None, 2));
    }
    shard.disconnect(two, LONG, &[(away, 1)]);
    shard.run(&cmd).unwrap();
    assert_eq!(owners(&mut shard, away).unwrap(), "", "a late copy does nothing");
    shard.finish();
}

#[test]
fn who_is_not_what_it_was_is_not_adopted() {
    let mut shard = Shard::new();
    let (one, two) = (shard.register(), shard.register());
    let dno = shard.connect(one, 1, "user_1", "a", &["chess"]);
    let before = shard.mark(dno);
    shard.connect(one, 2, "user_1", "a", &["go"]);
    let other = Mark { who: 1, record: None };
    let whatever = Mark { record: None, ..before };
    for (mark, gone) in
        [(before, vec![dno]), (other, vec![dno]), (shard.mark(dno), vec![]), (whatever, vec![])]
    {
        let txn = shard.next_txn(two);
        let cmd = shard.scripts.adopt(&shard.p, two, txn, &[(dno, Gen(3), mark)]);
        assert_eq!(reply::adopt(shard.run(&cmd).unwrap()).unwrap(), gone);
        let owned = owners(&mut shard, dno).unwrap();
        assert_eq!(owned, if gone.is_empty() { "1.2;2.3;" } else { "1.2;" });
    }
    shard.finish();
}

/// Bodies of growing length, and one that is long.
fn filled(shard: &mut Shard, node: NodeId) -> (Dno, Vec<Seq>) {
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    let seqs = (0..30).map(|n| shard.post(node, "user_1", &"x".repeat(if n == 20 { 5000 } else { 10 + n })));
    (dno, seqs.collect())
}

fn shape(stretch: &Stretch) -> (usize, Seq, bool) {
    (stretch.entries.len(), stretch.through, stretch.more)
}

#[test]
fn a_page_keeps_its_limits_and_holds_at_least_one_entry() {
    let mut shard = Shard::new();
    let node = shard.register();
    let (dno, seqs) = filled(&mut shard, node);
    let newest = seqs[29];
    assert_eq!(shape(&shard.read(dno, Seq(0), 7, 1 << 20)), (7, seqs[6], true));
    assert_eq!(shape(&shard.read(dno, seqs[6], 100, 1 << 20)), (23, newest, false));
    assert_eq!(shape(&shard.read(dno, seqs[28], 1, 1 << 20)), (1, newest, false));
    assert_eq!(shape(&shard.read(dno, newest, 9, 1 << 20)), (0, newest, false));
    assert_eq!(shape(&shard.read(dno, Seq(0), 100, 33)), (3, seqs[2], true), "10 + 11 + 12 bytes");
    assert_eq!(shape(&shard.read(dno, Seq(0), 100, 32)), (2, seqs[1], true));
    assert_eq!(shape(&shard.read(dno, seqs[19], 100, 9)), (1, seqs[20], true), "however long");
    assert_eq!(shape(&shard.read(dno, Seq(0), 0, 0)), (1, seqs[0], true));
    assert_eq!(shape(&shard.read(Dno(50), Seq(0), 9, 9)), (0, newest, false));
    shard.ack(&[Settled::Entry(dno, seqs[5])]);
    assert_eq!(shard.read(dno, seqs[4], 1, 99).entries[0].0, seqs[6], "behind a hole");
    assert_eq!(shard.read(dno, seqs[5], 1, 99).entries[0].0, seqs[6]);
    let small = Arrival { entries: 2, bytes: 99, ..arrival(2, "user_1", "a", &[]) };
    let Admitted { stretch, published, .. } = shard.arrive(node, &small);
    assert_eq!((shape(&stretch), published), ((2, seqs[1], true), 30));
    shard.finish();
}

#[test]
fn a_page_has_at_most_256_entries_and_many_are_read_at_once() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    for _ in 0..3 {
        shard.send(node, &vec![message(rooms(&["user_1"]), "[0]"); 100]);
    }
    let wanted = [(dno, Seq(0), 1000, 1 << 20), (Dno(9), Seq(0), 9, 9), (dno, Seq(0), 3, 1 << 20)];
    let cmd = shard.scripts.read(&shard.p, &wanted);
    let stretches = reply::read(shard.run(&cmd).unwrap()).unwrap();
    let shapes: Vec<_> = stretches.iter().map(|s| (s.entries.len(), s.more)).collect();
    assert_eq!(shapes, [(256, true), (0, false), (3, true)]);
    shard.finish();
}

#[test]
fn bodies_are_not_read_far_beyond_the_bytes() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    for _ in 0..20 {
        shard.send(node, &vec![message(rooms(&["user_1"]), &"x".repeat(1000)); 10]);
    }
    let before = fetched(&mut shard);
    assert_eq!(shard.read(dno, Seq(0), 256, 5500).entries.len(), 5);
    let bodies = fetched(&mut shard) - before;
    assert!(bodies <= 5 + 1 + 3, "{bodies} keys: head and inbox, 5 bodies and the one that is too much");
    shard.finish();
}

/// Keys that were looked up and found, since the server began.
fn fetched(shard: &mut Shard) -> u64 {
    let stats: String = redis::cmd("INFO").arg("stats").query(&mut shard.connection).unwrap();
    let hits = stats.split("keyspace_hits:").nth(1).unwrap();
    hits.split(['\r', '\n']).next().unwrap().parse().unwrap()
}
