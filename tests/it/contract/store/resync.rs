//! Messages with `resync`.

use postroom::domain::*;
use postroom::store::*;

use super::rig::*;

/// A device with an old entry, one with `resync` (unless not `option`), and a newer one; their seqs.
fn three(rig: &mut Rig<'_>, option: bool) -> (DeviceNo, Vec<Seq>) {
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    rig.connect(session(1, 0), "a", &["user_1"]);
    rig.send(message("[1]", &["user_1"]));
    rig.send(Message { resync: option, ..resync("[2]", &["user_1"]) });
    rig.send(message("[3]", &["user_1"]));
    (a, rig.live(0, a).into_iter().map(|(seq, _)| seq).collect())
}

pub(super) fn an_ack_before_an_older_one_clears(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = three(&mut rig, true);
    let (b, _) = rig.connect(session(2, 0), "b", &["user_1"]);
    rig.ack(&[Ack::Entry(a, seqs[1])]);
    for worker in [0, 1] {
        assert_eq!(rig.resyncs(worker), [(a, seqs[2])]);
    }
    assert!(rig.resyncs(2).is_empty());
    assert!(rig.texts(a).is_empty());
    let counters = rig.balance();
    assert_eq!((counters.acked, counters.resynced, counters.queued), (1, 2, 0));
    rig.send(message("[4]", &["user_1"]));
    assert_eq!((rig.texts(a), rig.texts(b)), (vec!["[4]".to_owned()], vec!["[4]".to_owned()]));
}

pub(super) fn without_the_option_it_does_not(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = three(&mut rig, false);
    rig.ack(&[Ack::Entry(a, seqs[1])]);
    assert_eq!(rig.texts(a), ["[1]", "[3]"]);
    assert!(rig.resyncs(0).is_empty());
}

pub(super) fn in_order_it_does_not(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = three(&mut rig, true);
    rig.ack(&[Ack::Entry(a, seqs[0]), Ack::Entry(a, seqs[1])]);
    assert_eq!(rig.texts(a), ["[3]"]);
    assert!(rig.resyncs(0).is_empty());
}

pub(super) fn a_batch_under_way_is_not_older(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = three(&mut rig, true);
    rig.ack(&[Ack::EntryBehindBatch(a, seqs[1], seqs[0])]);
    assert_eq!(rig.texts(a), ["[1]", "[3]"]);
    assert!(rig.resyncs(0).is_empty());
    // An older entry behind the batch counts.
    rig.send(resync("[4]", &["user_1"]));
    let fourth = rig.live(0, a).last().unwrap().0;
    rig.ack(&[Ack::EntryBehindBatch(a, fourth, seqs[0])]);
    assert_eq!(rig.resyncs(0), [(a, fourth)]);
}

pub(super) fn through_never_does(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = three(&mut rig, true);
    rig.ack(&[Ack::Through(a, seqs[1])]);
    assert_eq!(rig.texts(a), ["[3]"]);
    assert!(rig.resyncs(0).is_empty());
}

pub(super) fn acks_for_what_was_cleared_are_ignored(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = three(&mut rig, true);
    rig.ack(&[
        Ack::Entry(a, seqs[1]),
        Ack::Entry(a, seqs[1]),
        Ack::Entry(a, seqs[0]),
        Ack::Through(a, seqs[2]),
    ]);
    assert_eq!(rig.resyncs(0).len(), 1);
    assert_eq!(rig.balance().acked, 1);
}

pub(super) fn it_is_owed_until_confirmed(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = three(&mut rig, true);
    rig.ack(&[Ack::Entry(a, seqs[1])]);
    assert!(rig.read(session(0, 0), a, Seq(0), WIDE).resync.is_some());
    rig.reopen(true);
    let (again, page) = rig.connect(session(0, 0), "a", &["user_1"]);
    assert_eq!((again, page.resync, page.entries.len()), (a, Some(seqs[2]), 0));
    rig.ack(&[Ack::Resynced(a, LAST)]);
    assert!(rig.read(session(0, 0), a, Seq(0), WIDE).resync.is_none());
    rig.reopen(false);
    assert!(rig.connect(session(0, 0), "a", &["user_1"]).1.resync.is_none());
}

pub(super) fn a_later_one_is_owed_although_the_first_is_confirmed(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = three(&mut rig, true);
    rig.ack(&[Ack::Entry(a, seqs[1])]);
    let first = rig.resyncs(0)[0].1;
    // Before the store hears that the first one has arrived, the inbox is cleared once more.
    rig.send(message("[4]", &["user_1"]));
    rig.send(resync("[5]", &["user_1"]));
    let last = rig.live(0, a).last().unwrap().0;
    rig.ack(&[Ack::Entry(a, last)]);
    rig.ack(&[Ack::Resynced(a, first)]);
    let owed = rig.read(session(0, 0), a, Seq(0), WIDE).resync;
    assert_eq!(owed, Some(rig.resyncs(0)[1].1));
    rig.reopen(true);
    assert_eq!(rig.connect(session(0, 0), "a", &["user_1"]).1.resync, owed);
    rig.ack(&[Ack::Resynced(a, last)]);
    assert_eq!(rig.read(session(0, 0), a, Seq(0), WIDE).resync, None);
}
