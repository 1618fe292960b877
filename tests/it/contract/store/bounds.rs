//! Inboxes that are full.

use postroom::domain::*;
use postroom::store::*;

use super::rig::*;

fn bounded(text: &str, bounds: QueueBounds) -> Message {
    Message { bounds, ..message(text, &["user_1"]) }
}

const RESYNC_3: QueueBounds = QueueBounds { max_messages: 3, max_bytes: 1000, policy: BoundPolicy::Resync };
const DROP_3: QueueBounds = QueueBounds { max_messages: 3, max_bytes: 1000, policy: BoundPolicy::DropOldest };

pub(super) fn too_many_entries_become_a_resync(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(1, 0), "a", &["user_1"]);
    for n in 1..=3 {
        assert_eq!(rig.send(bounded(&format!("[{n}]"), RESYNC_3)).queued, 1);
    }
    let receipt = rig.send(bounded("[4]", RESYNC_3));
    assert_eq!((receipt.devices, receipt.online, receipt.queued), (1, 1, 0));
    assert!(rig.texts(a).is_empty());
    assert_eq!(rig.live(1, a).len(), 3);
    let told = rig.resyncs(1);
    assert_eq!(told.len(), 1);
    assert!(told[0].1 > rig.live(1, a)[2].0);
    assert_eq!((rig.balance().resynced, rig.balance().accepted), (4, 4));
    rig.send(bounded("[5]", RESYNC_3));
    assert_eq!(rig.texts(a), ["[5]"]);
    assert!(rig.live(1, a)[3].0 > told[0].1);
}

pub(super) fn too_many_bytes_become_a_resync(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    rig.disconnect(session(0, 0));
    let bounds = QueueBounds { max_messages: 100, max_bytes: 6, policy: BoundPolicy::Resync };
    assert_eq!(rig.send(bounded("[1]", bounds)).queued, 1);
    assert_eq!(rig.send(bounded("[2]", bounds)).queued, 1, "exactly full is not too much");
    assert_eq!(rig.send(bounded("[3]", bounds)).queued, 0);
    assert!(rig.resyncs(0).is_empty());
    let (_, page) = rig.connect(session(0, 1), "a", &["user_1"]);
    assert!(page.resync.is_some() && page.entries.is_empty());
    assert!(rig.texts(a).is_empty());
}

pub(super) fn the_oldest_are_dropped(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    for n in 1..=5 {
        assert_eq!(rig.send(bounded(&format!("[{n}]"), DROP_3)).queued, 1);
    }
    assert_eq!(rig.texts(a), ["[3]", "[4]", "[5]"]);
    assert_eq!((rig.balance().dropped, rig.live(0, a).len()), (2, 5));
    let tight = QueueBounds { max_bytes: 10, ..DROP_3 };
    rig.send(bounded("[66666]", tight));
    assert_eq!(rig.texts(a), ["[5]", "[66666]"]);
    assert!(rig.resyncs(0).is_empty());
    rig.reopen(true);
    assert_eq!(rig.texts(a), ["[5]", "[66666]"]);
}

pub(super) fn what_cannot_fit_is_dropped_itself(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    rig.send(bounded("[1]", DROP_3));
    let tight = QueueBounds { max_bytes: 10, ..DROP_3 };
    let receipt = rig.send(bounded("[\"much too long\"]", tight));
    assert_eq!((receipt.devices, receipt.queued), (1, 0));
    assert_eq!(rig.texts(a), ["[1]"]);
    assert_eq!((rig.balance().dropped, rig.live(0, a).len()), (1, 1));
}

pub(super) fn one_full_inbox_does_not_hold_up_others(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    for n in 1..=3 {
        rig.send(bounded(&format!("[{n}]"), RESYNC_3));
    }
    let (b, _) = rig.connect(session(1, 0), "b", &["user_1"]);
    let receipt = rig.send(bounded("[4]", RESYNC_3));
    assert_eq!((receipt.devices, receipt.online, receipt.queued), (2, 2, 1));
    assert_eq!((rig.texts(a).len(), rig.texts(b)), (0, vec!["[4]".to_owned()]));
    assert_eq!((rig.resyncs(0).len(), rig.resyncs(1).len()), (1, 0));
    let seq = rig.live(1, b)[0].0;
    rig.ack(&[Ack::Entry(b, seq)]);
    assert_eq!(rig.balance().queued, 0);
}
