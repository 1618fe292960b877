//! Entries wait, and leave by acks.

use postroom::domain::*;
use postroom::store::*;

use super::rig::*;

/// A device with five entries.
fn five(rig: &mut Rig<'_>) -> (DeviceNo, Vec<Seq>) {
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    for n in 1..=5 {
        rig.send(message(&format!("[{n}]"), &["user_1"]));
    }
    (a, rig.live(0, a).into_iter().map(|(seq, _)| seq).collect())
}

pub(super) fn acks_leave_holes(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = five(&mut rig);
    rig.ack(&[Ack::Entry(a, seqs[3]), Ack::Entry(a, seqs[1])]);
    assert_eq!(rig.texts(a), ["[1]", "[3]", "[5]"]);
    assert_eq!(rig.balance().acked, 2);
    assert!(rig.resyncs(0).is_empty());
}

pub(super) fn acks_may_come_twice_or_for_nothing(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = five(&mut rig);
    let far = Seq(seqs[4].0 + 1000);
    rig.ack(&[Ack::Entry(a, seqs[0]), Ack::Entry(a, seqs[0]), Ack::Entry(a, far), Ack::Entry(a, Seq(0))]);
    rig.ack(&[
        Ack::Entry(DeviceNo(999), seqs[1]),
        Ack::Through(DeviceNo(999), far),
        Ack::Resynced(DeviceNo(999), LAST),
    ]);
    rig.ack(&[Ack::Through(a, Seq(0)), Ack::Resynced(a, LAST)]);
    assert_eq!(rig.balance().acked, 1);
    assert_eq!(rig.texts(a).len(), 4);
}

pub(super) fn through_takes_all_up_to_it(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = five(&mut rig);
    rig.ack(&[Ack::Entry(a, seqs[1]), Ack::Through(a, seqs[2]), Ack::Through(a, seqs[0])]);
    assert_eq!(rig.texts(a), ["[4]", "[5]"]);
    assert_eq!(rig.balance().acked, 3);
}

pub(super) fn pages_keep_their_limits_and_go_on_where_they_stopped(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, seqs) = five(&mut rig);
    let page = rig.read(session(0, 0), a, Seq(0), PageLimit { entries: 2, bytes: 1000 });
    assert_eq!((page.entries.len(), page.more, page.through), (2, true, seqs[1]));
    let page = rig.read(session(0, 0), a, page.through, PageLimit { entries: 100, bytes: 6 });
    assert_eq!((page.entries.len(), page.more, page.through), (2, true, seqs[3]));
    let page = rig.read(session(0, 0), a, page.through, WIDE);
    assert_eq!((page.entries.len(), page.more), (1, false));
    assert!(page.through >= seqs[4]);
    let page = rig.read(session(0, 0), a, page.through, WIDE);
    assert!(page.entries.is_empty() && !page.more);
    rig.send(message("[6]", &["user_1"]));
    assert!(rig.live(0, a)[5].0 > page.through);
}

pub(super) fn a_long_inbox_is_read_from_its_beginning(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let texts: Vec<String> = (0..40).map(|n| format!("[{n}]")).collect();
    for text in &texts {
        rig.send(message(text, &["user_1"]));
    }
    for (slot, limit) in [(1, WIDE), (2, PageLimit { entries: 3, bytes: 100 })] {
        let (no, page) = rig.connect_with(session(1, slot), key("a"), &["user_1"], limit);
        assert_eq!(no, a);
        let mut found: Vec<String> = page.entries.iter().map(|(_, event)| super::rig::text(event)).collect();
        let (mut after, mut more) = (page.through, page.more);
        while more {
            let page = rig.read(session(1, slot), a, after, limit);
            found.extend(page.entries.iter().map(|(_, event)| super::rig::text(event)));
            (after, more) = (page.through, page.more);
        }
        assert_eq!(found, texts);
    }
}

pub(super) fn a_page_holds_one_entry_however_large(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let large = format!("[\"{}\"]", "x".repeat(300_000));
    rig.send(message(&large, &["user_1"]));
    rig.send(message(&large, &["user_1"]));
    let limit = PageLimit { entries: 0, bytes: 0 };
    assert_eq!(rig.inbox(a, limit).len(), 2);
    let page = rig.read(session(0, 0), a, Seq(0), limit);
    assert_eq!((page.entries.len(), page.more), (1, true));
    assert_eq!(super::rig::text(&page.entries[0].1), large);
}

pub(super) fn reading_for_an_unknown_device_is_an_empty_page(backend: &dyn Backend) {
    let rig = Rig::new(backend);
    let page = rig.read(session(3, 0), DeviceNo(77), Seq(0), WIDE);
    assert!(page.entries.is_empty() && !page.more && page.resync.is_none());
}
