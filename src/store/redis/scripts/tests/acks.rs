//! Entries leave an inbox.

use super::super::super::words::{Dno, NodeId, Note, Publication, Settled, To};
use super::shard::{Shard, message, resync, rooms};
use crate::domain::Seq;

/// Some entries for one device: its number and theirs.
fn waiting(shard: &mut Shard, count: usize) -> (Dno, Vec<Seq>) {
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    shard.connect(node, 2, "user_2", "a", &[]);
    let bodies: Vec<String> = (0..count).map(|number| format!("[{number}]")).collect();
    for part in bodies.chunks(100) {
        let to = |number: usize| {
            if number.is_multiple_of(3) { rooms(&["user_1", "user_2"]) } else { rooms(&["user_1"]) }
        };
        let messages: Vec<_> = part.iter().enumerate().map(|(n, body)| message(to(n), body)).collect();
        let sent = shard.send(node, &messages);
        assert_eq!(sent.len(), part.len());
    }
    let refs: Vec<String> = shard.ask("LRANGE", "q:1", &["0", "-1"]);
    (dno, refs.iter().map(|item| Seq(item.trim_start_matches('-').parse().unwrap())).collect())
}

fn left(shard: &mut Shard, dno: Dno) -> Vec<Seq> {
    let refs: Vec<String> = shard.ask("LRANGE", &format!("q:{}", dno.0), &["0", "-1"]);
    refs.iter().map(|item| Seq(item.trim_start_matches(['-', 'r', 'R']).parse().unwrap())).collect()
}

#[test]
fn entries_are_acknowledged_in_any_order_and_any_number_of_times() {
    let mut shard = Shard::new();
    let (dno, mut seqs) = waiting(&mut shard, 40);
    let order = [0, 38, 17, 0, 20, 1, 35, 3, 2, 10, 10, 19];
    let mut gone = Vec::new();
    for place in order {
        if place < seqs.len() {
            let seq = seqs.remove(place);
            shard.ack(&[Settled::Entry(dno, seq), Settled::Entry(dno, seq)]);
            gone.push(Settled::Entry(dno, seq));
            assert_eq!(left(&mut shard, dno), seqs);
        }
    }
    shard.ack(&gone);
    assert_eq!(left(&mut shard, dno), seqs, "again");
    assert_eq!(shard.counters()[1], gone.len() as u64);
    let all: Vec<_> = seqs.iter().rev().map(|seq| Settled::Entry(dno, *seq)).collect();
    shard.ack(&all);
    assert_eq!(left(&mut shard, dno), []);
    shard.finish();
}

#[test]
fn what_is_not_there_is_nothing() {
    let mut shard = Shard::new();
    let (dno, seqs) = waiting(&mut shard, 5);
    let before = shard.counters();
    shard.ack(&[
        Settled::Entry(Dno(99), seqs[0]),
        Settled::EntryBehindBatch(Dno(99), seqs[0], seqs[1]),
        Settled::Through(Dno(99), seqs[4]),
        Settled::Resynced(Dno(99), seqs[4]),
        Settled::Entry(dno, Seq(seqs[0].0 - 1)),
        Settled::Entry(dno, Seq(seqs[4].0 + 1)),
        Settled::Through(dno, Seq(seqs[0].0 - 1)),
        Settled::Resynced(dno, seqs[4]),
    ]);
    assert_eq!(left(&mut shard, dno), seqs);
    assert_eq!(shard.counters(), before);
    shard.finish();
}

#[test]
fn through_takes_everything_up_to_there() {
    let mut shard = Shard::new();
    let (dno, seqs) = waiting(&mut shard, 10);
    shard.ack(&[Settled::Through(dno, seqs[3])]);
    assert_eq!(left(&mut shard, dno), seqs[4..]);
    shard.ack(&[
        Settled::Entry(dno, seqs[5]),
        Settled::Through(dno, seqs[5]),
        Settled::Through(dno, seqs[5]),
    ]);
    assert_eq!(left(&mut shard, dno), seqs[6..]);
    shard.ack(&[Settled::Through(dno, Seq(seqs[9].0 + 100))]);
    assert_eq!(left(&mut shard, dno), []);
    assert_eq!(shard.counters()[1], 10);
    shard.finish();
}

#[test]
fn a_long_through_is_counted_at_once_and_swept_later() {
    let mut shard = Shard::new();
    let (dno, seqs) = waiting(&mut shard, 900);
    shard.ack(&[Settled::Through(dno, seqs[799])]);
    assert_eq!(left(&mut shard, dno), seqs[800..]);
    assert_eq!(shard.counters()[1], 800);
    let aside: u64 = shard.ask("SCARD", "g", &[]);
    assert_eq!(aside, 1);
    shard.finish();
}

