//! Sessions of devices begin and end.

use postroom::store::*;

use super::rig::*;

pub(super) fn rooms_are_replaced_by_each_connect(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["staff", "user_1"]);
    rig.connect(session(0, 1), "b", &["staff", "user_1"]);
    assert_eq!(rig.send(message("[1]", &["staff"])).devices, 2);
    assert_eq!(rig.connect(session(0, 2), "a", &["board", "user_1"]).0, a);
    assert_eq!(rig.send(message("[2]", &["staff"])).devices, 1);
    assert_eq!(rig.send(message("[3]", &["board"])).devices, 1);
    assert_eq!(rig.texts(a), ["[1]", "[3]"]);
    rig.reopen(true);
    assert_eq!(rig.send(message("[4]", &["staff"])).devices, 1);
    assert_eq!(rig.send(message("[5]", &["board"])).devices, 1);
}

pub(super) fn sessions_on_several_workers_all_get_it(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    for worker in [1, 70] {
        assert_eq!(rig.connect(session(worker, 0), "a", &["user_1"]).0, a);
    }
    let receipt = rig.send(message("[1]", &["user_1"]));
    assert_eq!((receipt.devices, receipt.online, receipt.queued), (1, 1, 1));
    rig.disconnect(session(70, 0));
    rig.send(message("[2]", &["user_1"]));
    for (worker, count) in [(0, 2), (1, 2), (70, 1)] {
        assert_eq!(rig.live(worker, a).len(), count, "worker {worker}");
    }
}

pub(super) fn the_first_ack_settles_it(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let (b, _) = rig.connect(session(1, 0), "b", &["user_1"]);
    rig.connect(session(1, 1), "a", &["user_1"]);
    rig.send(message("[1]", &["user_1"]));
    let seq = rig.live(1, a)[0].0;
    rig.ack(&[Ack::Entry(a, seq), Ack::Entry(a, seq)]);
    assert!(rig.texts(a).is_empty());
    assert_eq!(rig.texts(b), ["[1]"]);
    assert_eq!((rig.balance().acked, rig.balance().queued), (1, 1));
}

pub(super) fn a_session_that_connects_twice_is_one(backend: &dyn Backend) {
    let rig = Rig::new(backend);
    rig.connect(session(0, 0), "a", &["user_1"]);
    rig.connect(session(0, 0), "b", &["user_1"]);
    rig.settle();
    let counters = rig.balance();
    assert_eq!((counters.devices, counters.online), (2, 1));
    rig.disconnect(session(0, 0));
    rig.disconnect(session(0, 0));
    rig.disconnect(session(5, 5));
    assert_eq!(rig.balance().online, 0);
}

pub(super) fn connect_and_disconnect_keep_their_order(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    for slot in 0..100 {
        let connect = |device: &str| {
            let rooms = vec![room("all")];
            let session = session(0, slot);
            rig.store().connect(Connect { session, device: key(device), rooms, limit: WIDE });
        };
        connect("a");
        rig.store().disconnect(Disconnect { session: session(0, slot) });
        connect("b");
        rig.store().disconnect(Disconnect { session: session(0, slot) });
    }
    rig.connect(session(0, 1000), "c", &["all"]);
    let counters = rig.balance();
    assert_eq!((counters.devices, counters.online), (3, 1));
    let receipt = rig.send(message("[1]", &["all"]));
    assert_eq!((receipt.devices, receipt.online), (3, 1));
}
