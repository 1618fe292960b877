//! Devices without a session.

use std::time::Duration;

use postroom::domain::*;
use postroom::store::*;

use super::rig::*;

pub(super) fn within_the_ttl_nothing_is_lost(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    rig.disconnect(session(0, 0));
    let receipt = rig.send(message("[1]", &["user_1"]));
    assert_eq!((receipt.devices, receipt.online, receipt.queued), (1, 0, 1));
    assert!(rig.live(0, a).is_empty());
    let (again, page) = rig.connect(session(0, 1), "a", &["user_1"]);
    assert_eq!((again, page.entries.len(), page.more), (a, 1, false));
    rig.send(message("[2]", &["user_1"]));
    assert!(rig.live(0, a)[0].0 > page.through);
}

pub(super) fn after_the_ttl_all_is_gone(backend: &dyn Backend) {
    let mut rig = Rig::with_ttl(backend, DeviceTtl::After(Duration::from_millis(150)));
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    rig.connect(session(0, 1), "b", &["user_1"]);
    rig.send(message("[1]", &["user_1"]));
    rig.send(message("[2]", &["user_1"]));
    rig.disconnect(session(0, 0));
    let counters = rig.until("the end of the device", |c| c.devices == 1);
    assert_eq!((counters.expired, counters.queued, counters.online), (2, 2, 1));
    assert_eq!(rig.send(message("[3]", &["user_1"])).devices, 1);
    let (again, page) = rig.connect(session(0, 2), "a", &["user_1"]);
    assert!(again != a && page.entries.is_empty());
    rig.ack(&[Ack::Through(a, Seq(u64::MAX >> 1))]);
    rig.reopen(true);
    assert_eq!(rig.balance().devices, 2);
}

pub(super) fn never_means_never(backend: &dyn Backend) {
    let mut rig = Rig::with_ttl(backend, DeviceTtl::Never);
    rig.connect(session(0, 0), "a", &["user_1"]);
    rig.disconnect(session(0, 0));
    rig.send(message("[1]", &["user_1"]));
    rig.reopen(false);
    rig.reopen(true);
    assert_eq!(rig.connect(session(0, 0), "a", &["user_1"]).1.entries.len(), 1);
}

pub(super) fn only_the_last_session_counts(backend: &dyn Backend) {
    let rig = Rig::with_ttl(backend, DeviceTtl::After(Duration::from_millis(100)));
    rig.connect(session(0, 0), "a", &["user_1"]);
    rig.connect(session(1, 0), "a", &["user_1"]);
    rig.connect(session(0, 1), "b", &["user_1"]);
    rig.disconnect(session(0, 0));
    rig.disconnect(session(0, 1));
    // Both lost a session at once: when the one has expired, so would have the other.
    let counters = rig.until("the end of b", |c| c.devices == 1);
    assert_eq!(counters.online, 1);
    rig.disconnect(session(1, 0));
    rig.until("the end of a", |c| c.devices == 0);
}
