//! The store ends, in order or not, and is opened again.

use std::time::Duration;

use postroom::domain::*;
use postroom::store::*;

use super::rig::*;

pub(super) fn what_was_answered_is_there_again(backend: &dyn Backend) {
    for crash in [false, true] {
        let mut rig = Rig::new(backend);
        let device = format!("crash {crash}");
        let (a, _) = rig.connect(session(0, 0), &device, &["user_1"]);
        let texts: Vec<String> = (0..100).map(|n| format!("[{n},\"ä\"]")).collect();
        for text in &texts {
            rig.send(message(text, &["user_1"]));
        }
        let before: Vec<u64> = rig.live(0, a).iter().map(|(seq, _)| seq.0).collect();
        rig.reopen(crash);
        let counters = rig.balance();
        assert_eq!(counters.online, 0);
        assert_eq!(counters.accepted, counters.queued);
        assert_eq!(rig.inbox(a, WIDE), before.into_iter().zip(texts).collect::<Vec<_>>());
        let receipt = rig.send(message("[\"new\"]", &["user_1"]));
        assert!(receipt.devices > 0 && receipt.online == 0);
        assert_eq!(rig.connect(session(0, 0), &device, &["user_1"]).0, a);
        assert_eq!(rig.texts(a).len(), 101);
    }
}

pub(super) fn acks_survive_a_close(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let (b, _) = rig.connect(session(0, 1), "b", &["user_1"]);
    for n in 1..=4 {
        rig.send(message(&format!("[{n}]"), &["user_1"]));
    }
    let seqs: Vec<Seq> = rig.live(0, a).into_iter().map(|(seq, _)| seq).collect();
    rig.store().acknowledge(vec![Ack::Entry(a, seqs[2]), Ack::Through(b, seqs[1]), Ack::Entry(a, seqs[0])]);
    rig.reopen(false);
    assert_eq!(rig.texts(a), ["[2]", "[4]"]);
    assert_eq!(rig.texts(b), ["[3]", "[4]"]);
    rig.store().acknowledge(vec![Ack::Through(a, seqs[3]), Ack::Through(b, seqs[3])]);
    rig.reopen(false);
    assert_eq!(rig.balance().queued, 0);
    assert_eq!(rig.balance().devices, 2);
}

pub(super) fn partial_acks_survive_a_crash_after_a_second(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    rig.connect(session(0, 1), "b", &["user_1"]);
    rig.send(message("[1]", &["user_1"]));
    let seq = rig.live(0, a)[0].0;
    // Only time can tell: what is a second old must be written. A machine under load gets more of them.
    let written = (0..20).any(|_| {
        rig.ack(&[Ack::Entry(a, seq)]);
        rig.recorder.quiet(Duration::from_millis(1200));
        rig.reopen(true);
        rig.texts(a).is_empty()
    });
    assert!(written);
    assert_eq!(rig.balance().queued, 1);
}

pub(super) fn numbers_are_never_used_twice(backend: &dyn Backend) {
    let mut rig = Rig::with_ttl(backend, DeviceTtl::After(Duration::from_millis(1)));
    let (mut last_seq, mut last_no) = (Seq(0), DeviceNo(0));
    for round in 0..4 {
        let (a, page) = rig.connect(session(0, 0), "a", &["user_1"]);
        assert!(a > last_no && page.through >= last_seq);
        rig.send(message("[1]", &["user_1"]));
        let seq = rig.live(0, a)[0].0;
        assert!(seq > last_seq);
        (last_seq, last_no) = (seq, a);
        rig.ack(&[Ack::Entry(a, seq)]);
        rig.disconnect(session(0, 0));
        rig.until("the end of the device", |c| c.devices == 0);
        rig.reopen(round % 2 == 0);
    }
}

pub(super) fn the_ttl_goes_on_across_a_restart(backend: &dyn Backend) {
    let mut rig = Rig::with_ttl(backend, DeviceTtl::After(Duration::from_millis(300)));
    rig.connect(session(0, 0), "online", &["user_1"]);
    rig.connect(session(0, 1), "away", &["user_1"]);
    rig.send(message("[1]", &["user_1"]));
    rig.disconnect(session(0, 1));
    rig.reopen(true);
    // Nobody comes back, so both go: the one that was online too.
    let counters = rig.until("the end of both", |c| c.devices == 0);
    assert_eq!((counters.accepted, counters.expired, counters.queued), (2, 2, 0));
    rig.reopen(false);
    assert_eq!(rig.balance(), Counters::default());
}

pub(super) fn a_cleared_inbox_stays_cleared(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let (b, _) = rig.connect(session(0, 1), "b", &["user_1"]);
    for n in 1..=3 {
        rig.send(message(&format!("[{n}]"), &["user_1"]));
    }
    rig.send(resync("[4]", &["user_1"]));
    let seq = rig.live(0, a)[3].0;
    rig.ack(&[Ack::Entry(a, seq)]);
    assert_eq!(rig.resyncs(0).len(), 1);
    rig.reopen(true);
    assert!(rig.texts(a).is_empty());
    assert_eq!(rig.texts(b).len(), 4);
}

pub(super) fn after_close_nothing_is_taken(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    rig.connect(session(0, 0), "a", &["user_1"]);
    rig.store().close();
    rig.store().close();
    let token = rig.post(message("[1]", &["user_1"]));
    assert_eq!(rig.answer(token), Err(StoreError::Closed));
    let (session, rooms) = (session(0, 1), vec![room("user_1")]);
    rig.store().connect(Connect { session, device: key("b"), rooms, limit: WIDE });
    rig.recorder.take("ConnectFailed", |_, event| match event {
        StoreEvent::ConnectFailed { session: s, error: StoreError::Closed } if *s == session => Some(()),
        _ => None,
    });
    rig.store().acknowledge(vec![Ack::Resynced(DeviceNo(1), Seq(1))]);
    rig.store().disconnect(Disconnect { session });
    assert_eq!(rig.store().health(), Err(StoreError::Closed));
}