#[test]
fn a_shared_body_goes_with_its_last_ref() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dnos: Vec<Dno> =
        (0..300).map(|device| shard.connect(node, device, "user_1", &device.to_string(), &[])).collect();
    shard.send(node, &[message(To::Devices(dnos[..256].to_vec()), "[1]")]);
    let seq = shard.newest();
    let batch: Vec<_> = dnos[..255].iter().map(|dno| Settled::Entry(*dno, seq)).collect();
    shard.ack(&batch);
    assert_eq!(shard.ask::<String>("HGET", "refs", &[&seq.0.to_string()]), "1");
    assert_eq!(shard.bodies(dnos[255]), ["[1]"]);
    shard.ack(&[Settled::Entry(dnos[255], seq)]);
    let left: u64 = shard.ask("EXISTS", &format!("m:{}", seq.0), &[]);
    assert_eq!(left, 0);
    shard.finish();
}

/// Two entries, one with resync, one more; the device is owned by the first node.
fn out_of_order(shard: &mut Shard, shared: bool) -> (Dno, [Seq; 4]) {
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    let to = || if shared { rooms(&["user_1", "user_2"]) } else { rooms(&["user_1"]) };
    shard.connect(node, 2, "user_2", "a", &[]);
    let messages = [message(to(), "[1]"), message(to(), "[2]"), resync(to(), "[3]"), message(to(), "[4]")];
    shard.send(node, &messages);
    let last = shard.newest().0;
    (dno, [last - 3, last - 2, last - 1, last].map(Seq))
}

#[test]
fn resync_out_of_order_clears_the_inbox() {
    for shared in [false, true] {
        let mut shard = Shard::new();
        let (dno, seqs) = out_of_order(&mut shard, shared);
        let node = NodeId(1);
        let mut listener = shard.listen(node);
        shard.ack(&[Settled::Entry(dno, seqs[2])]);
        assert_eq!(shard.inbox(dno), (vec![], Some(seqs[3])));
        let [_, acked, _, resynced, ..] = shard.counters();
        assert_eq!((acked, resynced), (1, 3));
        let notes = vec![Note::Resync { dno, through: seqs[3] }];
        assert_eq!(listener.heard(&mut shard), [Publication { number: 2, notes }]);
        shard.post(node, "user_1", "[5]");
        assert_eq!(shard.bodies(dno), ["[5]"]);
        shard.ack(&[Settled::Entry(dno, seqs[0]), Settled::Resynced(dno, seqs[2])]);
        assert_eq!(shard.inbox(dno).1, Some(seqs[3]), "an older confirmation");
        shard.ack(&[Settled::Resynced(dno, seqs[3])]);
        assert_eq!(shard.inbox(dno).1, None);
        shard.finish();
    }
}

#[test]
fn resync_of_the_last_entry_clears_through_itself() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    shard.send(node, &[message(rooms(&["user_1"]), "[1]"), resync(rooms(&["user_1"]), "[2]")]);
    let last = shard.newest();
    shard.ack(&[Settled::Entry(dno, last)]);
    assert_eq!(shard.inbox(dno), (vec![], Some(last)));
    shard.finish();
}

#[test]
fn resync_in_order_clears_nothing() {
    let mut shard = Shard::new();
    let (dno, seqs) = out_of_order(&mut shard, false);
    shard.ack(&[Settled::Entry(dno, seqs[0]), Settled::Entry(dno, seqs[1]), Settled::Entry(dno, seqs[2])]);
    assert_eq!(shard.inbox(dno), (vec![(seqs[3], "[4]".into())], None));
    shard.finish();
}

#[test]
fn what_is_in_a_batch_under_way_does_not_count_as_older() {
    let mut shard = Shard::new();
    let (dno, seqs) = out_of_order(&mut shard, false);
    shard.ack(&[Settled::EntryBehindBatch(dno, seqs[2], seqs[1])]);
    assert_eq!(left(&mut shard, dno), [seqs[0], seqs[1], seqs[3]]);
    shard.finish();

    let mut shard = Shard::new();
    let (dno, seqs) = out_of_order(&mut shard, false);
    shard.ack(&[Settled::EntryBehindBatch(dno, seqs[2], seqs[0])]);
    assert_eq!(shard.inbox(dno), (vec![], Some(seqs[3])));
    shard.finish();
}

#[test]
fn through_never_resyncs() {
    let mut shard = Shard::new();
    let (dno, seqs) = out_of_order(&mut shard, false);
    shard.ack(&[Settled::Entry(dno, seqs[1]), Settled::Through(dno, seqs[2])]);
    assert_eq!(shard.inbox(dno), (vec![(seqs[3], "[4]".into())], None));
    shard.finish();
}
